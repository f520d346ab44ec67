//! What the server sends and asks.

use serde_json::{Value, json};
use signalr::{HubConnection, HubError, receiver};
use tokio::sync::mpsc::unbounded_channel;

use crate::{Outcome, calls::Profile, world::World};

#[receiver]
pub trait Respondent {
    async fn confirm(&self, question: &str) -> bool;
    async fn older(&self, profile: &Profile) -> Profile;
}

struct Ann;

#[receiver]
impl Respondent for Ann {
    async fn confirm(&self, question: &str) -> bool {
        question == "really?"
    }

    async fn older(&self, profile: &Profile) -> Profile {
        Profile {
            age: profile.age.map(|age| age + 1),
            ..profile.clone()
        }
    }
}

pub async fn messages(world: World) -> Outcome {
    let mut client = world.start("hub").await?;
    let hub = client.connection.clone();
    let (sender, mut numbers) = unbounded_channel();
    let registration = hub.on("number", move |number: u32| {
        let _ = sender.send(number);
        async {}
    });
    let told: u32 = hub.invoke("countTo", (100,)).await?;
    let mut heard = Vec::new();
    for _ in 0..told {
        heard.push(numbers.recv().await);
    }
    registration.remove();
    hub.invoke::<Value>("countTo", (1,)).await?;
    hub.send("tell", (json!({ "to": "caller" }), "it is me"))
        .await?;
    Ok(json!({
        "numbers": heard.iter().copied().eq((0..100).map(Some)),
        "removed": numbers.recv().await.is_none(),
        "heard": client.heard().await,
    }))
}

pub async fn questions(world: World) -> Outcome {
    let client = world.start("questions").await?;
    let hub = &client.connection;
    hub.receive(Ann)?;
    let weak = hub.downgrade();
    hub.respond("number", move || {
        let hub: Option<HubConnection> = weak.upgrade();
        async move {
            // An answer may need a call of its own.
            let hub = hub.ok_or_else(|| HubError::new("the connection has gone"))?;
            let id: String = hub.invoke("myId", ()).await?;
            Ok(id.len())
        }
    })?;
    let confirmed: bool = hub.invoke("askConfirm", ("really?",)).await?;
    let ann = json!({ "fullName": "Ann", "age": 37, "tags": [] });
    let older: Value = hub.invoke("askOlder", (ann,)).await?;
    let number: String = hub.invoke("askNumber", ()).await?;
    let untyped: String = hub.invoke("askNumberUntyped", ("nobodyAnswers",)).await?;
    Ok(json!({
        "confirmed": confirmed,
        "older": older,
        "number": number,
        "nobody": untyped,
    }))
}
