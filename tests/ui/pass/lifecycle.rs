//! The session, and the two methods around a connection, in all the forms that they can take.

use signalr::{Connecting, Context, Error, Hub, HubError, hub};

#[derive(Default)]
pub struct Presence {
    name: String,
}

struct Neither;

#[hub]
impl Neither {
    pub fn a(&self) {}
}

struct Inferred;

#[hub]
impl Inferred {
    async fn on_connected(&self, cx: &Connecting<Self>) -> Result<Presence, HubError> {
        let name = cx.user_id().ok_or_else(|| HubError::new("who are you?"))?;
        Ok(Presence {
            name: name.to_owned(),
        })
    }
    pub async fn name(&self, cx: &Context<Self>) -> String {
        cx.session().name.clone()
    }
}

struct Defaulted;

#[hub(session = Presence)]
impl Defaulted {
    pub async fn name<'a>(&self, cx: &'a Context<Self>) -> &'a str {
        &cx.session().name
    }
}

struct Named;

#[hub(session = Presence)]
impl Named {
    pub async fn on_connected(&self, _: &Connecting<Self>) -> Result<Self::Session, HubError> {
        Ok(Presence::default())
    }
    pub async fn on_disconnected(&self, cx: &Context<Self>, reason: Option<&Error>) {
        println!("{} left: {reason:?}", cx.session().name);
    }
}

struct Short;

#[hub]
impl Short {
    async fn on_connected(&self) -> Result<(), HubError> {
        Ok(())
    }
    async fn on_disconnected(&self, _cx: &Context<Self>) {}
}

struct Shortest;

#[hub]
impl Shortest {
    #[doc = "Attributes stay."]
    #[cfg(all())]
    async fn on_disconnected(&self) {}
}

fn main() {
    let _: <Neither as Hub>::Session = ();
    let _: <Inferred as Hub>::Session = Presence::default();
    let _: <Defaulted as Hub>::Session = Presence::default();
    let _: <Named as Hub>::Session = Presence::default();
    let _: <Short as Hub>::Session = ();
    let _: <Shortest as Hub>::Session = ();
    assert!(Named::METHODS.is_empty());
    let _ = (Neither, Inferred, Defaulted, Named, Short, Shortest);
}
