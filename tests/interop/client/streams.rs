//! Streams from the server, to it, and both at once; and what is given up.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use signalr::{Error, HubConnection, upload};

use crate::peer::until;

pub async fn check(connection: &HubConnection) {
    for length in [0, 1, 500] {
        let items = connection.stream::<u32>("count", (length,)).await;
        let items: Vec<_> = items.expect("a stream").map(item).collect().await;
        assert_eq!(items, (0..length).collect::<Vec<_>>());
    }
    let torn = connection.stream::<u32>("torn", ()).await;
    let mut torn = torn.expect("a stream");
    assert_eq!(torn.next().await.map(item), Some(0));
    let error = torn.next().await.expect("an error");
    let error = error.expect_err("it fails");
    assert_eq!(
        error.remote_message(),
        Some("An error occurred on the server while streaming results. the paper is torn")
    );
    assert!(torn.next().await.is_none());
    check_giving_up(connection).await;
    check_uploads(connection).await;
}

fn item(item: Result<u32, Error>) -> u32 {
    item.expect("an item")
}

async fn check_giving_up(connection: &HubConnection) {
    let mut endless = connection
        .stream::<u32>("endless", ())
        .await
        .expect("a stream");
    for number in 0..10 {
        assert_eq!(endless.next().await.map(item), Some(number));
    }
    drop(endless);
    until_noted(connection, "endless dropped").await;
    let toil = connection.invoke::<()>("toil", ());
    let given_up = tokio::time::timeout(Duration::from_millis(50), toil).await;
    given_up.expect_err("it never ends");
    until_noted(connection, "toil dropped").await;
}

async fn until_noted(connection: &HubConnection, note: &str) {
    until(async || {
        let notes = connection.invoke::<Vec<serde_json::Value>>("noted", ());
        notes
            .await
            .expect("notes")
            .iter()
            .any(|noted| noted == note)
    })
    .await;
}

async fn check_uploads(connection: &HubConnection) {
    let (numbers, texts) = (stream::iter(0..5_u32), stream::iter(["a", "b"]));
    let arguments = ("<", upload(numbers), upload(texts), ">");
    let joined: String = connection.invoke("join", arguments).await.expect("joined");
    assert_eq!(joined, "<01234ab>");
    let numbers = upload(stream::iter(0..300_u32));
    let doubled = connection.stream::<u32>("doubled", (numbers,)).await;
    let doubled: Vec<_> = doubled.expect("a stream").map(item).collect().await;
    assert_eq!(
        doubled,
        (0..300).map(|number| 2 * number).collect::<Vec<_>>()
    );
}
