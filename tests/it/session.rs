//! What belongs to one connection: session, items, user, request, id.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};

use serde_json::{Value, json};
use signalr::{Connecting, Context, Error, HubError, HubServer, hub};

use crate::support::{Encoding, Log, OnDrop, Peer};

struct Session {
    number: usize,
    calls: AtomicUsize,
    _end: OnDrop,
}

#[derive(Clone, Debug, PartialEq)]
struct Note(String);

#[derive(Clone, Default)]
struct Rooms {
    log: Log,
}

#[hub]
impl Rooms {
    async fn on_connected(&self, cx: &Connecting<Self>) -> Result<Session, HubError> {
        cx.items().insert(Note("from on_connected".to_owned()));
        let number = self.log.count("session") + 1;
        self.log.note("session");
        Ok(Session {
            number,
            calls: AtomicUsize::new(0),
            _end: self.log.on_drop(&format!("dropped {number}")),
        })
    }

    async fn on_disconnected(&self, cx: &Context<Self>, _: Option<&Error>) {
        let Session { number, calls, .. } = cx.session();
        let note = cx
            .items()
            .get::<Note>()
            .map(|note| note.0)
            .unwrap_or_default();
        self.log
            .note(format!("end {number} {} {note}", calls.load(SeqCst)));
    }

    pub fn count(&self, cx: &Context<Self>) -> (usize, usize) {
        let session = cx.session();
        (session.number, session.calls.fetch_add(1, SeqCst) + 1)
    }

    pub fn note(&self, cx: &Context<Self>, text: String) -> Option<String> {
        cx.items().insert(Note(text)).map(|old| old.0)
    }

    pub fn noted(&self, cx: &Context<Self>) -> Value {
        let note = cx.items().get::<Note>().map(|note| note.0);
        json!([note, cx.items().get::<u8>()])
    }

    pub fn remove(&self, cx: &Context<Self>) -> Option<String> {
        cx.items().insert(7u8);
        cx.items().remove::<Note>().map(|note| note.0)
    }

    pub fn request(&self, cx: &Context<Self>) -> Value {
        let request = cx.request();
        json!({
            "method": request.method.as_str(),
            "uri": request.uri.to_string(),
            "headers": request.headers.len(),
            "peer": cx.peer_addr(),
            "user": cx.user_id(),
            "protocol": cx.protocol().name(),
            "id": cx.connection_id(),
        })
    }
}

#[apply(both_encodings)]
async fn a_session_is_made_once_shared_by_all_calls_and_dropped_once_at_the_end() {
    let hub = Rooms::default();
    let server = HubServer::new(hub.clone());
    let mut one = Peer::connect(&server).await;
    assert_eq!(one.invoke("count", json!([])).await, json!([1, 1]));
    let mut two = Peer::connect(&server).await;
    assert_eq!(two.invoke("count", json!([])).await, json!([2, 1]));
    assert_eq!(one.invoke("count", json!([])).await, json!([1, 2]));
    assert_eq!(hub.log.all(), ["session", "session"]);
    one.leave().await;
    assert_eq!(
        hub.log.all()[2..],
        ["end 1 2 from on_connected", "dropped 1"]
    );
    two.leave().await;
    assert_eq!(
        hub.log.all()[4..],
        ["end 2 1 from on_connected", "dropped 2"]
    );
}

#[apply(both_encodings)]
async fn items_belong_to_one_connection_and_hold_one_value_of_a_type() {
    let hub = Rooms::default();
    let server = HubServer::new(hub.clone());
    let mut one = Peer::connect(&server).await;
    let mut two = Peer::connect(&server).await;
    let first = "from on_connected";
    assert_eq!(one.invoke("noted", json!([])).await, json!([first, null]));
    assert_eq!(one.invoke("note", json!(["x"])).await, first);
    assert_eq!(one.invoke("noted", json!([])).await, json!(["x", null]));
    assert_eq!(two.invoke("noted", json!([])).await, json!([first, null]));
    assert_eq!(one.invoke("remove", json!([])).await, "x");
    assert_eq!(one.invoke("remove", json!([])).await, json!(null));
    assert_eq!(one.invoke("noted", json!([])).await, json!([null, 7]));
    one.invoke("note", json!(["last"])).await;
    one.leave().await;
    assert_eq!(hub.log.count("end 1 0 last"), 1);
}

#[apply(both_encodings)]
async fn a_connection_without_http_has_an_empty_request_and_no_user() {
    let mut peer = Peer::connect(&HubServer::new(Rooms::default())).await;
    let mut request = peer.invoke("request", json!([])).await;
    let id = request["id"].take();
    assert_eq!(id.as_str().map(str::len), Some(22));
    let expected = json!({
        "method": "GET", "uri": "/", "headers": 0, "peer": null, "user": null, "id": null,
        "protocol": Encoding::of_this_test().name(),
    });
    assert_eq!(request, expected);
}

#[apply(both_encodings)]
async fn a_thousand_connections_have_a_thousand_ids() {
    let server = HubServer::new(Rooms::default());
    let mut ids = HashSet::new();
    for _ in 0..1_000 {
        let mut peer = Peer::connect(&server).await;
        let id = peer.invoke("request", json!([])).await["id"].take();
        let id = id.as_str().expect("text").to_owned();
        assert!(
            id.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        );
        ids.insert(id);
    }
    assert_eq!(ids.len(), 1_000);
}

#[apply(both_encodings)]
async fn the_user_is_asked_for_once_and_only_after_a_good_handshake() {
    let log = Log::default();
    let asked = log.clone();
    let server = HubServer::builder(Rooms::default()).user_id(move |request| {
        asked.note(request.uri.path());
        Some(format!("user {}", asked.all().len()))
    });
    let server = server.build().expect("valid");
    let mut refused = Peer::open(&server);
    refused.send(r#"{"protocol":"x","version":1}"#).await;
    refused.frame().await.expect("a refusal");
    assert_eq!(log.all(), [""; 0]);
    for number in 1..=2 {
        let mut peer = Peer::connect(&server).await;
        for _ in 0..3 {
            let request = peer.invoke("request", json!([])).await;
            assert_eq!(request["user"], format!("user {number}"));
        }
    }
    assert_eq!(log.all(), ["/", "/"]);
}

#[apply(both_encodings)]
async fn a_panic_in_user_id_costs_that_connection_only() {
    let first = AtomicUsize::new(0);
    let server = HubServer::builder(Rooms::default())
        .user_id(move |_| {
            assert_ne!(first.fetch_add(1, SeqCst), 1, "as asked");
            None
        })
        .build()
        .expect("valid");
    let mut one = Peer::connect(&server).await;
    let mut two = Peer::open(&server);
    two.start_handshake().await;
    assert_eq!(
        two.frame().await.as_deref(),
        Some(r#"{"error":"An unexpected error occurred during connection handshake."}"#)
    );
    two.leave().await;
    let mut three = Peer::connect(&server).await;
    for peer in [&mut one, &mut three] {
        peer.invoke("count", json!([])).await;
    }
    assert_eq!(server.connection_count(), 2);
}

#[apply(both_encodings)]
async fn a_session_without_on_connected_is_its_default() {
    #[derive(Default)]
    struct Counter(AtomicUsize);
    struct Plain;
    #[hub(session = Counter)]
    impl Plain {
        pub fn count(&self, cx: &Context<Self>) -> usize {
            cx.session().0.fetch_add(1, SeqCst)
        }
    }
    let server = HubServer::new(Plain);
    for _ in 0..2 {
        let mut peer = Peer::connect(&server).await;
        assert_eq!(peer.invoke("count", json!([])).await, 0);
        assert_eq!(peer.invoke("count", json!([])).await, 1);
    }
}
