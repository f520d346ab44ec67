//! Methods that fail: exactly one error completion, and no more of the text than the client may read.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use signalr::{Context, HubError, HubServer, hub};

use crate::support::{Encoding, Peer};

/// Panics when it is written.
struct Explosive;

impl Serialize for Explosive {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("the secret of a result")
    }
}

/// Fails when half of it is written.
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let mut list = serializer.serialize_seq(Some(2))?;
        list.serialize_element("half")?;
        Err(serde::ser::Error::custom("the secret of a result"))
    }
}

/// Can be written, but not dropped.
#[derive(Serialize)]
struct Unlucky(u8);

impl Drop for Unlucky {
    fn drop(&mut self) {
        panic!("the secret of a drop");
    }
}

#[derive(Debug)]
struct OutOfTea;

impl std::fmt::Display for OutOfTea {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the secret of the kitchen")
    }
}

impl std::error::Error for OutOfTea {}

struct Failing;

#[hub]
impl Failing {
    pub fn public(&self) -> Result<u8, HubError> {
        Err(HubError::new("not today"))
    }

    pub async fn public_later(&self) -> Result<(), HubError> {
        tokio::task::yield_now().await;
        Err(HubError::new("not today"))
    }

    pub fn named(&self) -> Result<u8, HubError> {
        Err(HubError::named("OutOfStock", "none left"))
    }

    pub fn quoted(&self) -> Result<u8, HubError> {
        Err(HubError::new("a \"quote\"\u{1e}\nand a line"))
    }

    pub fn empty(&self) -> Result<u8, HubError> {
        Err(HubError::new(""))
    }

    pub fn private(&self) -> Result<u8, HubError> {
        Err(OutOfTea)?
    }

    pub fn own_type(&self) -> Result<u8, OutOfTea> {
        Err(OutOfTea)
    }

    pub fn panic(&self) -> u8 {
        panic!("the secret of a panic")
    }

    pub async fn panic_later(&self) -> u8 {
        tokio::task::yield_now().await;
        panic!("the secret of a panic")
    }

    pub fn panic_with_a_value(&self) -> u8 {
        std::panic::panic_any(7u8)
    }

    pub fn explosive(&self) -> Explosive {
        Explosive
    }

    pub fn unwritable(&self) -> Unwritable {
        Unwritable
    }

    pub fn unlucky(&self) -> Unlucky {
        Unlucky(7)
    }

    pub fn not_a_number(&self) -> f64 {
        f64::NAN
    }

    pub async fn send_unwritable(&self, cx: &Context<Self>) -> Result<u8, HubError> {
        cx.clients().all().send("x", (1, Unwritable)).await?;
        Ok(1)
    }

    pub fn fine(&self) -> u8 {
        1
    }
}

async fn answer(method: &str, detailed: bool) -> Value {
    let server = HubServer::builder(Failing).detailed_errors(detailed);
    let mut peer = Peer::connect(&server.build().expect("valid")).await;
    let answer = peer.invoke(method, json!([])).await;
    // The call was answered once, and the connection lives.
    peer.expect_silence().await;
    assert_eq!(peer.invoke("fine", json!([])).await, 1);
    answer
}

fn error(method: &str, detail: &str) -> Value {
    json!({"error": format!("An unexpected error occurred invoking '{method}' on the server.{detail}")})
}

#[apply(both_encodings)]
async fn the_text_of_a_hub_error_is_always_read() {
    for detailed in [false, true] {
        for (method, detail) in [
            ("public", " HubException: not today"),
            ("publicLater", " HubException: not today"),
            ("named", " OutOfStock: none left"),
            ("quoted", " HubException: a \"quote\"\u{1e}\nand a line"),
            ("empty", " HubException: "),
        ] {
            assert_eq!(answer(method, detailed).await, error(method, detail));
        }
    }
}

#[apply(both_encodings)]
async fn an_error_completion_has_no_result() {
    let mut peer = Peer::connect(&HubServer::new(Failing)).await;
    peer.call("1", "public", json!([])).await;
    assert_eq!(
        peer.text().await,
        r#"{"type":3,"invocationId":"1","error":"An unexpected error occurred invoking 'public' on the server. HubException: not today"}"#
    );
}

#[apply(both_encodings)]
async fn other_errors_are_read_with_detailed_errors_only() {
    for method in ["private", "ownType"] {
        assert_eq!(answer(method, false).await, error(method, ""));
        assert_eq!(
            answer(method, true).await,
            error(method, " OutOfTea: the secret of the kitchen")
        );
    }
}

#[apply(both_encodings)]
async fn the_method_is_named_as_the_client_spelt_it() {
    assert_eq!(
        answer("PUBLIC", false).await,
        error("PUBLIC", " HubException: not today")
    );
    assert_eq!(answer("PaNiC", false).await, error("PaNiC", ""));
}

#[apply(both_encodings)]
async fn a_panic_is_one_error_without_its_text() {
    for detailed in [false, true] {
        for method in ["panic", "panicLater", "panicWithAValue", "explosive"] {
            assert_eq!(answer(method, detailed).await, error(method, ""));
        }
    }
}

#[apply(both_encodings)]
async fn a_result_that_panics_when_it_is_dropped_is_answered_once() {
    let answer = answer("unlucky", false).await;
    assert!(answer == 7 || answer == error("unlucky", ""), "{answer}");
}

#[apply(both_encodings)]
async fn a_result_that_cannot_be_written_is_an_error() {
    assert_eq!(answer("unwritable", false).await, error("unwritable", ""));
    let detailed = answer("unwritable", true).await.to_string();
    let name = match Encoding::of_this_test() {
        Encoding::Json => "JsonException",
        Encoding::MessagePack => "MessagePackSerializationException",
    };
    let expected =
        format!("An unexpected error occurred invoking 'unwritable' on the server. {name}: ");
    assert!(detailed.contains(&expected), "{detailed}");
}

#[apply(both_encodings)]
async fn an_argument_that_cannot_be_written_fails_the_send_and_reaches_nobody() {
    let server = HubServer::new(Failing);
    let mut other = Peer::connect(&server).await;
    let mut peer = Peer::connect(&server).await;
    assert_eq!(
        peer.invoke("sendUnwritable", json!([])).await,
        error("sendUnwritable", "")
    );
    peer.expect_silence().await;
    other.expect_silence().await;
}

#[apply(both_encodings)]
async fn failures_without_id_are_silent() {
    let mut peer = Peer::connect(&HubServer::new(Failing)).await;
    for method in [
        "public",
        "publicLater",
        "named",
        "private",
        "ownType",
        "panic",
        "panicLater",
        "explosive",
        "unwritable",
        "unlucky",
        "sendUnwritable",
    ] {
        peer.tell(method, json!([])).await;
        peer.expect_silence().await;
    }
    assert_eq!(peer.invoke("fine", json!([])).await, 1);
}

#[apply(both_encodings)]
async fn a_panic_harms_no_other_connection() {
    let server = HubServer::new(Failing);
    let mut other = Peer::connect(&server).await;
    for method in ["panic", "panicLater", "explosive", "unlucky"] {
        let mut peer = Peer::connect(&server).await;
        peer.call("1", method, json!([])).await;
        peer.leave().await;
        assert_eq!(other.invoke("fine", json!([])).await, 1);
    }
    assert_eq!(server.connection_count(), 1);
}

#[tokio::test(start_paused = true)]
async fn not_a_number_does_not_end_the_connection() {
    // .NET cannot write it at all; JSON has no other word for it than null.
    assert_eq!(answer("notANumber", false).await, json!(null));
}
