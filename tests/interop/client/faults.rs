//! What the server does wrong, and what the client says to it. A version that does it right fails here, and the list of faults in
//! `tests/CONFORMANCE.md` gets shorter.

use std::{collections::BTreeMap, error::Error as _};

use signalr::{Error, HttpTransportType, HubConnection, HubConnectionState, HubProtocol};
use tokio::sync::mpsc;

use crate::peer::Peer;

pub async fn check(peer: &Peer) {
    headers_are_no_map(peer).await;
    numbers_are_no_keys(peer).await;
    the_first_poll_is_held_back(peer).await;
}

/// Calls reach the server, and its own reach the client; results, items and errors do not.
async fn headers_are_no_map(peer: &Peer) {
    let (shown, mut heard) = mpsc::unbounded_channel();
    let (ended, mut end) = mpsc::unbounded_channel();
    let connection = HubConnection::builder(&peer.url)
        .protocol(HubProtocol::MessagePack)
        .on("shown", move |text: String| {
            let told = shown.send(text);
            async move { told.expect("listened to") }
        })
        .on_closed(move |error| {
            let told = ended.send(error);
            async move { told.expect("listened to") }
        })
        .connect()
        .await
        .expect("started");
    connection.send("show", (["hi"],)).await.expect("sent");
    assert_eq!(heard.recv().await.as_deref(), Some("hi"));
    let failed = connection.invoke::<i32>("add", (1, 2)).await;
    failed.expect_err("the answer is unreadable");
    let error = end.recv().await.flatten().expect("an error");
    let text = chain(&error);
    assert!(
        text.contains("Reading map length for 'headers' failed."),
        "{text}"
    );
}

/// A map whose keys are no texts ends the connection, and nothing says why.
async fn numbers_are_no_keys(peer: &Peer) {
    let connection = HubConnection::builder(&peer.url)
        .protocol(HubProtocol::MessagePack)
        .connect()
        .await
        .expect("started");
    let mut states = connection.states();
    let map = BTreeMap::from([(1, "one")]);
    connection.send("note", (map,)).await.expect("sent");
    let ended = states.wait_for(|state| *state == HubConnectionState::Disconnected);
    ended.await.expect("it is told");
}

/// And when it is answered, as it has nothing to say, the connection is gone.
async fn the_first_poll_is_held_back(peer: &Peer) {
    let starting = HubConnection::builder(&peer.url)
        .transports([HttpTransportType::LongPolling])
        .connect()
        .await;
    let text = chain(&starting.expect_err("the connection is gone"));
    assert!(text.contains("404"), "{text}");
}

fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
