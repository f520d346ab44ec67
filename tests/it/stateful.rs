//! Stateful reconnect: what is repeated, dropped, acknowledged and held back.

use serde_json::{Value, json};
use signalr::{Connecting, Context, Error, HubError, HubServer, HubServerBuilder, Receiver, hub};

use crate::support::{
    Encoding, Log, PING,
    links::{Links, ack, sequence},
    settle, wait,
};

#[derive(Clone, Default)]
pub struct Keeper(pub Log);

#[hub]
impl Keeper {
    async fn on_connected(&self, _: &Connecting<Self>) -> Result<(), HubError> {
        self.0.note("connected");
        Ok(())
    }

    async fn on_disconnected(&self, _: &Context<Self>, error: Option<&Error>) {
        self.0.note(format!("disconnected {error:?}"));
    }

    pub fn echo(&self, text: &str) -> String {
        text.to_owned()
    }

    pub fn note(&self, text: &str) {
        self.0.note(text);
    }

    pub async fn join(&self, cx: &Context<Self>) -> Result<(), HubError> {
        Ok(cx.groups().add(cx.connection_id(), "all").await?)
    }

    /// So many messages to the caller, one after another.
    pub async fn fill(&self, cx: &Context<Self>, count: u32, size: usize) -> Result<(), HubError> {
        for number in 0..count {
            let text = "x".repeat(size);
            cx.clients().caller().send("filled", (number, text)).await?;
        }
        self.0.note("filled");
        Ok(())
    }

    pub async fn gather(&self, mut texts: Receiver<String>) -> Result<String, HubError> {
        let mut all = String::new();
        while let Some(text) = texts.recv().await {
            all += &text?;
        }
        Ok(all)
    }

    pub fn count(&self, texts: Receiver<u32>) -> Receiver<u32> {
        texts
    }

    pub fn leave(&self, cx: &Context<Self>) {
        cx.abort();
    }

    pub async fn go_later(&self, cx: &Context<Self>) {
        wait(2_000).await;
        cx.close(None, true);
    }

    pub fn go(&self, cx: &Context<Self>) {
        cx.close(Some("over"), true);
    }
}

pub fn builder() -> (HubServerBuilder<Keeper>, Log) {
    let keeper = Keeper::default();
    let log = keeper.0.clone();
    (HubServer::builder(keeper).stateful_reconnect(true), log)
}

pub fn server() -> (HubServer<Keeper>, Log) {
    let (builder, log) = builder();
    (builder.build().expect("valid"), log)
}

fn result(id: &str, result: &str) -> String {
    json!({"type": 3, "invocationId": id, "result": result}).to_string()
}

fn same(left: &str, right: &str) {
    let parse = |text: &str| serde_json::from_str::<Value>(text).expect(text);
    assert_eq!(parse(left), parse(right));
}

#[apply(both_encodings)]
async fn the_number_comes_first_and_then_byte_for_byte_what_was_not_acknowledged() {
    let (hub, log) = server();
    let (links, mut socket) = Links::connect(&hub).await;
    let mut sent = Vec::new();
    for (id, text) in [("1", "a"), ("2", "b"), ("3", "c")] {
        socket.call(id, "echo", json!([text])).await;
        sent.push(socket.bytes().await.expect("open"));
    }
    socket.say(&ack(1)).await;
    settle().await;
    drop(socket);
    settle().await;

    let mut socket = links.socket().await;
    assert_eq!(socket.hear().await, sequence(2));
    assert_eq!(socket.bytes().await.as_ref(), Some(&sent[1]));
    assert_eq!(socket.bytes().await.as_ref(), Some(&sent[2]));
    socket.say(&sequence(4)).await;
    socket.call("4", "echo", json!(["d"])).await;
    let answers = socket.hear_all().await;
    same(&answers[0], &result("4", "d"));
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(log.all(), ["connected"]);
}

#[apply(both_encodings)]
async fn with_all_acknowledged_the_number_is_the_next() {
    let (hub, _) = server();
    let (links, mut socket) = Links::connect(&hub).await;
    socket.call("1", "echo", json!(["a"])).await;
    socket.hear().await;
    socket.say(&ack(1)).await;
    // Of numbers that nobody has sent nothing follows.
    socket.say(&ack(7)).await;
    socket.say(&ack(-1)).await;
    settle().await;
    drop(socket);
    let mut socket = links.renew(2, 2).await;
    assert!(socket.hear_all().await.is_empty());
}

#[apply(both_encodings)]
async fn what_was_sent_meanwhile_follows_the_repetition() {
    let (hub, _) = server();
    let (links, mut socket) = Links::connect(&hub).await;
    socket.call("1", "join", json!([])).await;
    socket.hear().await;
    drop(socket);
    settle().await;
    let group = hub.context().clients().group("all");
    group.send("news", (1,)).await.expect("it is a member");
    group.send("news", (2,)).await.expect("it is a member");
    let mut socket = links.renew(1, 2).await;
    let heard = socket.hear_all().await;
    same(&heard[0], r#"{"type":3,"invocationId":"1","result":null}"#);
    same(&heard[1], r#"{"type":1,"target":"news","arguments":[1]}"#);
    same(&heard[2], r#"{"type":1,"target":"news","arguments":[2]}"#);
    assert_eq!(heard.len(), 3, "{heard:?}");
}

#[apply(both_encodings)]
async fn what_is_acknowledged_while_it_is_repeated_may_have_to_be_repeated_again() {
    let (hub, _) = server();
    let (links, mut socket) = Links::connect(&hub).await;
    for id in ["1", "2", "3"] {
        socket.call(id, "echo", json!(["a"])).await;
        socket.hear().await;
    }
    drop(socket);
    // The acknowledgement is of what came on the first socket; of the repetition the client may have got nothing yet.
    let mut socket = links.renew(1, 4).await;
    socket.say(&ack(3)).await;
    settle().await;
    drop(socket);
    let mut socket = links.renew(1, 4).await;
    for id in ["1", "2", "3"] {
        same(&socket.hear().await, &result(id, "a"));
    }
    // What comes behind it says that all of it has come.
    socket.call("4", "echo", json!(["a"])).await;
    same(&socket.hear().await, &result("4", "a"));
    socket.say(&ack(4)).await;
    settle().await;
    drop(socket);
    let mut socket = links.renew(5, 5).await;
    assert!(socket.hear_all().await.is_empty());
}

#[apply(both_encodings)]
async fn what_comes_twice_is_handled_once() {
    let (hub, log) = server();
    let (links, mut socket) = Links::connect(&hub).await;
    for text in ["a", "b", "c"] {
        socket.tell("note", json!([text])).await;
    }
    settle().await;
    drop(socket);
    let mut socket = links.renew(1, 2).await;
    for text in ["b", "c", "d"] {
        socket.tell("note", json!([text])).await;
    }
    settle().await;
    drop(socket);
    // The first repetition was cut off; the next begins where the client was acknowledged meanwhile.
    let mut socket = links.renew(1, 1).await;
    socket.tell("note", json!(["a"])).await;
    settle().await;
    drop(socket);
    let mut socket = links.renew(1, 5).await;
    socket.tell("note", json!(["e"])).await;
    settle().await;
    assert_eq!(log.all(), ["connected", "a", "b", "c", "d", "e"]);
}

#[apply(both_encodings)]
async fn every_message_that_has_a_number_counts_and_no_other() {
    let (hub, _) = server();
    let (_, mut socket) = Links::connect(&hub).await;
    socket.say(PING).await;
    // A method that there is not, arguments that do not fit, a stream that nobody reads, a call that nobody has made.
    socket.tell("nothing", json!([])).await;
    socket.tell("note", json!([[]])).await;
    socket
        .say(r#"{"type":2,"invocationId":"s","item":1}"#)
        .await;
    socket
        .say(r#"{"type":3,"invocationId":"s","result":1}"#)
        .await;
    socket.say(r#"{"type":5,"invocationId":"s"}"#).await;
    socket
        .say(r#"{"type":4,"invocationId":"x","target":"nothing","arguments":[]}"#)
        .await;
    socket.say(&ack(0)).await;
    wait(1_100).await;
    let heard = socket.hear_all().await;
    assert_eq!(heard.last(), Some(&ack(6)), "{heard:?}");
}

#[apply(both_encodings)]
async fn an_acknowledgement_comes_once_a_second_and_only_with_news() {
    let (hub, _) = server();
    let (_, mut socket) = Links::connect(&hub).await;
    let mut acks = Vec::new();
    for tenth in 0..60 {
        if tenth < 30 {
            socket.tell("note", json!([""])).await;
        }
        wait(95).await;
        let heard = socket.hear_all().await;
        acks.extend(heard.into_iter().map(|ack| (tenth, ack)));
    }
    assert!((3..=4).contains(&acks.len()), "{acks:?}");
    assert_eq!(acks.last().map(|(_, last)| &**last), Some(&*ack(30)));
}

#[apply(both_encodings)]
async fn an_acknowledgement_that_may_be_lost_is_said_again() {
    let (hub, _) = server();
    let (links, mut socket) = Links::connect(&hub).await;
    socket.tell("note", json!(["a"])).await;
    wait(1_100).await;
    assert_eq!(socket.hear().await, ack(1));
    drop(socket);
    let mut socket = links.renew(1, 1).await;
    socket.tell("note", json!(["a"])).await;
    wait(1_100).await;
    assert_eq!(socket.hear_all().await, [ack(1)]);
}

#[apply(both_encodings)]
async fn writers_wait_until_enough_is_acknowledged() {
    let (builder, log) = builder();
    let hub = builder
        .stateful_reconnect_buffer(1_000)
        .send_queue_limit(100);
    let hub = hub.build().expect("valid");
    let (_, mut socket) = Links::connect(&hub).await;
    socket.tell("fill", json!([30, 100])).await;
    let mut heard = i64::try_from(socket.hear_all().await.len()).expect("few");
    // One above the limit, none behind it.
    assert!((7..=10).contains(&heard), "{heard}");
    // What has no number is not held back.
    wait(1_100).await;
    assert_eq!(socket.hear_all().await, [ack(1)]);
    assert_eq!(log.all(), ["connected"]);
    while heard < 30 {
        socket.say(&ack(heard)).await;
        let more = socket.hear_all().await.len();
        assert!((1..=10).contains(&more), "{more} after {heard}");
        heard += i64::try_from(more).expect("few");
    }
    settle().await;
    assert_eq!(log.all(), ["connected", "filled"]);
}

#[apply(both_encodings)]
async fn acknowledgements_are_found_behind_calls_that_have_to_wait() {
    let (builder, _) = builder();
    let hub = builder
        .stateful_reconnect_buffer(2_000)
        .send_queue_limit(500);
    let hub = hub.build().expect("valid");
    let (_, mut socket) = Links::connect(&hub).await;
    let text = "x".repeat(200);
    let mut answers = 0;
    for call in 0..200 {
        socket.call(&call.to_string(), "echo", json!([text])).await;
    }
    for _ in 0..200 {
        let heard = socket.hear_all().await;
        answers += heard.iter().filter(|text| text.contains("xxx")).count();
        if answers == 200 {
            break;
        }
        socket.say(&ack(i64::try_from(answers).expect("few"))).await;
        wait(1_000).await;
    }
    assert_eq!(answers, 200);
}

#[apply(both_encodings)]
async fn a_client_that_acknowledges_nothing_is_given_up() {
    let (builder, log) = builder();
    let hub = builder
        .stateful_reconnect_buffer(1_000)
        .send_queue_limit(100);
    let (links, mut socket) = Links::connect(&hub.build().expect("valid")).await;
    socket.tell("fill", json!([30, 100])).await;
    // It lives, and reads.
    for _ in 0..8 {
        wait(1_000).await;
        socket.say(PING).await;
        socket.hear_all().await;
    }
    assert_eq!(log.all(), ["connected"]);
    wait(4_000).await;
    assert_eq!(links.refused().await, 404);
    assert!(
        log.all()
            .last()
            .is_some_and(|last| last.contains("send_timeout")),
        "{:?}",
        log.all()
    );
}

#[apply(both_encodings)]
async fn a_number_from_the_future_ends_the_connection() {
    let (builder, log) = builder();
    let hub = builder.detailed_errors(true).build().expect("valid");
    let (links, mut socket) = Links::connect(&hub).await;
    socket.tell("note", json!(["a"])).await;
    settle().await;
    drop(socket);
    let mut socket = links.socket().await;
    assert_eq!(socket.hear().await, sequence(1));
    socket.say(&sequence(3)).await;
    let close = socket.hear().await;
    assert!(
        close.contains("Sequence ID greater than amount of messages we've received."),
        "{close}"
    );
    assert_eq!(socket.bytes().await, None);
    drop(socket);
    settle().await;
    assert_eq!(links.refused().await, 404);
    let last = log.all().pop().expect("it has ended");
    assert!(last.contains("Sequence ID greater"), "{last}");
}

#[apply(both_encodings)]
async fn half_a_message_is_dropped_with_its_socket() {
    let (hub, log) = server();
    let (links, mut socket) = Links::connect(&hub).await;
    socket.tell("note", json!(["a"])).await;
    let call = r#"{"type":1,"target":"note","arguments":["b"]}"#;
    let whole = Encoding::of_this_test().frame(call);
    socket.raw(&whole[..whole.len() / 2]).await;
    settle().await;
    drop(socket);
    let mut socket = links.renew(1, 2).await;
    socket.raw(&whole).await;
    settle().await;
    assert_eq!(log.all(), ["connected", "a", "b"]);
}

#[apply(both_encodings)]
async fn what_comes_before_the_clients_number_has_none() {
    let (hub, log) = server();
    let (links, socket) = Links::connect(&hub).await;
    drop(socket);
    let mut socket = links.socket().await;
    assert_eq!(socket.hear().await, sequence(1));
    socket.tell("note", json!(["early"])).await;
    socket.say(&sequence(1)).await;
    socket.tell("note", json!(["first"])).await;
    settle().await;
    assert_eq!(log.all(), ["connected", "first"]);
}

#[apply(both_encodings)]
async fn uploads_and_streams_go_on() {
    let (hub, log) = server();
    let (links, mut socket) = Links::connect(&hub).await;
    let item =
        |id: &str, item: Value| json!({"type": 2, "invocationId": id, "item": item}).to_string();
    let call =
        r#"{"type":1,"invocationId":"1","target":"gather","arguments":[],"streamIds":["s"]}"#;
    socket.say(call).await;
    socket.say(&item("s", json!("a"))).await;
    let call = r#"{"type":4,"invocationId":"2","target":"count","arguments":[],"streamIds":["n"]}"#;
    socket.say(call).await;
    socket.say(&item("n", json!(1))).await;
    same(&socket.hear().await, &item("2", json!(1)));
    socket.say(&ack(1)).await;
    settle().await;
    drop(socket);
    settle().await;
    let mut socket = links.renew(2, 5).await;
    socket.say(&item("n", json!(2))).await;
    same(&socket.hear().await, &item("2", json!(2)));
    socket.say(&item("s", json!("b"))).await;
    socket.say(r#"{"type":3,"invocationId":"s"}"#).await;
    same(&socket.hear().await, &result("1", "ab"));
    assert_eq!(log.all(), ["connected"]);
}
