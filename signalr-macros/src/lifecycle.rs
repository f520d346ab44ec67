//! `on_connected` and `on_disconnected`: written in the user's block, moved into `impl Hub`.

use syn::{
    GenericArgument, ImplItemFn, PatType, PathArguments, ReturnType, Signature, Type, Visibility,
    parse_quote,
};

use crate::{
    args, classify,
    errors::Errors,
    model::Session,
    types::{ends_in, is_unit, last, peel},
    validate,
};

const CONNECTED: &str =
    "write `async fn on_connected(&self, cx: &Connecting<Self>) -> Result<Session, HubError>`";
const DISCONNECTED: &str =
    "write `async fn on_disconnected(&self, cx: &Context<Self>, reason: Option<&Error>)`";

/// What [`read`] makes of the two methods.
pub(crate) struct Lifecycle {
    pub(crate) session: Session,
    /// For `impl Hub`.
    pub(crate) moved: Vec<ImplItemFn>,
    /// With mistakes: they stay where they are, so that nothing else is said about them.
    pub(crate) broken: Vec<ImplItemFn>,
}

pub(crate) fn is(function: &ImplItemFn) -> bool {
    function.sig.ident == "on_connected" || function.sig.ident == "on_disconnected"
}

pub(crate) fn read(
    given: Option<Type>,
    functions: Vec<ImplItemFn>,
    errors: &mut Errors,
) -> Lifecycle {
    let mut made = None;
    let mut broken_makes = false;
    let (mut moved, mut broken) = (Vec::new(), Vec::new());
    for mut function in functions {
        let connects = function.sig.ident == "on_connected";
        let mut mistakes = Errors::default();
        for attr in args::take(&mut function.attrs, "hub") {
            mistakes.at(
                attr,
                "clients don't call this method, so it has no name on the wire",
            );
        }
        if connects {
            made = connected(&mut function.sig, given.as_ref(), &mut mistakes);
        } else {
            disconnected(&mut function.sig, &mut mistakes);
        }
        if mistakes.is_empty() {
            function.vis = Visibility::Inherited;
            moved.push(function);
        } else {
            broken_makes |= connects;
            broken.push(outside(function));
        }
        errors.append(mistakes);
    }
    let session = match (given.or(made), broken_makes) {
        (session, true) => Session::Broken(session),
        (None, false) => Session::Unit,
        (Some(session), false) if moved.iter().any(|f| f.sig.ident == "on_connected") => {
            Session::Made(session)
        }
        (Some(session), false) => Session::Default(session),
    };
    Lifecycle {
        session,
        moved,
        broken,
    }
}

/// A method with mistakes, where it stays: `Self::Session` means nothing there.
fn outside(mut function: ImplItemFn) -> ImplItemFn {
    if let Some(session) = result_session(&mut function.sig.output)
        && is_own_session(session)
    {
        *session = parse_quote!(());
        function.block = parse_quote!({ ::core::unreachable!() });
        function
            .attrs
            .push(parse_quote!(#[allow(unused_variables)]));
    }
    function
}

/// The `T` of `-> Result<T, E>`.
fn result_session(output: &mut ReturnType) -> Option<&mut Type> {
    let ReturnType::Type(_, ty) = output else {
        return None;
    };
    let Type::Path(path) = &mut **ty else {
        return None;
    };
    let segment = path.path.segments.last_mut()?;
    match &mut segment.arguments {
        PathArguments::AngleBracketed(angle) => match angle.args.first_mut()? {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        },
        _ => None,
    }
}

/// Checks the signature, adds the argument if it is left out, and finds the session's type.
fn connected(sig: &mut Signature, given: Option<&Type>, errors: &mut Errors) -> Option<Type> {
    shape(sig, CONNECTED, errors);
    let (first, rest) = parameters(sig);
    match first {
        Some(cx) if ends_in_reference(&cx, "Connecting") => {}
        Some(cx) => errors.at(
            &cx.ty,
            "there is no session before this method returns one: take `cx: &Connecting<Self>`",
        ),
        None => sig
            .inputs
            .push(parse_quote!(_: &::signalr::Connecting<Self>)),
    }
    if let Some(extra) = rest.first() {
        errors.at(extra, format!("no other argument stands here: {CONNECTED}"));
    }
    let result = match &sig.output {
        ReturnType::Type(_, ty) => classify::fallible(ty).map(|(session, _)| session),
        ReturnType::Default => None,
    };
    let result = result.filter(|session| !matches!(session, Type::Infer(_)));
    match result {
        None => {
            let message = format!(
                "`on_connected` returns a `Result` with the session, `()` for none: {CONNECTED}"
            );
            match &sig.output {
                ReturnType::Type(_, ty) => errors.at(ty, message),
                ReturnType::Default => errors.span(sig.ident.span(), message),
            }
            None
        }
        Some(session) if is_own_session(&session) => {
            if given.is_none() {
                let message = "name the session's type here, or as `#[hub(session = Type)]`";
                errors.at(session, message);
            }
            None
        }
        session => session,
    }
}

fn disconnected(sig: &mut Signature, errors: &mut Errors) {
    shape(sig, DISCONNECTED, errors);
    let (first, rest) = parameters(sig);
    if let Some(cx) = first
        .as_ref()
        .filter(|cx| !ends_in_reference(cx, "Context"))
    {
        errors.at(
            &cx.ty,
            format!("take `&Context<Self>` here: {DISCONNECTED}"),
        );
    }
    if let Some(reason) = rest.first().filter(|reason| !ends_in(&reason.ty, "Option")) {
        errors.at(
            &reason.ty,
            format!("take `Option<&Error>` here: {DISCONNECTED}"),
        );
    }
    if let Some(extra) = rest.get(1) {
        errors.at(
            extra,
            format!("no other argument stands here: {DISCONNECTED}"),
        );
    }
    if let ReturnType::Type(_, ty) = &sig.output
        && !is_unit(ty)
    {
        errors.at(
            ty,
            format!("nobody is left to take a result: {DISCONNECTED}"),
        );
    }
    if first.is_none() {
        sig.inputs.push(parse_quote!(_: &::signalr::Context<Self>));
    }
    if rest.is_empty() {
        let reason = parse_quote!(_: ::core::option::Option<&::signalr::Error>);
        sig.inputs.push(reason);
    }
}

fn shape(sig: &Signature, form: &str, errors: &mut Errors) {
    let name = &sig.ident;
    if sig.asyncness.is_none() {
        errors.span(name.span(), format!("`{name}` must be `async`: {form}"));
    }
    match sig.receiver() {
        None => errors.span(name.span(), format!("`{name}` takes `&self`: {form}")),
        Some(receiver) if !validate::takes_shared_self(sig) => {
            errors.at(receiver, format!("`{name}` takes `&self`: {form}"));
        }
        Some(_) => {}
    }
    if let Some(param) = validate::generic(&sig.generics) {
        errors.at(param, format!("`{name}` can't be generic: {form}"));
    }
}

/// The first argument after `&self`, and the others.
fn parameters(sig: &Signature) -> (Option<PatType>, Vec<PatType>) {
    let mut typed = validate::typed(sig).cloned();
    (typed.next(), typed.collect())
}

fn ends_in_reference(arg: &PatType, name: &str) -> bool {
    match peel(&arg.ty) {
        Type::Reference(to) => to.mutability.is_none() && ends_in(&to.elem, name),
        _ => false,
    }
}

/// Whether the type is `Self::Session`.
fn is_own_session(ty: &Type) -> bool {
    let Type::Path(path) = peel(ty) else {
        return false;
    };
    let starts = path
        .path
        .segments
        .first()
        .is_some_and(|s| s.ident == "Self");
    starts && last(ty).is_some_and(|segment| segment.ident == "Session")
}

#[cfg(test)]
mod tests {
    use quote::ToTokens;

    use super::*;

    fn lifecycle(given: Option<Type>, functions: Vec<ImplItemFn>) -> (Lifecycle, Vec<String>) {
        let mut errors = Errors::default();
        let lifecycle = read(given, functions, &mut errors);
        (lifecycle, errors.messages())
    }

    #[test]
    fn without_methods_the_session_is_nothing_or_a_default() {
        assert!(matches!(lifecycle(None, vec![]).0.session, Session::Unit));
        let (lifecycle, _) = lifecycle(Some(parse_quote!(u8)), vec![]);
        assert!(matches!(lifecycle.session, Session::Default(_)));
    }

    #[test]
    fn the_session_is_what_on_connected_returns() {
        let (lifecycle, errors) = lifecycle(
            None,
            vec![parse_quote! {
                pub async fn on_connected(&self) -> Result<Presence, HubError> {}
            }],
        );
        assert!(errors.is_empty(), "{errors:?}");
        let Session::Made(session) = lifecycle.session else {
            panic!("a session that is made");
        };
        assert_eq!(session.to_token_stream().to_string(), "Presence");
        assert!(matches!(lifecycle.moved[0].vis, Visibility::Inherited));
    }

    #[test]
    fn arguments_that_are_left_out_are_put_in() {
        let (lifecycle, errors) = lifecycle(
            None,
            vec![
                parse_quote!(
                    async fn on_connected(&self) -> Result<(), HubError> {}
                ),
                parse_quote!(
                    async fn on_disconnected(&self, cx: &Context<Self>) {}
                ),
            ],
        );
        assert!(errors.is_empty(), "{errors:?}");
        let inputs = |place: usize| lifecycle.moved[place].sig.inputs.len();
        assert_eq!((inputs(0), inputs(1)), (2, 3));
    }

    #[test]
    fn a_method_with_mistakes_is_not_moved() {
        let (lifecycle, errors) = lifecycle(
            None,
            vec![
                parse_quote!(
                    fn on_connected(&self, cx: &Context<Self>) -> Result {}
                ),
                parse_quote!(
                    async fn on_disconnected(self, a: u8, b: u8, c: u8) -> u8 {}
                ),
            ],
        );
        assert!(lifecycle.moved.is_empty());
        assert_eq!(lifecycle.broken.len(), 2);
        assert!(matches!(lifecycle.session, Session::Broken(None)));
        assert_eq!(errors.len(), 8, "{errors:#?}");
    }

    #[test]
    fn a_session_that_names_itself_is_a_mistake_unless_it_is_given() {
        let function: ImplItemFn = parse_quote! {
            async fn on_connected(&self) -> Result<Self::Session, HubError> {}
        };
        let (fine, errors) = lifecycle(Some(parse_quote!(u8)), vec![function.clone()]);
        assert!(errors.is_empty(), "{errors:?}");
        assert!(matches!(fine.session, Session::Made(_)));
        let (_, errors) = lifecycle(None, vec![function]);
        assert!(errors[0].contains("`#[hub(session = Type)]`"));
    }
}
