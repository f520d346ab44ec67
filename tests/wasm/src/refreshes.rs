//! New credentials for an open connection. Refreshes are played, as are negotiations, which lead to a hub of the server.

use std::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use serde_json::{Value, json};
use signalr::{Error, HubConnectionBuilder};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::{
    Outcome,
    world::{World, connect, outside, told},
};

fn outcome(refreshed: Result<Option<Duration>, Error>) -> Value {
    match refreshed {
        Ok(lifetime) => json!(lifetime.map(|it| it.as_secs())),
        Err(error) => json!(told(&error)),
    }
}

/// Refreshes by itself, with tokens that count how often they were asked for; what comes of it is told.
fn refreshing(world: &World) -> (HubConnectionBuilder, UnboundedReceiver<Value>) {
    let asked = AtomicUsize::new(0);
    let token = move || {
        let number = asked.fetch_add(1, Relaxed) + 1;
        async move { Ok(Some(format!("token-{number}"))) }
    };
    let (sender, outcomes) = unbounded_channel();
    let failures = sender.clone();
    let builder = world
        .builder("moved")
        .access_token(token)
        .authentication_refresh()
        .on_authentication_refreshed(move |lifetime| {
            let _ = sender.send(outcome(Ok(lifetime)));
            async {}
        })
        .on_authentication_refresh_failed(move |error| {
            let _ = failures.send(outcome(Err(error)));
            async {}
        });
    (builder, outcomes)
}

/// One that is due, and five by hand, each of which is told as well.
pub async fn refreshes(world: World) -> Outcome {
    let (builder, mut events) = refreshing(&world);
    let client = connect(builder.request_timeout(Duration::from_secs(2))).await?;
    let mut outcomes = vec![events.recv().await];
    for _ in 0..5 {
        let by_hand = outcome(client.connection.refresh_authentication().await);
        assert_eq!(events.recv().await.as_ref(), Some(&by_hand));
        outcomes.push(Some(by_hand));
    }
    let caller: Value = client.connection.invoke("whoAmI", ()).await?;
    Ok(json!({ "outcomes": outcomes, "user": caller["userId"] }))
}

/// One that is due on a page whose timers are late.
pub async fn late_timers(world: World) -> Outcome {
    outside("slow timers").await.map_err(|_| "outside failed")?;
    let (builder, mut events) = refreshing(&world);
    let client = connect(builder.keep_alive(Duration::from_millis(500))).await?;
    let outcome = events.recv().await;
    client.connection.stop().await;
    Ok(json!(outcome))
}
