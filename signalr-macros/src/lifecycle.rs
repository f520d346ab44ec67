//! `on_connected` and `on_disconnected`: written in the user's block, moved into `impl Hub`.

use syn::{ImplItemFn, PatType, ReturnType, Signature, Type, Visibility, parse_quote};

use crate::{
    args, classify,
    errors::Errors,
    model::Session,
    types::{ends_in, is_unit, last, peel},
    validate,
};

const CONNECTED: &str =
    "`async fn on_connected(&self, cx: &Connecting<Self>) -> Result<Session, HubError>`";
const DISCONNECTED: &str =
    "`async fn on_disconnected(&self, cx: &Context<Self>, reason: Option<&Error>)`";

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
            mistakes.at(attr, "clients don't call this method, so it has no name on the wire");
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
            broken.push(function);
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

/// Checks the signature, adds the argument if it is left out, and finds the session's type.
fn connected(sig: &mut Signature, given: Option<&Type>, errors: &mut Errors) -> Option<Type> {
    shape(sig, CONNECTED, errors);
    let (first, rest) = parameters(sig);
    match first {
        Some(cx) if ends_in_reference(&cx, "Connecting") => {}
        Some(cx) => errors.at(
            &cx.ty,
            "take `&Connecting<Self>` here: the session, and with it the context, comes later",
        ),
        None => sig.inputs.push(parse_quote!(_: &::signalr::Connecting<Self>)),
    }
    if let Some(extra) = rest.first() {
        errors.at(extra, format!("no other argument stands here: {CONNECTED}"));
    }
    let result = match &sig.output {
        ReturnType::Type(_, ty) => classify::fallible(ty).map(|(session, _)| session),
        ReturnType::Default => None,
    };
    match result {
        None => {
            let message = format!(
                "a connection is accepted with its session, `Ok(())` for none, or refused: {CONNECTED}"
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
    if let Some(cx) = first.as_ref().filter(|cx| !ends_in_reference(cx, "Context")) {
        errors.at(&cx.ty, format!("take `&Context<Self>` here: {DISCONNECTED}"));
    }
    if let Some(reason) = rest.first().filter(|reason| !ends_in(&reason.ty, "Option")) {
        errors.at(&reason.ty, format!("take `Option<&Error>` here: {DISCONNECTED}"));
    }
    if let Some(extra) = rest.get(1) {
        errors.at(extra, format!("no other argument stands here: {DISCONNECTED}"));
    }
    if let ReturnType::Type(_, ty) = &sig.output
        && !is_unit(ty)
    {
        errors.at(ty, format!("nobody is left to take a result: {DISCONNECTED}"));
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
        errors.span(name.span(), format!("`{name}` is `async`: {form}"));
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
    let starts = path.path.segments.first().is_some_and(|s| s.ident == "Self");
    starts && last(ty).is_some_and(|segment| segment.ident == "Session")
}
