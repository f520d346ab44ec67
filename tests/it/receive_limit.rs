//! How large messages may be, and what becomes of larger and of endless ones.

use signalr::{Connecting, Context, Error, HubError, HubServer, HubServerBuilder, hub};
use tokio::time::Instant;

use crate::support::{Encoding, Log, Peer, settle, since, wait};

#[derive(Clone, Default)]
struct Sized(Log);

#[hub]
impl Sized {
    async fn on_connected(&self, _: &Connecting<Self>) -> Result<(), HubError> {
        Ok(())
    }

    async fn on_disconnected(&self, _: &Context<Self>, reason: Option<&Error>) {
        let reason = reason.expect("a reason");
        assert!(reason.is_protocol());
        self.0.note(reason.to_string());
    }

    pub fn length(&self, text: &str) -> usize {
        text.len()
    }
}

const CLOSE: &str =
    r#"{"type":7,"error":"Connection closed with an error.","allowReconnect":true}"#;

fn builder(hub: &Sized) -> HubServerBuilder<Sized> {
    HubServer::builder(hub.clone())
}

fn exceeded(limit: usize) -> String {
    format!(
        "The maximum message size of {limit}B was exceeded. The message size can be configured in AddHubOptions."
    )
}

/// A call whose frame has exactly this many bytes, and the length of the text in it.
fn call_of(size: usize) -> (Vec<u8>, usize) {
    let call = |length| {
        let text = "x".repeat(length);
        Encoding::of_this_test().frame(&format!(
            r#"{{"type":1,"invocationId":"1","target":"length","arguments":["{text}"]}}"#
        ))
    };
    // In MessagePack, the longer the text the more bytes are lengths.
    let mut length = size - call(0).len();
    let mut frame = call(length);
    while frame.len() > size {
        length -= frame.len() - size;
        frame = call(length);
    }
    assert_eq!(frame.len(), size);
    (frame, length)
}

#[apply(both_encodings)]
async fn a_message_of_exactly_32_kib_passes() {
    let mut peer = Peer::connect(&HubServer::new(Sized::default())).await;
    let (call, length) = call_of(32_768);
    peer.send_bytes(&call).await;
    assert_eq!(peer.completion("1").await, length);
    // And once more, behind others, split.
    peer.send_bytes(&[&call_of(100).0[..], &call[..1]].concat())
        .await;
    peer.completion("1").await;
    peer.send_bytes(&call[1..]).await;
    assert_eq!(peer.completion("1").await, length);
}

#[apply(both_encodings)]
async fn one_byte_more_ends_the_connection() {
    let hub = Sized::default();
    let server = builder(&hub).build().expect("valid");
    let mut peer = Peer::connect(&server).await;
    peer.send_bytes(&call_of(32_769).0).await;
    peer.expect_close(CLOSE).await;
    peer.leave().await;
    assert_eq!(hub.0.all(), [exceeded(32_768)]);
}

#[apply(both_encodings)]
async fn detailed_errors_name_the_limit() {
    let hub = Sized::default();
    let server = builder(&hub).max_receive_size(100).detailed_errors(true);
    let mut peer = Peer::connect(&server.build().expect("valid")).await;
    let (call, length) = call_of(100);
    peer.send_bytes(&call).await;
    assert_eq!(peer.completion("1").await, length);
    peer.send_bytes(&call_of(101).0).await;
    peer.expect_close(&format!(
        r#"{{"type":7,"error":"Connection closed with an error. InvalidDataException: {}","allowReconnect":true}}"#,
        exceeded(100)
    ))
    .await;
}

#[apply(both_encodings)]
async fn messages_in_front_of_an_oversize_one_are_answered() {
    let hub = Sized::default();
    let mut peer = Peer::connect(&builder(&hub).build().expect("valid")).await;
    let (small, length) = call_of(200);
    let mut bytes = small.repeat(50);
    bytes.extend_from_slice(&call_of(40_000).0);
    bytes.extend_from_slice(&small);
    peer.send_bytes(&bytes).await;
    for _ in 0..50 {
        assert_eq!(peer.completion("1").await, length);
    }
    peer.expect_close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn an_oversize_message_is_noticed_before_it_is_complete() {
    let hub = Sized::default();
    let mut peer = Peer::connect(&builder(&hub).build().expect("valid")).await;
    peer.send_bytes(&[b'x'; 32_768]).await;
    settle().await;
    assert_eq!(hub.0.all(), [""; 0], "a separator may still come");
    let start = Instant::now();
    peer.send_bytes(b"x").await;
    peer.expect_close(CLOSE).await;
    assert_eq!(since(start), 0, "no time-out was needed");
}

#[tokio::test(start_paused = true)]
async fn an_announced_length_is_refused_before_anything_else_has_come() {
    // Lengths of one more than the limit with the prefix, of 2 MB, and of the most there can be.
    for prefix in [
        &[0xfe, 0xff, 0x01][..],
        &[0xff, 0xff, 0x7f],
        &[0xff, 0xff, 0xff, 0xff, 0x07],
    ] {
        let hub = Sized::default();
        let server = builder(&hub).build().expect("valid");
        let mut peer = Peer::connect_in(Encoding::MessagePack, &server).await;
        let start = Instant::now();
        peer.send_bytes(prefix).await;
        peer.expect_close(CLOSE).await;
        assert_eq!(since(start), 0, "no time-out was needed");
        assert_eq!(hub.0.all(), [exceeded(32_768)]);
    }
    // One byte less may come.
    let server = builder(&Sized::default()).build().expect("valid");
    let mut peer = Peer::connect_in(Encoding::MessagePack, &server).await;
    peer.send_bytes(&[0xfd, 0xff, 0x01]).await;
    settle().await;
    assert_eq!(server.connection_count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_endless_message_is_cut_off() {
    let hub = Sized::default();
    let server = builder(&hub).build().expect("valid");
    let mut peer = Peer::connect_with(&server, 4_096).await;
    let start = Instant::now();
    while peer.try_send_bytes(&[b'x'; 4_096]).await {
        wait(1).await;
        assert!(since(start) < 6_000, "the server still reads");
    }
    assert_eq!(hub.0.all(), [exceeded(32_768)]);
    peer.expect_close(CLOSE).await;
    peer.leave().await;
    assert_eq!(server.connection_count(), 0);
}

#[apply(both_encodings)]
async fn trickling_bytes_of_one_message_are_no_sign_of_life() {
    let hub = Sized::default();
    let server = builder(&hub)
        .keep_alive(std::time::Duration::from_secs(1))
        .client_timeout(std::time::Duration::from_secs(3));
    let mut peer = Peer::connect(&server.build().expect("valid")).await;
    if Encoding::of_this_test() == Encoding::MessagePack {
        // A message of 16 KiB begins.
        peer.send_bytes(&[0x80, 0x80, 0x01]).await;
    }
    let start = Instant::now();
    loop {
        let byte = peer.try_send_bytes(b" ");
        if !byte.await || since(start) > 20_000 {
            break;
        }
        wait(100).await;
    }
    // Three seconds of silence, and five in which the server waits for the client to close.
    let after = since(start);
    assert!((3_000..=9_000).contains(&after), "after {after} ms");
}

#[apply(both_encodings)]
async fn two_thousand_messages_in_one_write_are_all_answered() {
    let mut peer = Peer::connect(&HubServer::new(Sized::default())).await;
    let (call, length) = call_of(369);
    peer.send_bytes(&call.repeat(2_000)).await;
    for _ in 0..2_000 {
        assert_eq!(peer.completion("1").await, length);
    }
}

#[apply(both_encodings)]
async fn without_a_limit_a_message_of_two_megabytes_passes() {
    let server = builder(&Sized::default()).unlimited_receive_size();
    let mut peer = Peer::connect(&server.build().expect("valid")).await;
    let (call, length) = call_of((2 << 20) + 100);
    peer.send_bytes(&call).await;
    assert_eq!(peer.completion("1").await, length);
}

#[apply(both_encodings)]
async fn each_server_has_its_own_limit() {
    let small = builder(&Sized::default())
        .max_receive_size(200)
        .build()
        .expect("valid");
    let large = builder(&Sized::default())
        .max_receive_size(100_000)
        .build()
        .expect("valid");
    let (call, length) = call_of(50_000);
    let mut peer = Peer::connect(&large).await;
    peer.send_bytes(&call).await;
    assert_eq!(peer.completion("1").await, length);
    let mut peer = Peer::connect(&small).await;
    peer.send_bytes(&call).await;
    peer.expect_close(CLOSE).await;
}
