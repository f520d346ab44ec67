//! Hubs and receivers in modules, in functions and from macros.

use signalr::{Context, Hub, HubError};

mod api {
    /// The trait is all that is imported: its proxy is found through it.
    #[signalr::receiver(rename_all = "PascalCase")]
    pub trait ChatClient {
        async fn note(&self, text: &str);
        #[receiver(name = "confirm_it")]
        async fn confirm(&self) -> bool;
    }
}

mod server {
    use signalr::{Context, HubError};

    use super::api::ChatClient;

    pub struct Chat;

    #[signalr::hub(client = ChatClient)]
    impl Chat {
        pub async fn send(&self, cx: &Context<Self>) -> Result<(), HubError> {
            Ok(cx.clients().all().note("hello").await?)
        }
    }
}

struct Other;

#[signalr::hub(client = api::ChatClient)]
impl Other {
    pub async fn send(&self, cx: &Context<Self>) -> Result<bool, HubError> {
        Ok(cx.clients().caller().confirm().await?)
    }
}

macro_rules! hub_of {
    ($name:ident, $client:path, $argument:ty, $result:ty, $method:ident ($value:ident) $body:block) => {
        struct $name;

        #[signalr::hub(client = $client)]
        impl $name {
            pub async fn $method(&self, $value: $argument) -> $result $body
            pub async fn fixed(&self, out: $argument, cx: u8) -> Result<$result, HubError> {
                let _ = (out, cx);
                Err(HubError::new("no"))
            }
        }
    };
}

hub_of!(FromMacro, api::ChatClient, Option<String>, Vec<u8>, get(value) { value.into_iter().flat_map(String::into_bytes).collect() });

/// Nothing to call, and nobody to be called.
#[signalr::receiver]
trait Nothing {}

pub struct Idle;

#[signalr::hub(client = self::private::ChatClient)]
impl Idle {}

/// A client may be better known than its contract.
mod private {
    #[signalr::receiver]
    pub(super) trait Hidden {
        async fn note(&self);
    }

    #[signalr::receiver]
    pub trait ChatClient {}
}

pub struct Known;

#[signalr::receiver]
impl private::Hidden for Known {
    async fn note(&self) {}
}

macro_rules! client_of {
    ($name:ident, $($method:ident($argument:ty)),*) => {
        #[signalr::receiver]
        trait $name { $(async fn $method(&self, value: $argument);)* }
    };
}

client_of!(MacroClient, one(&str), two(Vec<u8>));

fn main() {
    #[signalr::receiver]
    trait LocalClient {
        async fn note(&self, text: &str);
    }

    struct Local;

    #[signalr::hub(client = LocalClient)]
    impl Local {
        pub async fn send(&self, cx: &Context<Self>) -> Result<(), HubError> {
            Ok(cx.clients().all().note("hello").await?)
        }
    }

    struct Ui;

    #[signalr::receiver]
    impl LocalClient for Ui {
        async fn note(&self, _text: &str) {}
    }

    #[signalr::receiver]
    impl MacroClient for Local {
        async fn one(&self, _value: &str) {}
        async fn two(&self, _value: Vec<u8>) {}
    }

    assert_eq!(
        Local::METHODS.len() + server::Chat::METHODS.len() + Other::METHODS.len(),
        3
    );
    assert_eq!(FromMacro::METHODS[0].params, ["value"]);
    let _ = (Local, Ui, Other, FromMacro, Idle, Known);
    fn _nothing<T: Nothing>() {}
}
