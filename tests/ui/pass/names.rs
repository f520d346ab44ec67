//! Names that could get in the way of ours, raw identifiers, and names given by hand.

#![allow(non_camel_case_types)]

use signalr::{Context, Hub, HubError, Receiver, hub, receiver};

/// Names of the prelude and of the expansion, all taken by the user.
#[allow(dead_code)]
mod taken {
    pub struct Box;
    pub struct Arc;
    pub struct Option;
    pub struct Result;
    pub struct Ok;
    pub struct Send;
    pub struct Future;
    pub struct Hub;
    pub struct T;
    pub struct Method;
    pub struct Clone;
    pub mod signalr {}
    pub mod core {}
    pub mod std {}
    pub const CALL: u8 = 1;
    pub struct Serializer;
    pub struct Deserializer;
    pub mod serde {}
    #[allow(non_upper_case_globals)]
    pub const name: u8 = 1;

    #[::signalr::dotnet]
    #[derive(::serde::Serialize, ::serde::Deserialize)]
    pub struct Text {
        name: u8,
        serializer: ::std::vec::Vec<Self>,
        kind: Kind,
    }

    #[::signalr::dotnet]
    #[derive(::serde::Serialize, ::serde::Deserialize)]
    pub enum Kind {
        Ok,
        Some,
        Self_,
    }

    pub struct Shadowed;

    #[::signalr::hub(client = Client)]
    impl Shadowed {
        pub fn value(&self, text: ::std::string::String) -> u8 {
            let _ = text;
            CALL
        }
        pub async fn later(&self, some: ::core::option::Option<&str>) {
            let _ = some;
        }
    }

    #[::signalr::receiver]
    pub trait Client {
        async fn note(&self, t: u8, some: ::core::option::Option<&str>);
        async fn ask(&self) -> u8;
    }

    pub struct Ui;

    #[::signalr::receiver]
    impl Client for Ui {
        async fn note(&self, t: u8, some: ::core::option::Option<&str>) {
            let _ = (t, some);
        }
        async fn ask(&self) -> u8 {
            1
        }
    }
}

#[receiver]
trait r#dyn {
    async fn r#type(&self, r#fn: &str);
    async fn send(&self, target: u8, method: u8, args: u8, this: u8, on: u8, out: u8);
    async fn proxy(&self, self_: u8) -> u8;
    async fn register(&self) -> u8;
    async fn clone(&self);
    async fn fmt(&self, __arg1: u8, __arg0: u8, __args: u8, __this: u8, __on: u8, __out: u8);
    async fn invoke(&self, t: u8, r: u8, defer: u8);
}

struct r#struct;

#[hub(client = r#dyn)]
impl r#struct {
    pub async fn r#type(&self, r#fn: &str, r#match: u8) -> u8 {
        r#fn.len() as u8 + r#match
    }
    pub async fn call(&self, cx: &Context<Self>, call: u8, args: u8, hub: u8, out: u8) -> u8 {
        let _ = cx;
        call + args + hub + out
    }
    pub async fn hub(&self, __call: u8, __args: u8, __hub: u8, __out: u8) -> Result<u8, HubError> {
        Ok(__call + __args + __hub + __out)
    }
    pub async fn args(&self, __arg2: u8, __arg1: Receiver<u8>, __arg0: u8) -> u8 {
        drop(__arg1);
        __arg2 + __arg0
    }
    pub fn method(&self) {}
    pub fn value(&self) {}
    pub fn clone(&self) -> u8 {
        1
    }
    pub fn deref(&self) -> u8 {
        1
    }
    pub fn ok(&self) -> Result<(), HubError> {
        Ok(())
    }
    pub fn context(&self) {}
    pub fn next(&self, next: u8) -> u8 {
        next
    }
    pub fn _quiet(&self, _unused: u8) {}
}

struct Renamed;

#[hub(rename_all = "PascalCase", name = "chat")]
impl Renamed {
    pub fn send_message(&self) {}
    #[hub(name = "TELL")]
    pub fn send_other(&self) {}
    #[signalr::hub(name = "with spaces")]
    pub fn send_third(&self) {}
}

struct Snake;

#[hub(rename_all = "snake_case")]
impl Snake {
    pub fn send_message(&self) {}
    fn helper(&self) {}
    pub(crate) fn other_helper(&self) {
        self.helper();
    }
}

struct Camel;

#[hub(rename_all = "camelCase")]
impl Camel {
    pub fn send_message(&self) {}
}

fn names<H: Hub>() -> Vec<&'static str> {
    H::METHODS.iter().map(|method| method.name).collect()
}

fn main() {
    assert_eq!(r#struct::NAME, "struct");
    assert_eq!(names::<r#struct>()[0], "type");
    assert_eq!(r#struct::METHODS[0].params, ["fn", "match"]);
    assert_eq!(names::<r#struct>().last(), Some(&"quiet"));

    assert_eq!(Renamed::NAME, "chat");
    assert_eq!(names::<Renamed>(), ["SendMessage", "TELL", "with spaces"]);
    assert_eq!(names::<Snake>(), ["send_message"]);
    assert_eq!(names::<Camel>(), ["sendMessage"]);
    Snake.other_helper();
    let _ = (taken::Shadowed, taken::Ui);
}
