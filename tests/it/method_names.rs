//! Which names call which methods, and which call nothing.

use serde_json::json;
use signalr::{Connecting, Context, Error, HubError, HubServer, hub};

use crate::support::{Log, Peer};

#[derive(Default)]
struct Named(Log);

#[hub]
impl Named {
    async fn on_connected(&self, _: &Connecting<Self>) -> Result<(), HubError> {
        self.0.note("connected");
        Ok(())
    }

    async fn on_disconnected(&self, _: &Context<Self>, _: Option<&Error>) {
        self.0.note("disconnected");
    }

    pub fn send_to_all(&self) -> &'static str {
        "sent"
    }

    #[hub(name = "other.name #@!")]
    pub fn code_name(&self) -> &'static str {
        "renamed"
    }

    pub fn r#type(&self) -> &'static str {
        "raw"
    }

    fn private(&self) {
        self.0.note("private");
    }

    pub(crate) fn of_the_crate(&self) {
        self.0.note("crate");
    }

    #[expect(dead_code, reason = "must not be callable")]
    async fn private_later(&self) {
        self.private();
        self.of_the_crate();
    }
}

impl Named {
    pub fn in_another_block(&self) {
        self.0.note("another block");
    }
}

fn unknown(target: &str) -> serde_json::Value {
    json!({"error": format!(
        "Failed to invoke '{target}' due to an error on the server. HubException: Method does not exist."
    )})
}

#[apply(both_encodings)]
async fn methods_are_found_in_any_letter_case() {
    let mut peer = Peer::connect(&HubServer::new(Named::default())).await;
    for name in ["sendToAll", "SendToAll", "SENDTOALL", "sendtoall"] {
        assert_eq!(peer.invoke(name, json!([])).await, "sent", "{name}");
    }
    assert_eq!(peer.invoke("TYPE", json!([])).await, "raw");
}

#[apply(both_encodings)]
async fn a_renamed_method_is_found_by_its_new_name_only() {
    let mut peer = Peer::connect(&HubServer::new(Named::default())).await;
    assert_eq!(peer.invoke("OTHER.name #@!", json!([])).await, "renamed");
    for name in ["codeName", "code_name", "CodeName"] {
        assert_eq!(peer.invoke(name, json!([])).await, unknown(name));
    }
}

#[apply(both_encodings)]
async fn an_unknown_method_is_named_as_it_was_sent() {
    for detailed in [false, true] {
        let server = HubServer::builder(Named::default()).detailed_errors(detailed);
        let mut peer = Peer::connect(&server.build().expect("valid")).await;
        for name in [
            "NoSuch",
            "send_to_all",
            "sendToAll ",
            "send to\u{1e}'all'",
            "日本",
            "Σ",
        ] {
            assert_eq!(peer.invoke(name, json!([])).await, unknown(name));
        }
        assert_eq!(peer.invoke("sendToAll", json!([])).await, "sent");
    }
}

#[apply(both_encodings)]
async fn a_name_of_ten_thousand_letters_is_only_unknown() {
    let mut peer = Peer::connect(&HubServer::new(Named::default())).await;
    let name = "x".repeat(10_000);
    assert_eq!(peer.invoke(&name, json!([])).await, unknown(&name));
}

#[apply(both_encodings)]
async fn an_unknown_method_is_found_out_before_its_arguments_are_looked_at() {
    let mut peer = Peer::connect(&HubServer::new(Named::default())).await;
    let arguments = json!([1, {"target": "sendToAll"}, [[]]]);
    assert_eq!(peer.invoke("no", arguments).await, unknown("no"));
    peer.send(r#"{"type":4,"invocationId":"i","target":"no","arguments":[],"streamIds":["1"]}"#)
        .await;
    assert_eq!(peer.completion("i").await, unknown("no"));
}

/// What a remote client could call on hubs of other libraries.
const NEVER_CALLABLE: &[&str] = &[
    "on_connected",
    "onConnected",
    "OnConnectedAsync",
    "on_disconnected",
    "onDisconnected",
    "OnDisconnectedAsync",
    "private",
    "private_later",
    "privateLater",
    "of_the_crate",
    "ofTheCrate",
    "in_another_block",
    "inAnotherBlock",
    "initialize",
    "items",
    "clients",
    "groups",
    "context",
    "connectionId",
    "connection_id",
    "session",
    "logger",
    "close",
    "abort",
    "dispose",
    "drop",
    "clone",
    "fmt",
    "to_string",
    "toString",
    "GetHashCode",
    "GetType",
    "register",
    "__register",
    "proxy",
    "methods",
    "METHODS",
    "NAME",
    "metadata",
    "new",
    "default",
    "self",
    "Named",
    "",
];

#[apply(both_encodings)]
async fn nothing_but_public_methods_of_the_block_is_callable() {
    let hub = Named::default();
    hub.in_another_block();
    let log = hub.0.clone();
    let mut peer = Peer::connect(&HubServer::new(hub)).await;
    for name in NEVER_CALLABLE.iter().filter(|name| !name.is_empty()) {
        for arguments in [json!([]), json!([null]), json!(["id"])] {
            assert_eq!(peer.invoke(name, arguments).await, unknown(name));
        }
    }
    assert_eq!(log.all(), ["another block", "connected"]);
}

#[apply(both_encodings)]
async fn a_hub_lists_what_can_be_called() {
    use signalr::Hub;
    let mut names: Vec<_> = Named::METHODS.iter().map(|method| method.name).collect();
    names.sort_unstable();
    assert_eq!(names, ["other.name #@!", "sendToAll", "type"]);
}

struct Pascal;

#[hub(rename_all = "PascalCase")]
impl Pascal {
    pub fn get_http_url(&self) -> u8 {
        1
    }
}

struct Snake;

#[hub(rename_all = "snake_case")]
impl Snake {
    pub fn get_http_url(&self) -> u8 {
        2
    }
}

#[apply(both_encodings)]
async fn a_block_may_name_its_methods_in_another_style() {
    let mut peer = Peer::connect(&HubServer::new(Pascal)).await;
    assert_eq!(peer.invoke("GetHttpUrl", json!([])).await, 1);
    assert_eq!(
        peer.invoke("get_http_url", json!([])).await,
        unknown("get_http_url")
    );
    let mut peer = Peer::connect(&HubServer::new(Snake)).await;
    assert_eq!(peer.invoke("get_http_url", json!([])).await, 2);
    assert_eq!(
        peer.invoke("getHttpUrl", json!([])).await,
        unknown("getHttpUrl")
    );
}
