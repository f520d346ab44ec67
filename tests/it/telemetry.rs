//! Spans and metrics under the names of ASP.NET Core.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::Stream;
use metrics::{
    Counter, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata as Meta, Recorder,
    SharedString, Unit,
};
use serde_json::json;
use signalr::{Context, Error, HubError, HubServer, Server, hub};
use tracing::{
    Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

use crate::{
    http::serve,
    support::{
        Peer,
        http::{Http, UPGRADE},
        settle,
    },
};

struct Traced;

#[hub]
impl Traced {
    async fn on_connected(&self, _: &signalr::Connecting<Self>) -> Result<(), HubError> {
        Ok(())
    }

    async fn on_disconnected(&self, _: &Context<Self>, _: Option<&Error>) {}

    pub async fn add(&self, a: i32, b: i32) -> i32 {
        tokio::task::yield_now().await;
        // What a method logs belongs to its call.
        tracing::info!("adding");
        a + b
    }

    pub fn fail(&self) -> Result<(), HubError> {
        Err(HubError::named("TeapotException", "short and stout"))
    }

    pub fn panic(&self) {
        panic!("on purpose");
    }

    pub fn forever(&self) -> impl Stream<Item = u8> + use<> {
        futures_util::stream::pending()
    }
}

/// A span as it was recorded.
#[derive(Clone, Debug, Default)]
struct Seen {
    name: String,
    fields: BTreeMap<String, String>,
    is_root: bool,
    closed: bool,
    events: usize,
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}").trim_matches('"').to_owned();
        self.fields.insert(field.name().to_owned(), text);
    }
}

/// Keeps all spans of this test's thread.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    spans: Vec<Seen>,
    entered: Vec<u64>,
}

impl Spans {
    /// Records what this thread does for as long as the guard lives.
    ///
    /// While there is one subscriber alone, tracing asks the thread that meets a span first whether anybody wants it, which may be
    /// another test's, and keeps the answer. With a second one it asks the subscribers themselves.
    fn record() -> (Self, Recording) {
        let spans = Self::default();
        let second = tracing::Dispatch::new(spans.clone());
        let recording = tracing::subscriber::set_default(spans.clone());
        (
            spans,
            Recording {
                _recording: recording,
                _second: second,
            },
        )
    }

    fn named(&self, end: &str) -> Vec<Seen> {
        let state = self.0.lock().expect("not poisoned");
        let spans = state.spans.iter().filter(|span| span.name.ends_with(end));
        spans.cloned().collect()
    }
}

struct Recording {
    _recording: tracing::subscriber::DefaultGuard,
    _second: tracing::Dispatch,
}

impl Subscriber for Spans {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut span = Seen {
            name: attributes.metadata().name().to_owned(),
            is_root: attributes.is_root(),
            ..Seen::default()
        };
        attributes.record(&mut span);
        let mut state = self.0.lock().expect("not poisoned");
        state.spans.push(span);
        Id::from_u64(state.spans.len() as u64)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        let mut state = self.0.lock().expect("not poisoned");
        values.record(&mut state.spans[at(id)]);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        let mut state = self.0.lock().expect("not poisoned");
        if let Some(id) = state.entered.last().copied() {
            state.spans[at(&Id::from_u64(id))].events += 1;
        }
    }

    fn enter(&self, id: &Id) {
        self.0
            .lock()
            .expect("not poisoned")
            .entered
            .push(id.into_u64());
    }

    fn exit(&self, id: &Id) {
        let mut state = self.0.lock().expect("not poisoned");
        assert_eq!(state.entered.pop(), Some(id.into_u64()), "spans nest");
    }

    fn try_close(&self, id: Id) -> bool {
        self.0.lock().expect("not poisoned").spans[at(&id)].closed = true;
        true
    }
}

fn at(id: &Id) -> usize {
    usize::try_from(id.into_u64()).expect("few spans") - 1
}

#[tokio::test(start_paused = true)]
async fn a_call_has_a_span_of_its_own_with_the_names_of_the_reference() {
    let (spans, _recording) = Spans::record();
    let mut peer = Peer::connect(&HubServer::new(Traced)).await;
    let call = json!({
        "type": 1, "headers": {"traceparent": "00-1-2-01", "other": "x"}, "invocationId": "1", "target": "ADD", "arguments": [1, 2],
    });
    peer.send(&call.to_string()).await;
    assert_eq!(peer.completion("1").await, 3);
    let calls = spans.named(".InvocationIn");
    let [call] = &calls[..] else {
        panic!("one call: {calls:?}");
    };
    assert_eq!(
        call.name,
        "Microsoft.AspNetCore.SignalR.Server.InvocationIn"
    );
    assert!(call.is_root, "no child of the connection");
    assert_eq!(call.events, 1);
    let expected = [
        ("otel.kind", "server"),
        ("otel.name", "Traced/add"),
        ("rpc.method", "add"),
        ("rpc.service", "Traced"),
        ("rpc.system", "signalr"),
        ("traceparent", "00-1-2-01"),
    ];
    let fields = call
        .fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    assert_eq!(fields.collect::<Vec<_>>(), expected);
    peer.leave().await;
    for (name, method) in [
        (".OnConnected", "OnConnectedAsync"),
        (".OnDisconnected", "OnDisconnectedAsync"),
    ] {
        let seen = spans.named(name);
        assert_eq!(seen.len(), 1, "{name}");
        assert_eq!(seen[0].fields["rpc.method"], method);
        assert_eq!(seen[0].fields["otel.name"], format!("Traced/{method}"));
    }
}

#[tokio::test(start_paused = true)]
async fn failures_mark_their_span_and_cancelled_streams_do_not() {
    let (spans, _recording) = Spans::record();
    let mut peer = Peer::connect(&HubServer::new(Traced)).await;
    peer.invoke("fail", json!([])).await;
    peer.invoke("panic", json!([])).await;
    let stream = json!({"type": 4, "invocationId": "s", "target": "forever", "arguments": []});
    peer.send(&stream.to_string()).await;
    settle().await;
    assert!(
        !spans.named(".InvocationIn")[2].closed,
        "as long as the stream"
    );
    peer.send(r#"{"type":5,"invocationId":"s"}"#).await;
    assert_eq!(peer.text().await, r#"{"type":3,"invocationId":"s"}"#);
    let seen = spans.named(".InvocationIn");
    let errors: Vec<_> = seen
        .iter()
        .map(|span| {
            (
                span.fields.get("error.type").cloned(),
                span.fields.get("otel.status_code").cloned(),
            )
        })
        .collect();
    let failed = |name: &str| (Some(name.to_owned()), Some("ERROR".to_owned()));
    assert_eq!(
        errors,
        [failed("TeapotException"), failed("panic"), (None, None)]
    );
    assert!(seen.iter().all(|span| span.closed));
}

/// Keeps what was measured, by name and labels.
#[derive(Clone, Default)]
struct Measured(Arc<Mutex<BTreeMap<String, Vec<f64>>>>);

struct Series(Measured, String);

impl Series {
    fn note(&self, value: f64) {
        let mut all = self.0.0.lock().expect("not poisoned");
        all.entry(self.1.clone()).or_default().push(value);
    }
}

impl GaugeFn for Series {
    fn increment(&self, value: f64) {
        self.note(value);
    }

    fn decrement(&self, value: f64) {
        self.note(-value);
    }

    fn set(&self, value: f64) {
        self.note(value);
    }
}

impl HistogramFn for Series {
    fn record(&self, value: f64) {
        self.note(value);
    }
}

impl Measured {
    fn series(&self, key: &Key) -> Arc<Series> {
        let mut labels: Vec<_> = key
            .labels()
            .map(|label| format!("{}={}", label.key(), label.value()))
            .collect();
        labels.sort_unstable();
        Arc::new(Series(
            self.clone(),
            format!("{} {}", key.name(), labels.join(" ")),
        ))
    }

    fn get(&self, series: &str) -> Vec<f64> {
        self.0
            .lock()
            .expect("not poisoned")
            .get(series)
            .cloned()
            .unwrap_or_default()
    }
}

impl Recorder for Measured {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Meta<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Meta<'_>) -> Gauge {
        Gauge::from_arc(self.series(key))
    }

    fn register_histogram(&self, key: &Key, _: &Meta<'_>) -> Histogram {
        Histogram::from_arc(self.series(key))
    }
}

#[tokio::test]
async fn connections_are_counted_and_timed_by_transport_and_end() {
    let measured = Measured::default();
    let _recorded = metrics::set_default_local_recorder(&measured);
    let hub = HubServer::new(Traced);
    let addr = serve(Server::new().mount(hub.at("/hub"))).await;
    // Only negotiated: not counted.
    Http::connect(addr)
        .await
        .request("POST /hub/negotiate?negotiateVersion=1", "", b"")
        .await;
    let mut clients = Vec::new();
    for _ in 0..2 {
        let mut http = Http::connect(addr).await;
        assert_eq!(http.request("GET /hub", UPGRADE, b"").await.status, 101);
        http.send_frame(0x81, b"{\"protocol\":\"json\",\"version\":1}\x1e")
            .await;
        http.frame().await.expect("open");
        clients.push(http);
    }
    let active = "signalr.server.active_connections signalr.transport=web_sockets";
    assert_eq!(measured.get(active), [1.0, 1.0]);
    drop(clients.pop());
    while hub.connection_count() > 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::join!(hub.shutdown(Duration::from_millis(50)), async {
        while clients[0].frame().await.is_some() {}
        clients.clear();
    });
    settle().await;
    assert_eq!(measured.get(active), [1.0, 1.0, -1.0, -1.0]);
    for status in ["normal_closure", "app_shutdown"] {
        let name = "signalr.server.connection.duration";
        let series =
            format!("{name} signalr.connection.status={status} signalr.transport=web_sockets");
        let durations = measured.get(&series);
        assert_eq!(durations.len(), 1, "{status}");
        assert!(
            (0.0..60.0).contains(&durations[0]),
            "seconds: {durations:?}"
        );
    }
}
