//! What a user's connector does wrong.

use std::{
    future::{Ready, ready},
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use signalr::{HubConnection, HubConnectionBuilder, HubConnectionState};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use crate::support::{Actor, Log, settle};

type Opening = Pin<Box<dyn Future<Output = io::Result<DuplexStream>> + Send>>;

#[tokio::test(start_paused = true)]
async fn a_connector_that_panics_fails_the_start() {
    let builders = [
        HubConnection::over(|| -> Ready<io::Result<DuplexStream>> { panic!("on purpose") }),
        HubConnection::over(|| -> Opening { Box::pin(async { panic!("on purpose") }) }),
    ];
    for builder in builders {
        let connection = builder.build().expect("valid");
        for _ in 0..2 {
            let error = connection.start().await.expect_err("it panics");
            assert!(error.is_connect());
            assert_eq!(error.to_string(), "the connector panicked");
            assert_eq!(connection.state(), HubConnectionState::Disconnected);
        }
        connection.stop().await;
    }
}

/// A client whose connector gives one stream and then panics.
fn panicking() -> (
    tokio::sync::oneshot::Receiver<DuplexStream>,
    HubConnectionBuilder,
) {
    let (sender, stream) = tokio::sync::oneshot::channel();
    let sender = std::sync::Mutex::new(Some(sender));
    let builder = HubConnection::over(move || {
        let sender = sender.lock().expect("no panic inside").take();
        let sender = sender.expect("on purpose, but for the first time");
        let (io, other) = tokio::io::duplex(64 * 1024);
        sender.send(other).expect("the test plays");
        ready(Ok(io))
    });
    (stream, builder)
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_panics_is_a_failed_attempt() {
    let (stream, builder) = panicking();
    let log = Log::default();
    let noted = log.clone();
    let builder = builder.automatic_reconnect().on_closed(move |error| {
        noted.note(error.expect("a reason").to_string());
        ready(())
    });
    let accepted = async { Actor::accept(stream.await.expect("a client")).await };
    let (connected, actor) = tokio::join!(builder.connect(), accepted);
    let connection = connected.expect("connected");
    drop(actor);
    let mut states = connection.states();
    let ended = states.wait_for(|state| *state == HubConnectionState::Disconnected);
    ended.await.expect("kept");
    settle().await;
    assert_eq!(
        log.all(),
        [
            "Reconnect retries have been exhausted after 4 failed attempts and 42.0 s elapsed. Disconnecting."
        ]
    );
    let error = connection.send("told", ()).await.expect_err("closed");
    assert!(error.is_closed());
    connection.stop().await;
}

/// Panics when it is read for so many times.
struct Rotten {
    io: DuplexStream,
    reads: usize,
}

impl AsyncRead for Rotten {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.io).poll_read(cx, into);
        if polled.is_ready() {
            self.reads = self.reads.checked_sub(1).expect("on purpose");
        }
        polled
    }
}

impl AsyncWrite for Rotten {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_panics_ends_the_connection_and_what_waits() {
    const TEXT: &str = "The connection's stream panicked.";
    for reads in [0, 1] {
        let (sender, mut streams) = tokio::sync::mpsc::unbounded_channel();
        let log = Log::default();
        let noted = log.clone();
        let count = Arc::new(AtomicUsize::new(0));
        let connection = HubConnection::over(move || {
            let (io, other) = tokio::io::duplex(64 * 1024);
            sender.send(other).expect("the test plays");
            let is_first = count.fetch_add(1, Relaxed) == 0;
            let reads = if is_first { reads } else { usize::MAX };
            ready(Ok(Rotten { io, reads }))
        })
        .on_closed(move |error| {
            noted.note(error.expect("a reason").to_string());
            ready(())
        })
        .build()
        .expect("valid");
        let stream = async { streams.recv().await.expect("a client") };
        if reads == 0 {
            let panicked = async {
                let mut actor = Actor::new(stream.await);
                actor.hear().await;
                actor.say("{}").await;
            };
            let (started, ()) = tokio::join!(connection.start(), panicked);
            assert_eq!(started.expect_err("a panic").to_string(), TEXT);
        } else {
            let accepted = async { Actor::accept(stream.await).await };
            let (started, mut actor) = tokio::join!(connection.start(), accepted);
            started.expect("started");
            let call = connection.invoke::<()>("asked", ());
            let panicked = async {
                actor.hear().await;
                actor.say(r#"{"type":6}"#).await;
            };
            let (called, ()) = tokio::join!(call, panicked);
            assert_eq!(called.expect_err("a panic").to_string(), TEXT);
        }
        settle().await;
        assert_eq!(connection.state(), HubConnectionState::Disconnected);
        assert_eq!(log.all(), [TEXT; 1][..reads]);
        let accepted = async { Actor::accept(streams.recv().await.expect("a client")).await };
        let (started, _actor) = tokio::join!(connection.start(), accepted);
        started.expect("it can be started again");
    }
}
