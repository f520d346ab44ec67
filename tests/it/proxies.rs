//! What a call to clients looks like on the wire, from typed and untyped proxies, from calls and from outside.

use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use signalr::{Context, HubContext, HubError, HubServer, hub, receiver};

use crate::support::{Peer, settle, wait};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    from_user: String,
    lines: Vec<String>,
}

#[receiver]
trait ChatClient {
    async fn said(&self, from: &str, text: &str);
    async fn nothing_happened(&self);
    async fn got_message(&self, message: &Message, urgent: Option<bool>);
    #[receiver(name = "Custom.Name")]
    async fn other_name(&self, value: f64);
    async fn your_name(&self, title: &str) -> String;
}

struct Chat;

#[hub(client = ChatClient)]
impl Chat {
    pub async fn say(&self, cx: &Context<Self>, text: &str) -> Result<(), HubError> {
        Ok(cx.clients().all().said("hub", text).await?)
    }

    pub async fn each(&self, cx: &Context<Self>) -> Result<(), HubError> {
        let caller = cx.clients().caller();
        caller.said("a", "b").await?;
        caller.nothing_happened().await?;
        let message = Message {
            from_user: "ada".to_owned(),
            lines: vec!["x".to_owned()],
        };
        caller.got_message(&message, None).await?;
        caller.other_name(2.0).await?;
        Ok(())
    }

    pub async fn untyped(&self, cx: &Context<Self>) -> Result<(), HubError> {
        let clients = cx.clients();
        let caller = clients.untyped().caller();
        caller.send("none", ()).await?;
        caller.send("one", ("x",)).await?;
        caller
            .send("Weird name\u{1e}", (1, "x", [1.5], None::<u8>))
            .await?;
        let sixteen = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
        caller.send("sixteen", sixteen).await?;
        Ok(())
    }

    pub async fn ask(&self, cx: &Context<Self>) -> Result<String, HubError> {
        Ok(cx.clients().caller().your_name("Dr").await?)
    }

    pub fn drop_unsent(&self, cx: &Context<Self>) {
        drop(cx.clients().caller().said("never", "sent"));
        drop(cx.clients().caller().your_name("never sent"));
    }

    pub fn id(&self, cx: &Context<Self>) -> String {
        cx.connection_id().to_string()
    }
}

#[apply(both_encodings)]
async fn typed_calls_are_written_in_camel_case_without_id_and_headers() {
    let mut peer = Peer::connect(&HubServer::new(Chat)).await;
    peer.call("1", "each", json!([])).await;
    for expected in [
        r#"{"type":1,"target":"said","arguments":["a","b"]}"#,
        r#"{"type":1,"target":"nothingHappened","arguments":[]}"#,
        r#"{"type":1,"target":"gotMessage","arguments":[{"fromUser":"ada","lines":["x"]},null]}"#,
        r#"{"type":1,"target":"Custom.Name","arguments":[2]}"#,
        r#"{"type":3,"invocationId":"1","result":null}"#,
    ] {
        assert_eq!(peer.text().await, expected);
    }
}

#[apply(both_encodings)]
async fn untyped_calls_take_any_name_and_any_tuple() {
    let mut peer = Peer::connect(&HubServer::new(Chat)).await;
    peer.call("1", "untyped", json!([])).await;
    for expected in [
        r#"{"type":1,"target":"none","arguments":[]}"#,
        r#"{"type":1,"target":"one","arguments":["x"]}"#,
        r#"{"type":1,"target":"Weird name\u001e","arguments":[1,"x",[1.5],null]}"#,
        r#"{"type":1,"target":"sixteen","arguments":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]}"#,
    ] {
        assert_eq!(peer.text().await, expected);
    }
}

#[apply(both_encodings)]
async fn a_typed_method_with_a_result_asks_the_client() {
    let mut peer = Peer::connect(&HubServer::new(Chat)).await;
    peer.call("1", "ask", json!([])).await;
    assert_eq!(
        peer.text().await,
        r#"{"type":1,"invocationId":"s1","target":"yourName","arguments":["Dr"]}"#
    );
    peer.send(r#"{"type":3,"invocationId":"s1","result":"Ada"}"#)
        .await;
    assert_eq!(peer.completion("1").await, "Ada");
}

#[apply(both_encodings)]
async fn a_send_that_is_not_awaited_is_not_sent() {
    let mut peer = Peer::connect(&HubServer::new(Chat)).await;
    assert_eq!(peer.invoke("dropUnsent", json!([])).await, json!(null));
    settle().await;
    peer.expect_silence().await;
}

#[apply(both_encodings)]
async fn a_hub_context_sends_and_manages_groups_from_anywhere() {
    let server = HubServer::new(Chat);
    // Usable before anybody is there.
    let context: HubContext<Chat> = server.context();
    context
        .clients()
        .all()
        .said("nobody", "listens")
        .await
        .expect("sent");
    context
        .groups()
        .add("nobody", "room")
        .await
        .expect("nothing happens");
    assert_eq!(server.group_count(), 0);

    let mut one = Peer::connect(&server).await;
    let mut two = Peer::connect(&server).await;
    let id = one.invoke("id", json!([])).await;
    let id = id.as_str().expect("text").to_owned();
    let timer = context.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(5)).await;
        timer.groups().add(&id, "room").await.expect("added");
        timer
            .clients()
            .group("room")
            .said("timer", "tick")
            .await
            .expect("sent");
        timer
            .clients()
            .untyped()
            .all()
            .send("tock", ())
            .await
            .expect("sent");
        timer.groups().remove(&id, "room").await.expect("removed");
        timer
            .clients()
            .group("room")
            .said("timer", "never")
            .await
            .expect("sent");
    });
    wait(5_100).await;
    assert_eq!(one.heard("said").await, json!(["timer", "tick"]));
    assert_eq!(one.heard("tock").await, json!([]));
    assert_eq!(two.heard("tock").await, json!([]));
    one.expect_silence().await;
    two.expect_silence().await;
    assert_eq!(server.group_count(), 0);
}

#[apply(both_encodings)]
async fn several_hubs_do_not_see_each_other() {
    let red = HubServer::new(Chat);
    let blue = HubServer::new(Chat);
    let mut in_red = Peer::connect(&red).await;
    let mut in_blue = Peer::connect(&blue).await;
    let id = in_blue.invoke("id", json!([])).await;
    let id = id.as_str().expect("text");
    red.context()
        .clients()
        .client(id)
        .said("x", "y")
        .await
        .expect("nobody");
    red.context()
        .groups()
        .add(id, "room")
        .await
        .expect("nothing happens");
    red.context()
        .clients()
        .group("room")
        .said("x", "y")
        .await
        .expect("nobody");
    assert_eq!((red.group_count(), blue.group_count()), (0, 0));
    red.context()
        .clients()
        .all()
        .said("red", "only")
        .await
        .expect("sent");
    assert_eq!(in_red.heard("said").await, json!(["red", "only"]));
    in_blue.expect_silence().await;
    // A clone is the same server.
    blue.clone()
        .context()
        .clients()
        .all()
        .said("blue", "too")
        .await
        .expect("sent");
    assert_eq!(in_blue.heard("said").await, json!(["blue", "too"]));
    in_red.expect_silence().await;
    assert_eq!((red.connection_count(), blue.connection_count()), (1, 1));
}

#[apply(both_encodings)]
async fn sends_from_many_tasks_reach_a_connection_whole_and_in_order_of_each_task() {
    let server = HubServer::new(Chat);
    let mut peer = Peer::connect(&server).await;
    let mut tasks = Vec::new();
    for task in 0..20 {
        let context = server.context();
        tasks.push(tokio::spawn(async move {
            for number in 0..200 {
                let all = context.clients().untyped().all();
                all.send("n", (task, number)).await.expect("sent");
                if number % 7 == 0 {
                    tokio::task::yield_now().await;
                }
            }
        }));
    }
    let mut next = [0; 20];
    for _ in 0..20 * 200 {
        let arguments = peer.heard("n").await;
        let task = usize::try_from(arguments[0].as_u64().expect("a number")).expect("small");
        assert_eq!(arguments[1], next[task]);
        next[task] += 1;
    }
    assert_eq!(next, [200; 20]);
}
