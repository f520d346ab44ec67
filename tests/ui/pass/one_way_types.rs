//! A type that only travels one way need only be able to travel that way.

use serde::{Deserialize, Serialize};
use signalr::{Context, HubError, hub, receiver};

#[derive(Serialize)]
pub struct Said<'a> {
    text: &'a str,
}

#[derive(Deserialize)]
pub struct Answer {
    pub yes: bool,
}

/// No client of this contract is written here, so nothing must read `Said` or write `Answer`.
#[receiver]
pub trait ChatClient {
    async fn said(&self, said: Said<'_>);
    async fn said_lent(&self, said: &Said<'_>, all: &[Said<'_>], last: Option<&Said<'_>>);
    async fn said_all(&self, all: &[Said<'_>]);
    async fn said_last(&self, last: Option<&Said<'_>>);
    async fn ask(&self, question: &str) -> Answer;
}

#[derive(Deserialize)]
pub struct Heard {
    pub text: String,
}

/// No server of this one is.
#[receiver]
pub trait ListenerClient {
    async fn heard(&self, heard: Heard);
    async fn heard_lent(&self, heard: &Heard);
    async fn heard_all(&self, all: &[Heard]);
    async fn heard_last(&self, last: Option<&Heard>, lasts: Option<&[Heard]>, owned: Vec<Heard>);
}

pub struct Listener;

#[receiver]
impl ListenerClient for Listener {
    async fn heard(&self, heard: Heard) {
        println!("{}", heard.text);
    }
    async fn heard_lent(&self, _heard: &Heard) {}
    async fn heard_all(&self, _all: &[Heard]) {}
    async fn heard_last(
        &self,
        _last: Option<&Heard>,
        _lasts: Option<&[Heard]>,
        _owned: Vec<Heard>,
    ) {
    }
}

pub struct Chat;

#[hub(client = ChatClient)]
impl Chat {
    pub async fn say(&self, cx: &Context<Self>, text: &str) -> Result<bool, HubError> {
        let clients = cx.clients();
        clients.all().said(Said { text }).await?;
        clients.all().said_lent(&Said { text }, &[], None).await?;
        clients.all().said_all(&[Said { text }]).await?;
        clients.all().said_last(Some(&Said { text })).await?;
        Ok(clients.caller().ask("heard?").await?.yes)
    }
}

fn main() {}
