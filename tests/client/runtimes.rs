//! Connections whose runtime has gone, or was never there.

use std::{
    future::{Ready, ready},
    io,
    pin::pin,
    sync::mpsc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use signalr::{HubConnection, HubConnectionState};
use tokio::{
    io::DuplexStream,
    runtime::{Builder, Runtime},
};

use crate::support::{Log, Stage, settle};

const GONE: &str = "The connection's runtime has been shut down.";

fn paused() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().start_paused(true);
    builder.build().expect("a runtime")
}

fn threaded() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).enable_all();
    builder.build().expect("a runtime")
}

/// Fails the test instead of waiting for ever.
async fn in_time<T>(what: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(Duration::from_secs(600), what).await;
    done.expect("it happens in time")
}

#[test]
fn a_connection_whose_runtime_has_gone_has_ended_and_can_be_started_on_another() {
    for runtime in [paused(), threaded()] {
        let (mut stage, builder) = Stage::new();
        let log = Log::default();
        let noted = log.clone();
        let builder = builder.on_closed(move |error| {
            noted.note(error.map_or_else(String::new, |error| error.to_string()));
            ready(())
        });
        let connected = Stage::connected(builder.automatic_reconnect(), &mut stage);
        let (connection, _actor) = runtime.block_on(connected);
        let mut call = Box::pin(connection.invoke::<()>("asked", ()));
        let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
        drop(runtime);
        assert_eq!(connection.state(), HubConnectionState::Disconnected);
        paused().block_on(async {
            let error = in_time(call).await.expect_err("it was cut off");
            assert_eq!(
                (error.to_string().as_str(), error.is_closed()),
                (GONE, true)
            );
            in_time(connection.stop()).await;
            let (started, mut actor) = tokio::join!(connection.start(), stage.accept());
            started.expect("started again");
            connection.send("told", ()).await.expect("open");
            let told = r#"{"type":1,"target":"told","arguments":[]}"#;
            assert_eq!(actor.hear().await, told);
            in_time(connection.stop()).await;
            settle().await;
            assert_eq!(log.all(), [GONE, ""]);
        });
    }
}

/// A client of a server that says nothing.
fn of_silence() -> (mpsc::Receiver<DuplexStream>, HubConnection) {
    let (sender, streams) = mpsc::channel();
    let builder = HubConnection::over(move || -> Ready<io::Result<DuplexStream>> {
        let (io, other) = tokio::io::duplex(1024);
        sender.send(other).expect("the test listens");
        ready(Ok(io))
    });
    (streams, builder.build().expect("valid"))
}

#[test]
fn a_start_whose_runtime_has_gone_fails_and_can_be_repeated() {
    for is_left in [true, false] {
        let (streams, connection) = of_silence();
        let runtime = paused();
        let mut starting = Box::pin(connection.start());
        runtime.block_on(async {
            let polled = std::future::poll_fn(|cx| Poll::Ready(starting.as_mut().poll(cx))).await;
            assert!(polled.is_pending());
            settle().await;
        });
        let _silent = streams.try_recv().expect("a client");
        let mut starting = Some(starting).filter(|_| !is_left);
        drop(runtime);
        assert_eq!(connection.state(), HubConnectionState::Disconnected);
        paused().block_on(async {
            if let Some(starting) = starting.take() {
                let error = in_time(starting).await.expect_err("it was cut off");
                assert_eq!(error.to_string(), GONE);
            }
            let error = in_time(connection.start()).await.expect_err("silence");
            assert!(error.is_timeout(), "{error}");
        });
    }
}

#[test]
fn a_start_without_a_runtime_fails_and_leaves_no_trace() {
    let (_streams, connection) = of_silence();
    {
        let starting = pin!(connection.start());
        let Poll::Ready(started) = starting.poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("there is nothing to wait for");
        };
        assert!(started.expect_err("no runtime").is_closed());
    }
    assert_eq!(connection.state(), HubConnectionState::Disconnected);
    paused().block_on(async {
        let error = in_time(connection.start()).await.expect_err("silence");
        assert!(error.is_timeout(), "{error}");
    });
}
