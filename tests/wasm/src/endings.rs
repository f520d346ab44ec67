//! How connections end, and come back.

use std::time::Duration;

use serde_json::{Value, json};
use signalr::{HubConnectionBuilder, HubConnectionState};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::{
    Outcome,
    world::{Client, World, connect, outside, told},
};

/// Has all events told, as texts.
fn watched(builder: HubConnectionBuilder) -> (HubConnectionBuilder, UnboundedReceiver<String>) {
    let (sender, events) = unbounded_channel();
    let tell = |event: &'static str, sender: &tokio::sync::mpsc::UnboundedSender<String>| {
        let sender = sender.clone();
        move |error: Option<signalr::Error>| {
            let error = error.map_or_else(String::new, |error| format!(": {}", told(&error)));
            let _ = sender.send(format!("{event}{error}"));
            async {}
        }
    };
    let builder = builder
        .on_reconnecting(tell("reconnecting", &sender))
        .on_closed(tell("closed", &sender))
        .on_reconnected(move |_| {
            let _ = sender.send("reconnected".to_owned());
            async {}
        });
    (builder, events)
}

async fn next(events: &mut UnboundedReceiver<String>) -> Option<String> {
    events.recv().await
}

async fn state(client: &Client, wanted: HubConnectionState) {
    let mut states = client.connection.states();
    let state = states.wait_for(|state| *state == wanted).await;
    state.expect("the connection lives");
}

pub async fn closing(world: World) -> Outcome {
    let mut outcomes = Vec::new();
    for (reason, may_come_back) in [(Some("we move"), false), (None, false)] {
        let (builder, mut events) = watched(world.builder("hub").automatic_reconnect());
        let client = connect(builder).await?;
        let closing = client.connection.send("closeMe", (reason, may_come_back));
        closing.await?;
        outcomes.push(json!(next(&mut events).await));
        // It can be started again.
        client.connection.start().await?;
        client.connection.invoke::<()>("nothing", ()).await?;
        client.connection.stop().await;
        outcomes.push(json!(next(&mut events).await));
    }
    Ok(json!(outcomes))
}

pub async fn coming_back(world: World) -> Outcome {
    let (builder, mut events) = watched(world.builder("hub").automatic_reconnect());
    let mut client = connect(builder).await?;
    let hub = client.connection.clone();
    let before = hub.connection_id();
    hub.send("closeMe", (None::<String>, true)).await?;
    let told = [next(&mut events).await, next(&mut events).await];
    let welcome = client.heard().await;
    let after = hub.connection_id();
    let sum: i64 = hub.invoke("add", (1, 2)).await?;
    Ok(json!({
        "events": told,
        "welcome": welcome,
        "otherId": before.is_none() || before != after,
        "sum": sum,
    }))
}

pub async fn broken_network(world: World) -> Outcome {
    let delays = vec![Duration::from_millis(20); 1_000];
    let (builder, mut events) = watched(world.builder("hub").automatic_reconnect_with(delays));
    let client = connect(builder).await?;
    outside("down").await.map_err(|_| "outside failed")?;
    let lost = next(&mut events).await;
    let refused = client.connection.invoke::<()>("nothing", ()).await;
    outside("up").await.map_err(|_| "outside failed")?;
    let back = next(&mut events).await;
    state(&client, HubConnectionState::Connected).await;
    let sum: i64 = client.connection.invoke("add", (1, 2)).await?;
    Ok(json!({ "lost": lost, "failed": refused.is_err(), "back": back, "sum": sum }))
}

/// The server keeps the connection, and so do we: nothing is lost or doubled, and nobody is told.
pub async fn cut_network(world: World) -> Outcome {
    let (builder, mut events) = watched(world.builder("stateful").stateful_reconnect());
    let client = connect(builder).await?;
    let hub = client.connection.clone();
    let waiting = hub.invoke::<u64>("slow", (300,));
    let sending = async {
        for number in 0..300 {
            hub.send("record", (number,)).await?;
            if number % 100 == 50 {
                outside("down").await.map_err(|_| "outside failed")?;
                outside("up").await.map_err(|_| "outside failed")?;
            }
        }
        Ok::<_, Box<dyn std::error::Error>>(())
    };
    let (waited, sent) = futures_util::future::join(waiting, sending).await;
    sent?;
    let recorded: Vec<u32> = hub.invoke("recorded", ()).await?;
    Ok(json!({
        "waited": waited?,
        "inOrder": recorded.iter().copied().eq(0..300),
        "quiet": events.try_recv().is_err(),
    }))
}

pub async fn silent_server(world: World) -> Outcome {
    let (builder, mut events) = watched(world.builder("hub"));
    let builder = builder
        .server_timeout(Duration::from_millis(300))
        .keep_alive(Duration::from_millis(100));
    let client = connect(builder).await?;
    let waiting = client.connection.invoke::<u64>("slow", (60_000,)).await;
    Ok(json!({
        "event": next(&mut events).await,
        "waiting": waiting.err().map(|error| told(&error)),
    }))
}

/// Connections that come and go.
pub async fn rounds(world: World) -> Outcome {
    for number in 0..50_i64 {
        let client = world.start("hub").await?;
        let sum: i64 = client.connection.invoke("add", (number, 1)).await?;
        assert_eq!(sum, number + 1);
        client.connection.stop().await;
    }
    Ok(Value::Null)
}

/// The server learns when the last handle has gone.
pub async fn dropped(world: World) -> Outcome {
    let other = world.start("hub").await?;
    let (sender, mut gone) = unbounded_channel();
    other
        .connection
        .on("gone", move |id: String, reason: Option<String>| {
            let _ = sender.send((id, reason));
            async {}
        });
    let client = world.start("hub").await?;
    let caller: Value = client.connection.invoke("whoAmI", ()).await?;
    drop(client);
    let (id, reason) = gone.recv().await.ok_or("the handler has gone")?;
    Ok(json!({ "same": caller["connectionId"] == id, "reason": reason }))
}

/// The page has slowed its timers down; the hub pings twice a second and gives silent clients up after two seconds.
pub async fn slow_timers(world: World) -> Outcome {
    let (builder, _events) = watched(world.builder("quick"));
    let client = connect(builder.keep_alive(Duration::from_millis(500))).await?;
    outside("slow timers").await.map_err(|_| "outside failed")?;
    let sum: i64 = client.connection.invoke("add", (1, 2)).await?;
    Ok(json!(sum))
}
