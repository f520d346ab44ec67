//! Calls from both ends.

use std::{collections::BTreeMap, fmt::Debug, sync::Arc, sync::Mutex};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use signalr::{Blob, HubConnection, HubError, Timestamp};

use crate::{Way, peer::until};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    full_name: String,
    age: Option<u8>,
    tags: Vec<String>,
}

pub async fn check(way: Way, connection: &HubConnection) {
    check_values(connection).await;
    // A timestamp is a text in JSON, and a type of its own in MessagePack; bytes likewise.
    for bytes in [vec![], vec![0, 0x1e, 0xff], (0..=255).collect()] {
        comes_back(connection, Blob::from(bytes)).await;
    }
    for moment in ["1969-07-20T20:17:40Z", "2026-11-24T21:25:00.123456789Z"] {
        let moment: Timestamp = serde_json::from_value(json!(moment)).expect("a moment");
        comes_back(connection, moment).await;
    }
    if !way.is_json() {
        comes_back(connection, (f32::MAX, f64::NEG_INFINITY)).await;
    }
    check_answers(connection).await;
    for number in 0..200 {
        connection.send("note", (number,)).await.expect("sent");
    }
    connection.send("nope", ()).await.expect("sent");
    connection.send("fail", ()).await.expect("sent");
    let notes: Vec<u32> = connection.invoke("noted", ()).await.expect("notes");
    assert_eq!(notes, (0..200).collect::<Vec<_>>());
}

async fn comes_back<T>(connection: &HubConnection, value: T)
where
    T: Serialize + DeserializeOwned + PartialEq + Debug + Send + Sync + 'static,
{
    let echo: T = connection.invoke("echo", (&value,)).await.expect("an echo");
    assert_eq!(echo, value);
}

async fn check_values(connection: &HubConnection) {
    for text in ["", "naïve 日本語 👩‍👩‍👧‍👦 \0 \u{1e} \"quoted\"\r\nback\\slash"]
    {
        comes_back(connection, text.to_owned()).await;
    }
    comes_back(connection, "0123456789abcde\n".repeat(1_900)).await;
    for number in [0, -1, 127, 128, -129, (1 << 53) + 1, i64::MAX, i64::MIN] {
        comes_back(connection, number).await;
    }
    comes_back(connection, u64::MAX).await;
    for number in [0.1, -1.5, 1e308, 5e-324] {
        comes_back(connection, number).await;
    }
    comes_back(connection, (true, false, None::<u8>, Some(1))).await;
    let ann = Profile {
        full_name: "Ann Ödegård".to_owned(),
        age: None,
        tags: vec!["a".to_owned()],
    };
    comes_back(connection, ann.clone()).await;
    comes_back(connection, BTreeMap::from([("key \"👍\"".to_owned(), ann)])).await;
    comes_back(connection, (0..1_000).collect::<Vec<u32>>()).await;
    let any: Value = json!([null, {}, [], { "deep": [{ "er": [1, 1.5, "x"] }] }]);
    comes_back(connection, any).await;
}

async fn check_answers(connection: &HubConnection) {
    let sum: i32 = connection.invoke("add", (2, 40)).await.expect("a sum");
    assert_eq!(sum, 42);
    let sum: i32 = connection.invoke("ADD", (2, 40)).await.expect("a sum");
    assert_eq!(sum, 42);
    let nothing = connection.invoke::<()>("nothing", ()).await;
    nothing.expect("it returns");
    let sums = (0..50).map(|number| connection.invoke::<i32>("add", (number, 1)));
    let sums = futures_util::future::join_all(sums).await;
    for (number, sum) in (0..).zip(sums) {
        assert_eq!(sum.expect("a sum"), number + 1);
    }
    for (method, text) in [
        ("fail", "no tea left"),
        (
            "crash",
            "An unexpected error occurred invoking 'crash' on the server.",
        ),
        ("nope", "Unknown hub method 'nope'"),
        (
            "count",
            "The client attempted to invoke the streaming 'count' method with a non-streaming invocation.",
        ),
        (
            "add",
            "Failed to invoke 'add' due to an error on the server. Missing required argument 'a'.",
        ),
    ] {
        let failed = connection.invoke::<()>(method, ()).await;
        let error = failed.expect_err("it fails");
        assert_eq!(error.remote_message(), Some(text), "{method}");
    }
    let unfit = connection.invoke::<String>("add", (1, 2)).await;
    let error = unfit.expect_err("it is a number");
    assert_eq!(error.remote_message(), None, "{error}");
}

/// Messages, questions and groups.
pub async fn check_from_the_server(way: Way, connection: &HubConnection, url: &str) {
    let shown = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&shown);
    connection.on("shown", move |text: String| {
        log.lock().expect("not poisoned").push(text);
        std::future::ready(())
    });
    let asked = connection.respond("asked", |question: String| async move {
        match &*question {
            "really" => Ok("yes"),
            _ => Err(HubError::new("no idea")),
        }
    });
    asked.expect("the first");
    let all = || shown.lock().expect("not poisoned").clone();
    let texts: Vec<String> = (0..100).map(|number| format!("line\n{number}")).collect();
    let showing = connection.invoke::<()>("show", (&texts,)).await;
    showing.expect("shown");
    until(async || all().len() == 100).await;
    assert_eq!(all(), texts);
    let answer: String = connection.invoke("ask", ("really",)).await.expect("asked");
    assert_eq!(answer, "yes");
    let refused = connection.invoke::<String>("ask", ("what",)).await;
    let error = refused.expect_err("there is no answer");
    assert_eq!(error.remote_message(), Some("no idea"));

    let other = way.builder(url).connect().await.expect("started");
    connection
        .invoke::<()>("enter", ("room",))
        .await
        .expect("entered");
    let telling = other.invoke::<()>("tell", ("room", "to all"));
    telling.await.expect("told");
    until(async || all().len() == 101).await;
    assert_eq!(all().last().expect("the last"), "to all");
    other.stop().await;
    // The server learns of the end at once.
    until(async || {
        let clients = connection.invoke::<u32>("count_clients", ()).await;
        clients.expect("a number") == 1
    })
    .await;
}
