//! Calls and their answers.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use signalr::{Blob, Error, Timestamp, hub};

use crate::{
    Outcome,
    world::{World, told},
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    pub full_name: String,
    pub age: Option<u8>,
    pub tags: Vec<String>,
}

/// Some of the hub's methods, as a crate that both sides share may have them.
#[hub]
pub trait Sums {
    async fn add(&self, a: i64, b: i64) -> i64;
    fn echo_struct(&self, value: Profile) -> Profile;
}

fn ann() -> Profile {
    Profile {
        full_name: "Ann Ödegård 🦀".to_owned(),
        age: Some(37),
        tags: vec!["a\u{1e}b".to_owned(), String::new()],
    }
}

pub async fn calls(world: World) -> Outcome {
    let client = world.start("hub").await?;
    let hub = &client.connection;
    let sum: i64 = hub.invoke("add", (1, 2)).await?;
    let text: String = hub.invoke("echoString", ("é\u{1e}🦀",)).await?;
    let echoed: Profile = hub.invoke("echoStruct", (ann(),)).await?;
    let bytes: Vec<u8> = (0..=255).cycle().take(1_000).collect();
    let blob: Blob = hub.invoke("echoBlob", (Blob::from(bytes.clone()),)).await?;
    let moment = Timestamp::from_unix(1_491_868_800, 500_000_000)?;
    let same_moment: Timestamp = hub.invoke("echoTimestamp", (moment,)).await?;
    hub.invoke::<()>("nothing", ()).await?;

    for number in 1..=3 {
        hub.send("record", (number,)).await?;
    }
    let recorded: Vec<u32> = hub.invoke("recorded", ()).await?;

    let mut errors = Vec::new();
    for method in ["failPublic", "failPrivate", "failPanic", "private"] {
        let error = hub.invoke::<Value>(method, ()).await;
        errors.push(error.err().map(|error| told(&error)));
    }
    let together: Vec<i64> = futures_util::future::try_join_all(
        (0..50).map(|number| hub.invoke::<i64>("add", (number, number))),
    )
    .await?;

    let caller: Value = hub.invoke("whoAmI", ()).await?;
    let id = hub.connection_id();
    hub.stop().await;
    let stopped = hub.invoke::<()>("nothing", ()).await;
    Ok(json!({
        "sum": sum,
        "text": text,
        "echoed": echoed == ann(),
        "blob": blob == Blob::from(bytes),
        "moment": same_moment == moment,
        "recorded": recorded,
        "errors": errors,
        "together": together.iter().sum::<i64>(),
        "hasId": id.is_some(),
        "sameId": id.is_none_or(|id| caller["connectionId"] == *id),
        "transport": caller["transport"],
        "stopped": stopped.err().map(|error| told(&error)),
    }))
}

pub async fn proxies(world: World) -> Outcome {
    let client = world.start("hub").await?;
    let hub = SumsProxy::new(&client.connection);
    let sum = hub.add(20, 22).await?;
    let echoed: Result<Profile, Error> = hub.echo_struct(ann()).await;
    Ok(json!({ "sum": sum, "echoed": echoed? == ann() }))
}

/// The token is the user's name.
pub async fn members(world: World) -> Outcome {
    let member = |token: Option<&'static str>| {
        let give = move || async move { Ok(token.map(str::to_owned)) };
        world.builder("members").access_token(give)
    };
    let name = "ann+&=%/~ ?#";
    let client = crate::world::connect(member(Some(name))).await?;
    let caller: Value = client.connection.invoke("whoAmI", ()).await?;
    let refused = member(None).connect().await.err();
    Ok(json!({
        "user": caller["userId"],
        "refused": refused.as_ref().map(|error| told(error)),
        "isUnauthorized": refused.is_some_and(|error| error.is_unauthorized()),
    }))
}
