//! Values in values in values: an error of the call or the end of the connection, and never of the stack.
//!
//! Each conversation runs on a thread with one MiB of stack: half of what threads get that nobody configured.

use std::collections::BTreeMap;

use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::{Value, json};
use signalr::{Context, HubError, HubServer, Receiver, hub};

use crate::support::{Encoding, Peer, msgpack::framed};

/// Types that hold themselves, in the ways that cost serde the most stack.
#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum Untagged {
    Leaf(u8),
    Node(Vec<Self>),
    Named { a: Box<Self> },
    Map(BTreeMap<String, Self>),
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "type")]
enum Tagged {
    Leaf,
    Node { a: Box<Self> },
}

#[derive(Debug, Deserialize, Serialize)]
struct Flat {
    a: Option<Box<Self>>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// Lists of lists, down to an empty one.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only read from messages")]
struct List(Vec<Self>);

struct Deep;

#[hub]
impl Deep {
    pub fn any(&self, _value: Value) -> u8 {
        1
    }

    pub fn ignored(&self, _value: IgnoredAny) -> u8 {
        1
    }

    pub fn text(&self, _value: &str) -> u8 {
        1
    }

    pub fn list(&self, _value: List) -> u8 {
        1
    }

    pub fn untagged(&self, _value: Untagged) -> u8 {
        1
    }

    pub fn tagged(&self, _value: Tagged) -> u8 {
        1
    }

    pub fn flat(&self, _value: Flat) -> u8 {
        1
    }

    pub fn second(&self, _first: u8, _value: Value) -> u8 {
        1
    }

    pub fn nothing(&self) -> u8 {
        1
    }

    pub async fn upload(&self, mut items: Receiver<Untagged>) -> bool {
        matches!(items.recv().await, Some(Err(_)))
    }

    pub async fn ask(&self, cx: &Context<Self>) -> Result<(), HubError> {
        cx.clients().caller().invoke::<Untagged>("ask", ()).await?;
        Ok(())
    }
}

/// How one level is written: the opening and the closing in JSON, the opening in MessagePack.
const LEVELS: &[(&str, &str, &[u8])] = &[
    ("[", "]", b"\x91"),
    (r#"{"a":"#, "}", b"\x81\xa1a"),
    (r#"{"type":"Node","a":"#, "}", b"\x82\xa4type\xa4Node\xa1a"),
];

/// A value of so many levels around a number.
#[derive(Clone, Copy)]
struct Nested {
    level: usize,
    depth: usize,
}

impl Nested {
    /// `message` says `here` where the value belongs.
    fn frame(self, message: &str) -> Vec<u8> {
        let (open, close, packed) = LEVELS[self.level];
        match Encoding::of_this_test() {
            Encoding::Json => {
                let value = [
                    open.repeat(self.depth),
                    "1".into(),
                    close.repeat(self.depth),
                ];
                Encoding::Json.frame(&message.replace("\"here\"", &value.concat()))
            }
            Encoding::MessagePack => {
                let frame = Encoding::MessagePack.frame(message);
                let body = &frame[1..];
                let at = body.windows(5).position(|five| five == b"\xa4here");
                let (head, tail) = body.split_at(at.expect("a place for it"));
                let value = [&packed.repeat(self.depth)[..], &[1]].concat();
                framed(&[head, &value, &tail[5..]].concat())
            }
        }
    }
}

/// Runs on a thread of its own with little stack.
fn with_little_stack(test: impl Future<Output = ()> + Send + 'static) {
    let encoding = Encoding::of_this_test();
    let thread = std::thread::Builder::new().stack_size(1 << 20);
    let thread = thread.spawn(move || encoding.run(test)).expect("a thread");
    thread.join().expect("it ends well");
}

const METHODS: &[&str] = &[
    "any", "ignored", "text", "list", "untagged", "tagged", "flat", "second", "nothing", "nosuch",
];

fn call(method: &str) -> String {
    let first = if method == "second" { "7," } else { "" };
    format!(r#"{{"type":1,"invocationId":"1","target":"{method}","arguments":[{first}"here"]}}"#)
}

#[apply(both_encodings)]
async fn thousands_of_levels_are_an_error_wherever_they_stand() {
    with_little_stack(async {
        let depth = match Encoding::of_this_test() {
            Encoding::Json => 15_000,
            Encoding::MessagePack => 20_000,
        };
        let server = HubServer::builder(Deep).unlimited_receive_size();
        let server = server.build().expect("valid");
        let upload = r#"{"type":2,"invocationId":"u","item":"here"}"#;
        let answer = r#"{"type":3,"invocationId":"s1","result":"here"}"#;
        let late = r#"{"type":3,"invocationId":"s99","result":"here"}"#;
        let unknown = r#"{"type":99,"x":"here"}"#;
        let calls = METHODS.iter().map(|method| call(method));
        let others = [upload, answer, late, unknown].map(str::to_owned);
        for message in calls.chain(others) {
            for level in 0..LEVELS.len() {
                let mut peer = Peer::connect(&server).await;
                peer.upload("up", "upload", json!([]), &["u"]).await;
                peer.call("1", "ask", json!([])).await;
                let question = peer.json().await;
                assert_eq!(question["target"], "ask");
                let frame = Nested { level, depth }.frame(&message);
                peer.send_bytes(&frame).await;
                peer.send(r#"{"type":7}"#).await;
                let mut last = String::new();
                while let Some(frame) = peer.frame().await {
                    assert!(frame.len() < 500, "{} bytes come back", frame.len());
                    last = frame;
                }
                assert!(last.starts_with(r#"{"type":7"#), "{message}: {last}");
            }
        }
    });
}

/// A type is read, or it is not; that it can be read at all says that the test reaches it.
fn reads<T: DeserializeOwned>(value: Value) -> bool {
    serde_json::from_value::<T>(value).is_ok()
}

#[apply(both_encodings)]
async fn a_value_as_deep_as_allowed_fits_the_stack_and_one_deeper_is_an_error() {
    assert!(reads::<Untagged>(json!([[{"a": [1]}]])));
    assert!(reads::<Tagged>(
        json!({"type": "Node", "a": {"type": "Leaf"}})
    ));
    assert!(reads::<Flat>(json!({"a": {"a": null, "b": [1]}})));
    with_little_stack(async {
        // JSON counts the message and its list of arguments too.
        let limit = match Encoding::of_this_test() {
            Encoding::Json => 64 - 2,
            Encoding::MessagePack => 127,
        };
        let server = HubServer::builder(Deep).unlimited_receive_size();
        let server = server.build().expect("valid");
        for method in METHODS {
            for level in 0..LEVELS.len() {
                for depth in [
                    1, 10, 30, 60, 61, 62, 63, 64, 65, 100, 126, 127, 128, 129, 500,
                ] {
                    let mut peer = Peer::connect(&server).await;
                    let frame = Nested { level, depth }.frame(&call(method));
                    peer.send_bytes(&frame).await;
                    let answer = peer.json().await;
                    let takes_all = ["any", "ignored", "untagged", "second"].contains(method);
                    let fits = takes_all && depth <= limit;
                    assert_eq!(answer["result"] == 1, fits, "{method} {level} {depth}");
                    assert!(fits || answer["error"].is_string(), "{answer}");
                }
            }
        }
    });
}
