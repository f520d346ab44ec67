//! Streams both ways.

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use signalr::{Blob, upload};

use crate::{
    Outcome,
    world::{World, connect, told},
};

pub async fn streams(world: World) -> Outcome {
    let mut client = world.start("streams").await?;
    let hub = client.connection.clone();
    let numbers = hub.stream::<u32>("count", (5_000,)).await?;
    let numbers: Vec<u32> = numbers.try_collect().await?;

    let mut torn = hub.stream::<u32>("torn", (2, true)).await?;
    let mut items = Vec::new();
    let mut error = None;
    while let Some(item) = torn.next().await {
        match item {
            Ok(item) => items.push(item),
            Err(failure) => error = Some(told(&failure)),
        }
    }

    let mut held = hub.stream::<u32>("held", ()).await?;
    hub.send("letGo", (2,)).await?;
    let first = [held.try_next().await?, held.try_next().await?];
    drop(held);
    Ok(json!({
        "inOrder": numbers.iter().copied().eq(0..5_000),
        "torn": items,
        "error": error,
        "held": first,
        "dropped": client.heard().await,
    }))
}

pub async fn uploads(world: World) -> Outcome {
    let client = world.start("streams").await?;
    let hub = &client.connection;
    let sum: i64 = hub
        .invoke("sum", (upload(stream::iter(1..=1_000)),))
        .await?;
    let words = |words: &'static [&'static str]| upload(stream::iter(words.iter().copied()));
    let woven: String = hub
        .invoke("weave", (words(&["a", "b"]), "-", words(&["x", "y"])))
        .await?;
    let scaled = hub
        .stream::<i64>("scaled", (3, upload(stream::iter(1..=4))))
        .await?;
    let scaled: Vec<i64> = scaled.try_collect().await?;
    Ok(json!({ "sum": sum, "woven": woven, "scaled": scaled }))
}

/// More than the browser takes at once, and than may wait for it.
pub async fn large_uploads(world: World) -> Outcome {
    let client = connect(world.builder("streams").send_queue_limit(100_000)).await?;
    let pieces = (0..100_u32).map(|number| Blob::from(number.to_le_bytes().repeat(5_000)));
    let sent: Vec<u8> = pieces.clone().flat_map(Blob::into_vec).collect();
    let whole: Blob = client
        .connection
        .invoke("upload", (upload(stream::iter(pieces)),))
        .await?;
    Ok(json!({ "bytes": sent.len(), "same": whole.into_vec() == sent }))
}

pub async fn unread(world: World) -> Outcome {
    let builder = world
        .builder("streams")
        .receive_queue_limit(50_000)
        .stream_buffer(1);
    let client = connect(builder).await?;
    let hub = &client.connection;
    let numbers = hub.stream::<u32>("count", (1_000_000,)).await?;
    let mut states = hub.states();
    let gone =
        |state: &signalr::HubConnectionState| *state == signalr::HubConnectionState::Disconnected;
    states.wait_for(gone).await?;
    let (read, error) = numbers
        .fold((0, None), |(read, _), item| async move {
            match item {
                Ok(_) => (read + 1, None),
                Err(error) => (read, Some(told(&error))),
            }
        })
        .await;
    Ok(json!({ "few": read < 10_000, "error": error }))
}
