//! What official clients of other languages put on the wire in MessagePack, and what they get, byte for byte.
//!
//! Where the reference has a vector, its id stands beside it.

use std::time::Duration;

use serde_json::json;
use signalr::{Context, HubError, HubServer, hub};
use tokio::time::Instant;

use crate::{
    support::{
        Encoding, Peer,
        msgpack::{bytes, framed},
        settle, since,
    },
    vectors::Foreign,
};

impl Peer {
    /// The next frame is exactly this.
    async fn expect_bytes(&mut self, hex: &str) {
        let body = self.body().await.expect("the connection is open");
        let shown: Vec<_> = framed(&body)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(shown.join(" "), hex);
    }
}

/// Sends frames, and expects exactly these.
async fn talk(sent: &[&str], expected: &[&str]) {
    let mut peer = Peer::connect_in(Encoding::MessagePack, &HubServer::new(Foreign)).await;
    for frame in sent {
        peer.send_bytes(&bytes(frame)).await;
    }
    for frame in expected {
        peer.expect_bytes(frame).await;
    }
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn calls_of_the_javascript_client_have_five_items() {
    talk(
        &[
            // M-76: echo("hi"); the same without id; M-77: counter(5)
            "0e 95 01 80 a1 30 a4 45 63 68 6f 91 a2 68 69",
            "0d 95 01 80 c0 a4 45 63 68 6f 91 a2 68 69",
            "0f 95 04 80 a1 31 a7 43 6f 75 6e 74 65 72 91 05",
        ],
        &[
            "09 95 03 80 a1 30 03 a2 68 69",
            "06 94 02 80 a1 31 00",
            "06 94 02 80 a1 31 01",
            "06 94 02 80 a1 31 02",
            "06 94 02 80 a1 31 03",
            "06 94 02 80 a1 31 04",
            "06 94 03 80 a1 31 02",
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn uploads_of_the_javascript_client() {
    talk(
        &[
            // M-78: sum(), its upload is "1"
            "0d 96 01 80 a1 30 a3 53 75 6d 90 91 a1 31",
            "06 94 02 80 a1 31 28",
            "06 94 02 80 a1 31 02",
            "06 94 03 80 a1 31 02",
        ],
        &["07 95 03 80 a1 30 03 2a"],
    )
    .await;
    // An empty error text is an error (M-88).
    talk(
        &[
            "0d 96 01 80 a1 30 a3 53 75 6d 90 91 a1 31",
            "07 95 03 80 a1 31 01 a0",
        ],
        &[
            "51 95 03 80 a1 30 01 d9 49 41 6e 20 75 6e 65 78 70 65 63 74 65 64 20 65 72 72 6f 72 20 6f 63 63 75 72 72 65 64 20 69 6e 76 6f 6b 69 6e 67 20 27 53 75 6d 27 20 6f 6e 20 74 68 65 20 73 65 72 76 65 72 2e 20 48 75 62 45 78 63 65 70 74 69 6f 6e 3a 20",
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_cancel_and_a_result_of_the_client() {
    talk(
        &[
            // endless(), and its cancel
            "0e 95 04 80 a1 32 a7 65 6e 64 6c 65 73 73 90",
            "05 93 05 80 a1 32",
        ],
        &["06 94 03 80 a1 32 02"],
    )
    .await;
    talk(
        &[
            // ask()
            "0b 96 01 80 a1 33 a3 61 73 6b 90 90",
            "0a 95 03 80 a2 73 31 03 a2 4f 4b",
        ],
        &[
            "0c 96 01 80 a2 73 31 a3 61 73 6b 90 90",
            "09 95 03 80 a1 33 03 a2 4f 4b",
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn more_items_than_are_known_are_ignored() {
    talk(
        &[
            // eight items of a call, M-53, two of a ping, four of a Close are too many for a talk
            "13 98 01 80 a1 37 a4 45 63 68 6f 91 a2 68 69 90 c3 a2 65 78",
            "09 95 03 80 a3 61 62 63 02 00",
            "03 92 06 c0",
            // bytes behind the array
            "10 96 01 80 a1 38 a4 45 63 68 6f 91 a2 68 69 90 c1",
        ],
        &[
            "09 95 03 80 a1 37 03 a2 68 69",
            "09 95 03 80 a1 38 03 a2 68 69",
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_empty_id_and_nil_want_no_answer() {
    talk(
        &[
            // M-81 and M-02, which call what is not there; echo("hi")
            "0d 96 01 80 a0 a6 6d 65 74 68 6f 64 90 90",
            "0d 96 01 80 c0 a6 6d 65 74 68 6f 64 90 90",
            "0e 96 01 80 a0 a4 45 63 68 6f 91 a2 68 69 90",
        ],
        &[],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn headers_and_wide_forms_are_read_and_prefixes_need_not_be_minimal() {
    talk(
        &[
            // headers {a:b,c:d} as in M-61
            "15 96 01 82 a1 61 a1 62 a1 63 a1 64 a1 35 a4 45 63 68 6f 91 2a 90",
            // every length and number in its widest form: array32, int64, map32, str32, array32
            "31 dd 00 00 00 06 d3 00 00 00 00 00 00 00 01 df 00 00 00 00 db 00 00 00 01 36 db 00 00 00 04 45 63 68 6f dd 00 00 00 01 d2 00 00 00 2a dd 00 00 00 00",
            // a length of five bytes
            "8d 80 80 80 00 96 01 80 a1 37 a4 45 63 68 6f 91 2a 90",
        ],
        &[
            "07 95 03 80 a1 35 03 2a",
            "07 95 03 80 a1 36 03 2a",
            "07 95 03 80 a1 37 03 2a",
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_call_and_a_ping_in_one_piece_are_answered_at_once() {
    let mut peer = Peer::connect_in(Encoding::MessagePack, &HubServer::new(Foreign)).await;
    let start = Instant::now();
    peer.send_bytes(&bytes(
        "0e 95 01 80 a1 30 a4 45 63 68 6f 91 a2 68 69 02 91 06",
    ))
    .await;
    peer.expect_bytes("09 95 03 80 a1 30 03 a2 68 69").await;
    assert_eq!(since(start), 0);
}

#[tokio::test(start_paused = true)]
async fn half_a_message_waits_for_the_rest() {
    let call = bytes("0e 95 01 80 a1 30 a4 45 63 68 6f 91 a2 68 69");
    let long = Encoding::MessagePack.frame(&format!(
        r#"{{"type":1,"invocationId":"0","target":"echo","arguments":["{}"]}}"#,
        "x".repeat(200)
    ));
    for (frame, result) in [(&call, "hi".to_owned()), (&long, "x".repeat(200))] {
        for cut in 1..frame.len() {
            let server = HubServer::new(Foreign);
            let mut peer = Peer::connect_in(Encoding::MessagePack, &server).await;
            peer.send_bytes(&frame[..cut]).await;
            settle().await;
            peer.send_bytes(&frame[cut..]).await;
            assert_eq!(peer.completion("0").await, result, "cut at {cut}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_close_of_each_client_is_answered_with_three_items() {
    // M-79 of JavaScript, M-43 of .NET and Java, M-45, and with one item more
    for close in [
        "03 92 07 c0",
        "04 93 07 c0 c2",
        "04 93 07 c0 c3",
        "05 94 07 c0 c2 c0",
    ] {
        let mut peer = Peer::connect_in(Encoding::MessagePack, &HubServer::new(Foreign)).await;
        peer.send_bytes(&bytes(close)).await;
        peer.expect_bytes("04 93 07 c0 c2").await;
        peer.expect_end().await;
    }
}

struct Doors;

#[hub]
impl Doors {
    pub async fn tell(&self, cx: &Context<Self>) -> Result<(), HubError> {
        let caller = cx.clients().caller();
        caller.send("method", ()).await?;
        caller.send("method", (42,)).await?;
        caller.send("method", (None::<u8>,)).await?;
        caller.send("method", (42, "string")).await?;
        Ok(())
    }

    pub fn close(&self, cx: &Context<Self>, reason: Option<&str>, allow: bool) {
        cx.close(reason, allow);
    }
}

#[tokio::test(start_paused = true)]
async fn calls_to_clients_have_six_items_and_void_results_are_nil() {
    let mut peer = Peer::connect_in(Encoding::MessagePack, &HubServer::new(Doors)).await;
    peer.call("xyz", "tell", json!([])).await;
    for expected in [
        // M-02 to M-05, M-36
        "0d 96 01 80 c0 a6 6d 65 74 68 6f 64 90 90",
        "0e 96 01 80 c0 a6 6d 65 74 68 6f 64 91 2a 90",
        "0e 96 01 80 c0 a6 6d 65 74 68 6f 64 91 c0 90",
        "15 96 01 80 c0 a6 6d 65 74 68 6f 64 92 2a a6 73 74 72 69 6e 67 90",
        "09 95 03 80 a3 78 79 7a 03 c0",
    ] {
        peer.expect_bytes(expected).await;
    }
}

#[tokio::test(start_paused = true)]
async fn close_has_three_items_whatever_it_says() {
    for (reason, allow, expected) in [
        // M-43 to M-46; an empty text is none
        (None, false, "04 93 07 c0 c2"),
        (Some("Error!"), false, "0a 93 07 a6 45 72 72 6f 72 21 c2"),
        (None, true, "04 93 07 c0 c3"),
        (Some("Error!"), true, "0a 93 07 a6 45 72 72 6f 72 21 c3"),
        (Some(""), false, "04 93 07 c0 c2"),
    ] {
        let mut peer = Peer::connect_in(Encoding::MessagePack, &HubServer::new(Doors)).await;
        peer.tell("close", json!([reason, allow])).await;
        peer.expect_bytes(expected).await;
        peer.expect_end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_ping_is_three_bytes() {
    let server = HubServer::builder(Foreign).keep_alive(Duration::from_secs(1));
    let server = server.build().expect("valid");
    let mut peer = Peer::connect_in(Encoding::MessagePack, &server).await;
    // M-42
    peer.expect_bytes("02 91 06").await;
}
