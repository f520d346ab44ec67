//! What the server makes WebSocket messages of.

use serde_json::json;
use signalr::{Context, HubServer, hub};

use crate::support::web::{CLOSE, TEXT, Wire, serve};

struct Answers;

#[hub]
impl Answers {
    pub fn at_once(&self) -> &'static str {
        ""
    }

    pub async fn later(&self) {
        tokio::task::yield_now().await;
    }

    pub fn numbers(&self) -> impl futures_util::Stream<Item = u8> + use<> {
        futures_util::stream::iter(0..100)
    }

    pub fn bye(&self, cx: &Context<Self>) {
        cx.abort();
    }
}

#[tokio::test]
async fn every_message_of_a_json_session_is_text_and_none_is_empty() {
    let addr = serve(&HubServer::new(Answers)).await;
    let mut wire = Wire::connect(addr, "/hub").await;
    let calls = (0..500).map(|id| {
        let target = ["atOnce", "later"][id % 2];
        json!({ "type": 1, "invocationId": id.to_string(), "target": target, "arguments": [] })
    });
    let stream = json!({ "type": 4, "invocationId": "s", "target": "numbers", "arguments": [] });
    let calls: String = calls
        .chain([stream])
        .map(|call| format!("{call}\u{1e}"))
        .collect();
    wire.frame(TEXT, calls.as_bytes()).await;
    let mut heard = 0;
    // A result each, the items, and the end of the stream.
    while heard < 500 + 100 + 1 {
        let (first, payload) = wire.next().await.expect("open");
        assert_eq!(first, TEXT);
        assert!(payload.ends_with(b"\x1e"), "{payload:?}");
        heard += payload.iter().filter(|byte| **byte == 0x1e).count();
    }
    wire.tell(r#"{"type":1,"target":"bye","arguments":[]}"#)
        .await;
    assert_eq!(
        wire.next().await,
        Some((TEXT, b"{\"type\":7}\x1e".to_vec()))
    );
    let (last, _) = wire.next().await.expect("a close frame");
    assert_eq!(last, CLOSE);
}
