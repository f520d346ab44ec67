//! From a trait to a [`ReceiverModel`].

use syn::{ItemTrait, ReturnType, Signature, TraitItem, TraitItemFn, Type};

use crate::{
    args::{self, ReceiverArgs},
    classify::{self, Class},
    errors::Errors,
    model::{Outcome, Param, ReceiverMethod, ReceiverModel, Wire, Yields},
    naming::Case,
    types::{find, is_and, is_self},
    validate,
};

pub(crate) fn read(args: &ReceiverArgs, mut item: ItemTrait, errors: &mut Errors) -> ReceiverModel {
    let mut methods = Vec::new();
    for inner in std::mem::take(&mut item.items) {
        match inner {
            TraitItem::Fn(function) => methods.push(message(function, args.case, errors)),
            other => errors.at(other, "a `#[receiver]` trait holds nothing but `async fn`s"),
        }
    }
    validate::wire_names(
        "receiver methods",
        "receiver",
        methods.iter().map(ReceiverMethod::named),
        errors,
    );
    validate::supertraits(
        &mut item,
        "a `#[receiver]` trait lists messages, and has no supertraits",
        errors,
    );
    let broken = !item.generics.params.is_empty();
    if broken {
        let message = "a `#[receiver]` trait can't be generic, because messages carry no types";
        errors.at(&item.generics, message);
    }
    ReceiverModel {
        item,
        broken,
        methods,
    }
}

fn message(mut function: TraitItemFn, case: Case, errors: &mut Errors) -> ReceiverMethod {
    let attrs = args::take(&mut function.attrs, "receiver");
    let name = args::name_of(&attrs, "receiver", "method", errors);
    let mut mistakes = Errors::default();
    shape(&function, &mut mistakes);
    let params = params(&function.sig, &mut mistakes);
    let outcome = outcome(&function.sig.output, &mut mistakes);
    let broken = !mistakes.is_empty();
    errors.append(mistakes);
    validate::name_patterns(&mut function.sig);
    ReceiverMethod {
        wire: name.unwrap_or_else(|| case.apply(&function.sig.ident)),
        attrs: function.attrs,
        sig: function.sig,
        params,
        outcome,
        broken,
    }
}

fn shape(function: &TraitItemFn, errors: &mut Errors) {
    let sig = &function.sig;
    let name = &sig.ident;
    if sig.asyncness.is_none() {
        let message = format!("receiver methods are `async`: write `async fn {name}`");
        errors.span(name.span(), message);
    }
    match sig.receiver() {
        None => errors.span(
            name.span(),
            format!("`{name}` takes `&self` as its first argument"),
        ),
        Some(receiver) if !validate::takes_shared_self(sig) => {
            errors.at(
                receiver,
                "receiver methods take `&self`: messages may come all at once",
            );
        }
        Some(_) => {}
    }
    if let Some(param) = validate::generic(&sig.generics) {
        let message = "a receiver method can't be generic, because messages carry no types";
        errors.at(param, message);
    }
    if let Some(body) = &function.default {
        let message = "a `#[receiver]` method has no body: clients write theirs in an `impl`";
        errors.at(body, message);
    }
}

fn params(sig: &Signature, errors: &mut Errors) -> Vec<Param> {
    let mut params = Vec::new();
    for (place, typed) in validate::typed(sig).enumerate() {
        validate::at_most(place + 1, typed, errors);
        let name = validate::argument_name(typed, errors);
        if let (Some(ident), Some(wire)) = (name, wire(&typed.ty, errors)) {
            params.push(Param {
                ident: ident.clone(),
                ty: (*typed.ty).clone(),
                wire,
            });
        }
    }
    params
}

fn wire(ty: &Type, errors: &mut Errors) -> Option<Wire> {
    match errors.keep(classify::argument(ty))? {
        Class::Wire(wire) => {
            if let Some(token) = find(ty, &is_self) {
                let message = "`Self` is the client that handles the message; name the type";
                errors.at(token, message);
                return None;
            }
            Some(wire)
        }
        Class::Context => {
            errors.at(
                ty,
                "the context stays on the server; a message carries plain values",
            );
            None
        }
        Class::Cancellation => {
            let message = "a call to a client cannot be cancelled: leave the token out";
            errors.at(ty, message);
            None
        }
        Class::Upload => {
            errors.at(
                ty,
                "a message carries plain values; clients don't take streams this way",
            );
            None
        }
    }
}

fn outcome(output: &ReturnType, errors: &mut Errors) -> Outcome {
    let nothing = Outcome {
        fallible: None,
        yields: Yields::Unit,
    };
    let Some(outcome) = errors.keep(classify::outcome(output)) else {
        return nothing;
    };
    let ReturnType::Type(_, ty) = output else {
        return outcome;
    };
    match &outcome.yields {
        Yields::Items(_) | Yields::Received(_) => {
            errors.at(
                ty,
                "a client answers with one value, so this can't be a stream",
            );
            nothing
        }
        Yields::Value(Type::Infer(_)) => {
            errors.at(
                ty,
                "the server has to know what it asks for: write `Result<T, E>`",
            );
            nothing
        }
        Yields::Value(value) if find(value, &is_and).is_some() => {
            errors.at(
                ty,
                "an answer is decoded into an owned value: write `String` for `&str`",
            );
            nothing
        }
        Yields::Value(value) if find(value, &is_self).is_some() => {
            errors.at(
                ty,
                "`Self` is the client that handles the message; name the type",
            );
            nothing
        }
        Yields::Value(_) | Yields::Unit => outcome,
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn model(item: ItemTrait) -> (ReceiverModel, Vec<String>) {
        let mut errors = Errors::default();
        let model = read(&ReceiverArgs::default(), item, &mut errors);
        (model, errors.messages())
    }

    #[test]
    fn messages_have_names_arguments_and_answers() {
        let (model, errors) = model(parse_quote! {
            pub trait ChatClient: Send + 'static {
                async fn message_received(&self, user: &str, r#type: Option<&Kind>);
                #[receiver(name = "Confirm")]
                async fn confirm(&self) -> Result<bool, HubError>;
            }
        });
        assert!(errors.is_empty(), "{errors:?}");
        let [received, confirm] = &model.methods[..] else {
            panic!("two messages");
        };
        assert_eq!(received.wire, "messageReceived");
        assert_eq!(
            received.params[1].wire.lend,
            crate::model::Lend::LentInOption
        );
        assert!(matches!(received.outcome.yields, Yields::Unit));
        assert_eq!(confirm.wire, "Confirm");
        assert!(confirm.attrs.is_empty() && confirm.outcome.fallible.is_some());
    }

    #[test]
    fn a_message_with_mistakes_is_kept_for_those_who_send_it() {
        let (model, errors) = model(parse_quote! {
            trait ChatClient {
                fn said(&self, (a, b): (u8, u8)) {}
                async fn lines(&mut self, cx: &Context<Self>) -> impl Stream<Item = u8>;
                async fn answer(self, other: Self) -> Result;
                async fn name(lines: Receiver<u8>) -> &str;
            }
        });
        assert!(model.methods.iter().all(|method| method.broken));
        let told = [
            "`async fn said`",
            "no body",
            "pattern",
            "`&self`",
            "context",
            "stream",
            "`&self`",
            "`Self`",
            "`Result<T, E>`",
            "`&self`",
            "plain values",
            "owned value",
        ];
        assert_eq!(errors.len(), told.len(), "{errors:#?}");
        for (error, part) in errors.iter().zip(told) {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_trait_holds_messages_and_nothing_else() {
        let (model, errors) = model(parse_quote! {
            trait ChatClient<T>: Clone + Send {
                type Text;
                const LIMIT: usize;
                async fn said(&self);
                #[receiver(name = "SAID")]
                async fn told(&self);
            }
        });
        assert!(model.broken);
        assert_eq!(model.methods.len(), 2);
        let told = [
            "holds nothing",
            "holds nothing",
            "`SAID`",
            "other",
            "supertraits",
            "generic",
        ];
        assert_eq!(errors.len(), told.len(), "{errors:#?}");
        for (error, part) in errors.iter().zip(told) {
            assert!(error.contains(part), "{error}");
        }
    }
}
