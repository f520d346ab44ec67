//! HTTP/2 in our own listener: many requests on one socket, WebSockets among them.

use std::{convert::Infallible, future::Future, pin::Pin, pin::pin, sync::Arc, time::Duration};

use futures_util::future::{Either, select};
use hyper::{rt::Executor, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{sync::watch, time::timeout};

use super::{
    accepted::Ends,
    listen::{BUFFER, HEAD_TIMEOUT, Server},
};
use crate::endpoint::Socket;

/// How many requests one socket may have under way; Kestrel's. Each connection of a hub takes one.
const STREAMS: u32 = 100;
/// Bytes that a client may send to one request before they are read: what a socket of HTTP/1.1 may have buffered.
#[expect(clippy::cast_possible_truncation, reason = "64 KiB")]
const WINDOW: u32 = BUFFER as u32;
/// The same for all requests of a socket. If it were less, requests that are not read would stop the others.
const CONNECTION_WINDOW: u32 = STREAMS * WINDOW;
/// The largest head of a request, as HTTP/2 counts it; Kestrel's.
const HEAD: u32 = 32 * 1024;
/// How often the client must show that it is there, and how long it may take to.
const PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(20));

/// Serves the requests of one socket, until it has been unused for as long as one of HTTP/1.1 may be, or the server stops.
pub(super) async fn serve(
    server: Arc<Server>,
    socket: Socket,
    ends: Ends,
    stop: Pin<&mut impl Future<Output = bool>>,
) -> hyper::Result<()> {
    let ends = Arc::new(ends);
    let service = service_fn(move |request| {
        let (server, ends) = (Arc::clone(&server), Arc::clone(&ends));
        async move { Ok::<_, Infallible>(server.respond(request, &ends).await) }
    });
    let tasks = Tasks(watch::Sender::new(0));
    let mut running = tasks.0.subscribe();
    let mut http = http2::Builder::new(tasks);
    http.timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(HEAD)
        .max_send_buf_size(BUFFER)
        .keep_alive_interval(PING.0)
        .keep_alive_timeout(PING.1)
        .enable_connect_protocol();
    let mut served = pin!(http.serve_connection(TokioIo::new(socket), service));
    {
        let unused = pin!(unused(&mut running));
        if let Either::Left((result, _)) = select(served.as_mut(), select(stop, unused)).await {
            return result;
        }
    }
    served.as_mut().graceful_shutdown();
    // What runs is waited for; a client that has nothing to wait for, and stays, is not.
    match select(served, pin!(unused(&mut running))).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => Ok(()),
    }
}

/// Completes when no request has run for a while.
async fn unused(running: &mut watch::Receiver<usize>) {
    loop {
        let none = running.wait_for(|running| *running == 0).await.is_ok();
        if !none || timeout(HEAD_TIMEOUT, running.changed()).await.is_err() {
            return;
        }
    }
}

/// Runs the requests of one socket, each in a task of its own, and counts them. An upgraded one counts until we have closed it.
#[derive(Clone)]
struct Tasks(watch::Sender<usize>);

impl<F> Executor<F> for Tasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, task: F) {
        self.0.send_modify(|running| *running += 1);
        let counted = Counted(self.0.clone());
        tokio::spawn(async move {
            task.await;
            drop(counted);
        });
    }
}

/// Counts down even if its task panics or is dropped with the runtime.
struct Counted(watch::Sender<usize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running -= 1);
    }
}
