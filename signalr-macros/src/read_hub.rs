//! From an `impl` block to a [`HubModel`].

use proc_macro2::Ident;
use quote::ToTokens;
use syn::{
    Attribute, ImplItem, ImplItemFn, ItemImpl, Path, Safety, Signature, Type, Visibility,
    parse_quote_spanned,
};

use crate::{
    args::{self, HubArgs},
    classify::{self, Class},
    errors::Errors,
    lifecycle,
    model::{Arg, HubMethod, HubModel, Methods, ProxyName},
    naming::{Case, plain},
    render_proxy,
    types::last,
    validate,
};

pub(crate) fn read(args: HubArgs, mut block: ItemImpl, errors: &mut Errors) -> HubModel {
    let mut methods = Vec::new();
    let mut moved = Vec::new();
    let mut kept = Vec::new();
    for item in std::mem::take(&mut block.items) {
        match item {
            ImplItem::Fn(function) if lifecycle::is(&function) => moved.push(function),
            ImplItem::Fn(mut function) => {
                methods.extend(callable(&mut function, args.case, errors));
                kept.push(ImplItem::Fn(function));
            }
            other => kept.push(other),
        }
    }
    validate::wire_names(
        "hub methods",
        "hub",
        methods.iter().map(HubMethod::named),
        errors,
    );
    let lifecycle = lifecycle::read(args.session, moved, errors);
    kept.extend(lifecycle.broken.into_iter().map(ImplItem::Fn));
    block.items = kept;
    HubModel {
        client: args.client,
        proxy: args.proxy.or_else(|| proxy_name(&block.self_ty)),
        name: args.name.unwrap_or_else(|| type_name(&block.self_ty)),
        session: lifecycle.session,
        lifecycle: lifecycle.moved,
        methods: Methods::Own(methods),
        block,
    }
}

/// A block that implements a contract, which says what its methods are.
pub(crate) fn read_implementation(
    args: HubArgs,
    mut block: ItemImpl,
    contract: Path,
    errors: &mut Errors,
) -> HubModel {
    let mut moved = Vec::new();
    let mut kept = Vec::new();
    for item in std::mem::take(&mut block.items) {
        match item {
            ImplItem::Fn(function) if lifecycle::is(&function) => moved.push(function),
            ImplItem::Fn(mut function) => {
                for attr in args::take(&mut function.attrs, "hub") {
                    errors.at(
                        attr,
                        "the trait says what its methods are called; rename them there",
                    );
                }
                kept.push(ImplItem::Fn(function));
            }
            other => kept.push(other),
        }
    }
    let lifecycle = lifecycle::read(args.session, moved, errors);
    block.items = kept;
    HubModel {
        client: args.client,
        proxy: None,
        name: args.name.unwrap_or_else(|| type_name(&block.self_ty)),
        session: lifecycle.session,
        lifecycle: lifecycle.moved,
        methods: Methods::Contract(contract),
        block,
    }
}

/// How visible the type is can't be seen here, so its proxy is as its methods are: `pub`.
fn proxy_name(ty: &Type) -> Option<ProxyName> {
    last(ty).map(|segment| {
        let vis = parse_quote_spanned!(segment.ident.span()=> pub);
        render_proxy::name_of(&segment.ident, vis)
    })
}

fn type_name(ty: &Type) -> String {
    let name = last(ty).map(|segment| plain(&segment.ident));
    name.unwrap_or_else(|| ty.to_token_stream().to_string())
}

/// The method's entry, if it is `pub` and has no mistakes.
fn callable(function: &mut ImplItemFn, case: Case, errors: &mut Errors) -> Option<HubMethod> {
    let attrs = args::take(&mut function.attrs, "hub");
    let name = args::name_of(&attrs, "hub", "method", errors);
    if !matches!(function.vis, Visibility::Public(_)) {
        if let Some(attr) = attrs.first() {
            let message = "clients call `pub` methods only: make this one `pub`, or drop its name";
            errors.at(attr, message);
        }
        return None;
    }
    let mut mistakes = Errors::default();
    let wire = name.unwrap_or_else(|| case.apply(&function.sig.ident));
    let method = method(&function.sig, &function.attrs, wire, &mut mistakes);
    let sound = mistakes.is_empty();
    errors.append(mistakes);
    method.filter(|_| sound)
}

/// The entry of a method of a block or a trait.
pub(crate) fn method(
    sig: &Signature,
    attrs: &[Attribute],
    wire: String,
    errors: &mut Errors,
) -> Option<HubMethod> {
    if sig.receiver().is_none() {
        let message = format!(
            "a `pub` method of a hub takes `&self`; \
             move `{}` to an `impl` block without `#[hub]`, or make it private",
            sig.ident
        );
        errors.span(sig.ident.span(), message);
        return None;
    }
    shape(sig, errors);
    let args = arguments(sig, errors);
    let outcome = errors.keep(classify::outcome(&sig.output))?;
    Some(HubMethod {
        ident: sig.ident.clone(),
        wire,
        attrs: attrs.to_vec(),
        cfgs: validate::cfgs(attrs),
        is_async: sig.asyncness.is_some(),
        args,
        outcome,
    })
}

/// What is not about a single argument or the result.
fn shape(sig: &Signature, errors: &mut Errors) {
    if let Some(receiver) = sig.receiver().filter(|_| !validate::takes_shared_self(sig)) {
        let message = "hub methods take `&self`: one hub value serves many calls at once, \
             so keep what changes behind a lock, or in the session";
        errors.at(receiver, message);
    }
    if let Some(param) = validate::generic(&sig.generics) {
        let message = "a hub method can't be generic, because calls carry no type arguments";
        errors.at(param, message);
    }
    if let Safety::Unsafe(token) = &sig.safety {
        errors.at(token, "clients call hub methods, so they can't be `unsafe`");
    }
}

fn arguments(sig: &Signature, errors: &mut Errors) -> Vec<Arg> {
    let mut args = Vec::new();
    let mut on_the_wire = 0;
    for (place, typed) in validate::typed(sig).enumerate() {
        let class = errors.keep(classify::argument(&typed.ty));
        if let Some(Class::Context) = class {
            if place != 0 {
                let message = "the context is the first argument: `&self, cx: &Context<Self>, ...`";
                errors.at(typed, message);
            }
            args.push(Arg::Context);
            continue;
        }
        if !matches!(class, Some(Class::Cancellation)) {
            on_the_wire += 1;
            validate::at_most(on_the_wire, typed, errors);
        }
        let name = validate::argument_name(typed, errors);
        if let (Some(class), Some(name)) = (class, name) {
            args.push(arg(class, name, &typed.ty));
        }
    }
    args
}

fn arg(class: Class, ident: &Ident, ty: &Type) -> Arg {
    let (ident, ty) = (ident.clone(), ty.clone());
    match class {
        Class::Context => Arg::Context,
        Class::Upload => Arg::Upload { ident, ty },
        Class::Cancellation => Arg::Cancellation { ty },
        Class::Wire(wire) => Arg::Wire { ident, ty, wire },
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::parse_quote;

    use super::*;

    fn model(block: ItemImpl) -> (HubModel, Vec<String>) {
        let mut errors = Errors::default();
        let model = read(HubArgs::default(), block, &mut errors);
        (model, errors.messages())
    }

    fn own(model: &HubModel) -> &[HubMethod] {
        match &model.methods {
            Methods::Own(methods) => methods,
            Methods::Contract(_) => panic!("methods of its own"),
        }
    }

    fn names(model: &HubModel) -> Vec<&str> {
        own(model).iter().map(|m| m.wire.as_str()).collect()
    }

    #[test]
    fn callable_is_what_is_pub() {
        let (model, errors) = model(parse_quote! {
            impl<R: Repo> api::Chat<R> {
                const LIMIT: usize = 3;
                pub async fn send_it(&self, text: &str) {}
                #[hub(name = "TELL")]
                pub fn tell(self: &Self) {}
                pub(crate) fn helper(&self) {}
                fn make() -> Self {}
            }
        });
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(names(&model), ["sendIt", "TELL"]);
        assert_eq!(model.name, "Chat");
        assert!(own(&model)[0].is_async && !own(&model)[1].is_async);
    }

    #[test]
    fn the_block_stays_as_it_is_but_for_our_attributes() {
        let (model, _) = model(parse_quote! {
            impl Chat {
                #[hub(name = "Send")]
                #[inline]
                pub fn send(&self) {}
            }
        });
        let block = model.block.to_token_stream().to_string();
        let expected = quote! { impl Chat { #[inline] pub fn send(&self) {} } };
        assert_eq!(block, expected.to_string());
    }

    #[test]
    fn arguments_keep_their_order_and_names() {
        let (model, errors) = model(parse_quote! {
            impl Chat {
                pub fn send(&self, cx: &Context<Self>, mut r#type: u8, _lines: Receiver<u8>) {}
            }
        });
        assert!(errors.is_empty(), "{errors:?}");
        let [
            Arg::Context,
            Arg::Wire { ident: name, .. },
            Arg::Upload { ident: upload, .. },
        ] = &own(&model)[0].args[..]
        else {
            panic!("a context, a value and an upload");
        };
        assert_eq!(
            (plain(name), plain(upload)),
            ("type".into(), "lines".into())
        );
    }

    #[test]
    fn a_method_with_mistakes_has_no_entry_and_stays_in_the_block() {
        let (model, errors) = model(parse_quote! {
            impl Chat {
                pub fn new() -> Self {}
                pub unsafe fn rename<T>(&mut self, (a, b): (u8, u8), cx: &Context<Self>) {}
                pub fn fine(&self) {}
            }
        });
        assert_eq!(names(&model), ["fine"]);
        assert_eq!(model.block.items.len(), 3);
        let told = [
            "takes `&self`",
            "take `&self`",
            "generic",
            "`unsafe`",
            "pattern",
            "first argument",
        ];
        assert_eq!(errors.len(), told.len(), "{errors:#?}");
        for (error, part) in errors.iter().zip(told) {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn two_methods_cannot_share_a_name_unless_conditions_keep_them_apart() {
        let (_, errors) = model(parse_quote! {
            impl Chat {
                pub fn send_it(&self) {}
                #[hub(name = "SENDIT")]
                pub fn other(&self) {}
                #[cfg(unix)]
                pub fn open(&self) {}
                #[cfg(windows)]
                pub fn open(&self) {}
            }
        });
        assert_eq!(errors.len(), 2);
        assert!(errors[0].contains("`SENDIT`"));
        assert_eq!(errors[1], "the other one is here");
    }

    #[test]
    fn sixteen_arguments_are_enough() {
        let args: Vec<_> = (0..17).map(|n| quote::format_ident!("a{n}")).collect();
        let (sixteen, all) = (&args[..16], &args);
        let (model, errors) = model(parse_quote! {
            impl Chat {
                pub fn much(&self, cx: &Context<Self>, #(#sixteen: u8),*) {}
                pub fn more(&self, #(#all: u8),*) {}
            }
        });
        assert_eq!(names(&model), ["much"]);
        assert!(errors[0].contains("at most 16"));
    }
}
