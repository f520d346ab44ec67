//! Limits that clever clients try to get around, and waits that must not be for ever.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use serde_json::{Value, json};
use signalr::{Context, HubError, HubServer, Receiver, hub};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf},
    sync::Semaphore,
};

use crate::support::{Log, Peer, settle};

#[derive(Clone)]
struct Held {
    log: Log,
    gate: Arc<Semaphore>,
}

impl Held {
    fn new() -> Self {
        Self {
            log: Log::default(),
            gate: Arc::new(Semaphore::new(0)),
        }
    }
}

#[hub]
impl Held {
    /// Keeps its upload until the gate opens.
    pub async fn hold(&self, items: Receiver<u32>) -> u8 {
        self.log.note("started");
        let _items = items;
        self.gate.acquire().await.expect("the gate stays").forget();
        7
    }

    /// Reads its upload when the client has agreed.
    pub async fn confirm_and_count(
        &self,
        cx: &Context<Self>,
        mut items: Receiver<String>,
    ) -> Result<usize, HubError> {
        cx.clients().caller().invoke::<bool>("confirm", ()).await?;
        let mut count = 0;
        while let Some(item) = items.recv().await {
            item.map_err(HubError::new)?;
            count += 1;
        }
        Ok(count)
    }

    pub async fn ask(&self, cx: &Context<Self>) -> Result<bool, HubError> {
        Ok(cx.clients().caller().invoke("confirm", ()).await?)
    }

    pub fn fine(&self) -> u8 {
        1
    }

    pub fn note(&self, text: &str) {
        self.log.note(text);
    }

    pub fn noted(&self) -> usize {
        self.log.all().len()
    }
}

async fn confirmed(peer: &mut Peer, id: &Value) {
    let answer = json!({"type": 3, "invocationId": id, "result": true});
    peer.send(&answer.to_string()).await;
}

#[apply(both_encodings)]
async fn the_limit_of_uploads_counts_running_calls_whatever_becomes_of_their_streams() {
    for reuse in [true, false] {
        let hub = Held::new();
        let mut peer = Peer::connect(&HubServer::new(hub.clone())).await;
        for number in 0..150 {
            let stream = if reuse {
                "u".to_owned()
            } else {
                format!("u{number}")
            };
            peer.upload(&number.to_string(), "hold", json!([]), &[&stream])
                .await;
            peer.end_of(&stream).await;
        }
        for number in 100..150 {
            let refused = peer.completion(&number.to_string()).await;
            let text = refused["error"].as_str().expect("an error");
            assert!(
                text.ends_with("More than 100 upload streams at once are not allowed."),
                "{text}"
            );
        }
        assert_eq!(hub.log.count("started"), 100);
        // Each that ends makes room for another.
        hub.gate.add_permits(1);
        assert_eq!(peer.json().await["result"], 7);
        peer.upload("next", "hold", json!([]), &["next"]).await;
        settle().await;
        assert_eq!(hub.log.count("started"), 101);
    }
}

#[apply(both_encodings)]
async fn an_answer_is_read_though_the_upload_in_front_of_it_waits_for_it() {
    let mut peer = Peer::connect(&HubServer::new(Held::new())).await;
    peer.upload("1", "confirmAndCount", json!([]), &["u"]).await;
    let question = peer.json().await;
    for _ in 0..100 {
        peer.item("u", json!("x".repeat(1_000))).await;
    }
    peer.end_of("u").await;
    confirmed(&mut peer, &question["invocationId"]).await;
    assert_eq!(peer.completion("1").await, 100);
}

#[apply(both_encodings)]
async fn an_upload_too_far_ahead_of_a_reader_that_waits_for_an_answer_fails() {
    let mut peer = Peer::connect(&HubServer::new(Held::new())).await;
    peer.upload("1", "confirmAndCount", json!([]), &["u"]).await;
    let question = peer.json().await;
    for _ in 0..1_500 {
        peer.item("u", json!("x".repeat(1_000))).await;
    }
    peer.end_of("u").await;
    confirmed(&mut peer, &question["invocationId"]).await;
    let failed = peer.completion("1").await;
    let text = failed["error"].as_str().expect("an error");
    assert!(text.contains("More than 1 MiB of items waited"), "{text}");
    assert_eq!(peer.invoke("fine", json!([])).await, 1);
}

#[apply(both_encodings)]
async fn answers_are_read_though_calls_in_front_of_them_wait_for_a_turn() {
    let mut peer = Peer::connect(&HubServer::new(Held::new())).await;
    let mut questions = Vec::new();
    // The last of them keeps its turn.
    for number in 0..101 {
        peer.call(&number.to_string(), "ask", json!([])).await;
        questions.push(peer.json().await["invocationId"].take());
    }
    for number in 0..1_500 {
        peer.call(&format!("c{number}"), "fine", json!([])).await;
    }
    for question in &questions {
        confirmed(&mut peer, question).await;
    }
    let (mut answered, mut refused, mut asked) = (0, 0, 0);
    for _ in 0..1_601 {
        let completion = peer.json().await;
        match (&completion["result"], completion["error"].as_str()) {
            (Value::Bool(true), None) => asked += 1,
            (Value::Number(_), None) => answered += 1,
            (_, Some(text)) => {
                assert!(
                    text.ends_with("More than 64 KiB of calls wait for their turn."),
                    "{text}"
                );
                refused += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(asked, 101);
    assert!(
        answered >= 100 && answered + refused == 1_500,
        "{answered} and {refused}"
    );
}

#[apply(both_encodings)]
async fn no_message_is_lost_without_a_word_where_an_answer_is_waited_for() {
    for (messages, fits) in [(1_000, true), (1_200, false)] {
        let server = HubServer::builder(Held::new())
            .detailed_errors(true)
            .build()
            .expect("valid");
        let mut peer = Peer::connect(&server).await;
        let mut questions = Vec::new();
        // The last of them keeps its turn.
        for number in 0..101 {
            peer.call(&number.to_string(), "ask", json!([])).await;
            questions.push(peer.json().await["invocationId"].take());
        }
        // A frame's bytes, and 256 for what is bound, are 1,000.
        let text = "x".repeat(700);
        for _ in 0..messages {
            peer.tell("note", json!([text])).await;
        }
        if !fits {
            let close = peer.json().await;
            assert_eq!(close["type"], 7);
            assert_eq!(
                close["error"],
                "Connection closed with an error. InvalidDataException: More than 1 MiB of messages wait for their turn, while an \
                 answer is waited for."
            );
            continue;
        }
        for question in &questions {
            confirmed(&mut peer, question).await;
            assert_eq!(peer.json().await["result"], true);
        }
        assert_eq!(peer.invoke("noted", json!([])).await, messages);
    }
}

/// A stream that takes bytes at once and needs a moment more to flush them, as one that encrypts does.
struct LateFlush {
    io: DuplexStream,
    unflushed: bool,
}

impl AsyncRead for LateFlush {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, into)
    }
}

impl AsyncWrite for LateFlush {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.unflushed = true;
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<std::io::Result<()>> {
        if std::mem::take(&mut self.unflushed) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_flushes_late_is_not_taken_for_a_stuck_one() {
    let server = HubServer::new(Held::new());
    let (mut io, other) = tokio::io::duplex(1 << 16);
    let late = LateFlush {
        io: other,
        unflushed: false,
    };
    tokio::spawn(async move { server.serve_connection(late).await });
    io.write_all(b"{\"protocol\":\"json\",\"version\":1}\x1e")
        .await
        .expect("open");
    let mut received = Vec::new();
    let quiet = Duration::from_secs(14);
    let read = tokio::time::timeout(quiet, io.read_to_end(&mut received)).await;
    read.expect_err("the connection goes on");
    assert_eq!(received, b"{}\x1e");
}
