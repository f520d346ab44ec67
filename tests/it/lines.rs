//! The same hub over every kind of byte stream: an in-memory pipe, TCP, a Unix socket.

use std::time::Duration;

use futures_util::{Stream, future::join_all};
use serde_json::{Value, json};
use signalr::{Context, Error, HubError, HubServer, Receiver, hub};

use crate::support::{Encoding, Line, Log, PING, Place, web::in_time};

#[derive(Clone, Default)]
struct Depot {
    log: Log,
}

#[hub]
impl Depot {
    async fn on_disconnected(&self, _: &Context<Self>, reason: Option<&Error>) {
        let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        self.log.note(format!("gone{reason}"));
    }

    pub fn echo(&self, value: Value) -> Value {
        value
    }

    pub fn count(&self, to: u32) -> impl Stream<Item = u32> + use<> {
        futures_util::stream::iter(0..to)
    }

    pub async fn sum(&self, mut numbers: Receiver<u32>) -> Result<u32, HubError> {
        let mut sum = 0;
        while let Some(number) = numbers.recv().await {
            sum += number?;
        }
        Ok(sum)
    }

    pub async fn ask(&self, cx: &Context<Self>) -> Result<u32, HubError> {
        Ok(cx.clients().caller().invoke("answer", ()).await?)
    }

    pub async fn join(&self, cx: &Context<Self>, group: &str) -> Result<(), HubError> {
        Ok(cx.join(group).await?)
    }

    pub async fn tell(&self, cx: &Context<Self>, group: &str, text: &str) -> Result<(), HubError> {
        Ok(cx.clients().group(group).send("told", (text,)).await?)
    }

    pub async fn stay(&self) {
        let _end = self.log.on_drop("dropped");
        std::future::pending::<()>().await;
    }

    pub fn end_me(&self, cx: &Context<Self>) {
        cx.close(Some("enough"), false);
    }

    pub fn transport(&self, cx: &Context<Self>) -> Option<&'static str> {
        cx.transport().map(|transport| transport.name())
    }
}

/// What has happened, once as much of it has.
async fn noted(log: &Log, count: usize) -> Vec<String> {
    crate::support::web::until(|| log.all().len() >= count).await;
    log.all()
}

#[apply(both_encodings)]
async fn calls_streams_uploads_and_questions_are_the_same_everywhere() {
    for line in Line::ALL {
        let place = Place::new(line, &HubServer::new(Depot::default())).await;
        let mut peer = place.connect().await;
        let value = json!([1, "zwei", null, { "drei": 3.5 }]);
        assert_eq!(peer.invoke("echo", json!([value])).await, value, "{line:?}");
        assert_eq!(peer.invoke("transport", json!([])).await, json!(null));
        let large = json!("x".repeat(30_000));
        assert_eq!(peer.invoke("echo", json!([large])).await, large);

        let stream =
            json!({"type": 4, "invocationId": "s", "target": "count", "arguments": [1000]});
        peer.send(&stream.to_string()).await;
        for number in 0..1000 {
            assert_eq!(peer.json().await["item"], number);
        }
        assert_eq!(peer.completion("s").await, json!(null));

        peer.upload("u", "sum", json!([]), &["numbers"]).await;
        for number in 0..100 {
            peer.item("numbers", json!(number)).await;
        }
        peer.end_of("numbers").await;
        assert_eq!(peer.completion("u").await, 4950);

        peer.call("q", "ask", json!([])).await;
        let question = peer.asked("answer").await;
        peer.answer(&question, json!(42)).await;
        assert_eq!(peer.completion("q").await, 42);
    }
}

#[apply(both_encodings)]
async fn groups_reach_across_all_lines_of_one_hub() {
    let server = HubServer::new(Depot::default());
    let mut peers = Vec::new();
    let mut places = Vec::new();
    for line in Line::ALL {
        let place = Place::new(line, &server).await;
        for group in ["tea", "milk"] {
            let mut peer = place.connect().await;
            peer.invoke("join", json!([group])).await;
            peers.push(peer);
        }
        places.push(place);
    }
    peers[1].tell("tell", json!(["tea", "hot"])).await;
    for (number, peer) in peers.iter_mut().enumerate() {
        if number % 2 == 0 {
            assert_eq!(peer.heard("told").await, json!(["hot"]));
        }
        peer.expect_silence().await;
    }
}

#[apply(both_encodings)]
async fn after_its_close_message_the_server_ends_the_stream() {
    for line in Line::ALL {
        let hub = Depot::default();
        let place = Place::new(line, &HubServer::new(hub.clone())).await;
        let mut peer = place.connect().await;
        peer.tell("endMe", json!([])).await;
        peer.expect_close(r#"{"type":7,"error":"enough"}"#).await;
        assert_eq!(noted(&hub.log, 1).await, ["gone"], "{line:?}");
    }
}

#[apply(both_encodings)]
async fn a_client_may_close_with_a_message_or_just_go() {
    for line in Line::ALL {
        let hub = Depot::default();
        let place = Place::new(line, &HubServer::new(hub.clone())).await;
        let mut polite = place.connect().await;
        polite.send(r#"{"type":7}"#).await;
        polite.expect_close(r#"{"type":7}"#).await;
        drop(polite);
        assert_eq!(noted(&hub.log, 1).await, ["gone"], "{line:?}");
        let mut rude = place.connect().await;
        rude.call("1", "stay", json!([])).await;
        rude.send(PING).await;
        // A call runs, and an answer to another call is on its way.
        rude.call("2", "echo", json!(["x"])).await;
        drop(rude);
        let mut all = noted(&hub.log, 3).await;
        all.sort();
        assert_eq!(all, ["dropped", "gone", "gone"], "{line:?}");
        in_time(place.server.closed()).await;
    }
}

#[apply(both_encodings)]
async fn the_end_in_the_middle_of_a_message_is_told() {
    for line in Line::ALL {
        let hub = Depot::default();
        let server = HubServer::builder(hub.clone()).detailed_errors(true);
        let place = Place::new(line, &server.build().expect("valid")).await;
        let mut peer = place.connect().await;
        let frame = Encoding::of_this_test().frame(PING);
        peer.send_bytes(&frame[..frame.len() - 1]).await;
        peer.finish().await;
        peer.expect_close(
            r#"{"type":7,"error":"Connection closed with an error. InvalidDataException: Connection terminated while reading a message.","allowReconnect":true}"#,
        )
        .await;
        let reason = "gone: Connection terminated while reading a message.";
        assert_eq!(noted(&hub.log, 1).await, [reason], "{line:?}");
    }
}

#[apply(both_encodings)]
async fn a_client_that_has_stopped_sending_still_gets_its_answers() {
    for line in Line::ALL {
        let hub = Depot::default();
        let place = Place::new(line, &HubServer::new(hub.clone())).await;
        let mut peer = place.open().await;
        let calls: Vec<_> = (0..100)
            .map(|number| {
                json!({"type": 1, "invocationId": number.to_string(), "target": "echo", "arguments": [number]})
                    .to_string()
            })
            .collect();
        let messages: Vec<_> = calls.iter().map(String::as_str).collect();
        peer.start_handshake_with(&messages).await;
        peer.finish().await;
        assert_eq!(peer.frame().await.as_deref(), Some("{}"), "{line:?}");
        for number in 0..100 {
            assert_eq!(peer.completion(&number.to_string()).await, number);
        }
        peer.expect_close(r#"{"type":7,"allowReconnect":true}"#)
            .await;
        assert_eq!(noted(&hub.log, 1).await, ["gone"]);
    }
}

#[apply(both_encodings)]
async fn a_call_that_still_runs_does_not_keep_a_client_that_has_stopped_sending() {
    for line in Line::ALL {
        let hub = Depot::default();
        let place = Place::new(line, &HubServer::new(hub.clone())).await;
        let mut peer = place.connect().await;
        peer.call("1", "stay", json!([])).await;
        peer.finish().await;
        peer.expect_close(r#"{"type":7,"allowReconnect":true}"#)
            .await;
        assert_eq!(noted(&hub.log, 2).await, ["dropped", "gone"], "{line:?}");
    }
}

#[apply(both_encodings)]
async fn a_shutdown_tells_everybody_and_stops_the_listener() {
    for line in Line::ALL {
        let server = HubServer::new(Depot::default());
        let mut place = Place::new(line, &server).await;
        let mut peers = join_all((0..20).map(|_| place.connect())).await;
        let ending = tokio::spawn(async move { server.shutdown(Duration::from_secs(20)).await });
        for peer in &mut peers {
            let close = r#"{"type":7,"allowReconnect":true}"#;
            in_time(peer.expect_close(close)).await;
        }
        // The listener is done when the last connection is.
        let listening = place.listening.take();
        if let Some(listening) = &listening {
            assert!(!listening.is_finished(), "{line:?}");
        }
        drop(peers);
        in_time(ending).await.expect("no panic");
        if let Some(listening) = listening {
            in_time(listening).await.expect("no panic");
            assert!(place.try_open().await.is_err(), "nobody listens");
        }
    }
}

#[apply(both_encodings)]
async fn two_hundred_clients_at_once_are_each_answered_and_all_told() {
    for line in Line::ALL {
        let server = HubServer::new(Depot::default());
        let place = Place::new(line, &server).await;
        let mut peers = in_time(join_all((0..200).map(|_| place.connect()))).await;
        assert_eq!(server.connection_count(), 200, "{line:?}");
        let calls = peers.iter_mut().enumerate().map(async |(number, peer)| {
            assert_eq!(peer.invoke("echo", json!([number])).await, number);
        });
        in_time(join_all(calls)).await;
        let all = server.context().clients().all();
        all.send("told", ("all",)).await.expect("sent");
        for peer in &mut peers {
            assert_eq!(in_time(peer.heard("told")).await, json!(["all"]));
        }
        drop(peers);
        in_time(server.closed()).await;
    }
}
