//! From a trait to a [`ContractModel`].

use syn::{ItemTrait, ReturnType, TraitItem, TraitItemFn, Type};

use crate::{
    args,
    errors::Errors,
    model::{Arg, ContractMethod, ContractModel, HubMethod, Yields},
    naming::Case,
    read_hub, render_proxy,
    types::{arguments, find, is_self, is_word, last},
    validate,
};

pub(crate) fn read(case: Case, mut item: ItemTrait, errors: &mut Errors) -> ContractModel {
    let mut methods = Vec::new();
    for inner in std::mem::take(&mut item.items) {
        match inner {
            TraitItem::Fn(function) => methods.push(method(function, case, errors)),
            other => errors.at(other, "a `#[hub]` trait holds nothing but methods"),
        }
    }
    validate::wire_names(
        "hub methods",
        "hub",
        methods
            .iter()
            .filter_map(|method| method.callable.as_ref())
            .map(HubMethod::named),
        errors,
    );
    validate::supertraits(
        &mut item,
        "a `#[hub]` trait lists what clients can call, and has no supertraits",
        errors,
    );
    let broken = !item.generics.params.is_empty();
    if broken {
        let message = "a `#[hub]` trait can't be generic, because calls carry no types";
        errors.at(&item.generics, message);
    }
    ContractModel {
        proxy: render_proxy::name_of(&item.ident, item.vis.clone()),
        item,
        broken,
        methods,
    }
}

fn method(mut function: TraitItemFn, case: Case, errors: &mut Errors) -> ContractMethod {
    let attrs = args::take(&mut function.attrs, "hub");
    let name = args::name_of(&attrs, "hub", "method", errors);
    let mut mistakes = Errors::default();
    let sig = &function.sig;
    if sig.ident == "on_connected" || sig.ident == "on_disconnected" {
        let message = "clients don't call this method: it belongs into the `impl` of the server";
        mistakes.span(sig.ident.span(), message);
    }
    if let Some(body) = &function.default {
        let message = "a method of a `#[hub]` trait has no body: servers write theirs in an `impl`";
        mistakes.at(body, message);
    }
    let wire = name.unwrap_or_else(|| case.apply(&sig.ident));
    let callable = if sig.receiver().is_some() {
        read_hub::method(sig, &function.attrs, wire, &mut mistakes)
    } else {
        let message = format!("`{}` takes `&self` as its first argument", sig.ident);
        mistakes.span(sig.ident.span(), message);
        None
    };
    if let Some(callable) = &callable {
        types(callable, &sig.output, &mut mistakes);
    }
    let sound = mistakes.is_empty();
    errors.append(mistakes);
    validate::name_patterns(&mut function.sig);
    ContractMethod {
        attrs: function.attrs,
        sig: function.sig,
        callable: callable.filter(|_| sound),
    }
}

/// Both sides have to know the types.
fn types(method: &HubMethod, output: &ReturnType, errors: &mut Errors) {
    const THEIRS: &str =
        "`Self` is the hub of the server, which a client does not have; name the type";
    for arg in &method.args {
        if let Arg::Wire { ty, .. } | Arg::Upload { ty, .. } = arg
            && let Some(token) = find(ty, &is_self)
        {
            errors.at(token, THEIRS);
        }
    }
    let answer = match &method.outcome.yields {
        Yields::Unit => None,
        Yields::Value(ty) => Some(ty),
        Yields::Items(items) => Some(&items.item),
        Yields::Received(ty) => last(ty).and_then(|segment| arguments(segment).next()),
    };
    let (Some(answer), ReturnType::Type(_, whole)) = (answer, output) else {
        return;
    };
    if matches!(answer, Type::Infer(_)) {
        let message = "a client has to know what it reads: write `Result<T, E>`";
        errors.at(whole, message);
    } else if let Some(token) = find(answer, &|token| is_word(token, "impl")) {
        errors.at(token, "a client has to know what it reads: name the type");
    } else if let Some(token) = find(answer, &is_self) {
        errors.at(token, THEIRS);
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;
    use crate::errors::assert_told;

    fn model(item: ItemTrait) -> (ContractModel, Vec<String>) {
        let mut errors = Errors::default();
        let model = read(Case::default(), item, &mut errors);
        (model, errors.messages())
    }

    #[test]
    fn methods_are_those_of_a_hub() {
        let (model, errors) = model(parse_quote! {
            pub trait Chat: Send + Sync + 'static {
                async fn say(&self, cx: &Context<Self>, mut text: &str) -> Result<usize, HubError>;
                #[hub(name = "Count")]
                fn count(&self, to: u32) -> impl Stream<Item = u32>;
            }
        });
        assert_told(&errors, &[]);
        let wires = model
            .methods
            .iter()
            .map(|method| &method.callable.as_ref().expect("sound").wire);
        assert_eq!(wires.collect::<Vec<_>>(), ["say", "Count"]);
        assert_eq!(model.proxy.ident, "ChatProxy");
    }

    #[test]
    fn a_method_with_mistakes_is_declared_and_not_callable() {
        let (model, errors) = model(parse_quote! {
            trait Chat {
                async fn on_connected(&self);
                fn no_self(text: &str);
                fn body(&self) {}
                fn theirs(&self, other: Vec<Self>) -> Option<Self>;
                fn untold(&self) -> Result;
                fn hidden(&self) -> Vec<impl Serialize>;
                fn twice<T>(&mut self, (a, b): (u8, u8));
            }
        });
        assert!(model.methods.iter().all(|method| method.callable.is_none()));
        let told = [
            "belongs into the `impl`",
            "`&self` as its first",
            "no body",
            "`Self` is the hub",
            "`Self` is the hub",
            "`Result<T, E>`",
            "name the type",
            "take `&self`",
            "generic",
            "pattern",
        ];
        assert_told(&errors, &told);
    }

    #[test]
    fn a_trait_holds_methods_and_nothing_else() {
        let (model, errors) = model(parse_quote! {
            trait Chat<T>: Clone + Send {
                type Text;
                const LIMIT: usize;
                fn say(&self);
                #[hub(name = "SAY")]
                fn tell(&self);
            }
        });
        assert!(model.broken);
        let told = [
            "holds nothing",
            "holds nothing",
            "`SAY`",
            "other",
            "supertraits",
            "generic",
        ];
        assert_told(&errors, &told);
    }
}
