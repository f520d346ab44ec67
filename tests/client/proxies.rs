//! Typed proxies, against a real hub in both encodings.

use std::borrow::Cow;

use futures_util::{Stream, StreamExt, stream};
use serde::{Deserialize, Serialize};
use signalr::{CancellationToken, Context, HubError, HubServer, Receiver, Sent, hub};

use crate::support::{Log, PROTOCOLS, of_hub, settle};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    x: i32,
    label: String,
}

/// What a server reads and no client writes: its proxy's method is there and cannot be called.
#[derive(Deserialize)]
pub struct ServerOnly;

#[derive(Deserialize)]
pub struct Pinned<'a>(#[expect(dead_code)] Cow<'a, str>);

#[derive(Clone, Default)]
struct Desk {
    log: Log,
}

#[hub]
impl Desk {
    pub fn add(&self, a: i32, b: i32) -> i32 {
        a + b
    }

    pub async fn note(&self, cx: &Context<Self>, text: &str) {
        self.log
            .note(format!("{} {text}", cx.connection_id().len()));
    }

    #[hub(name = "Refuse")]
    pub fn fail(&self, text: &str) -> Result<Point, HubError> {
        Err(HubError::new(text))
    }

    pub fn moved(&self, points: &[Point], by: Option<&Point>, r#type: Cow<'_, str>) -> Vec<Point> {
        let by = by.map_or(0, |by| by.x);
        let moved = |point: &Point| Point {
            x: point.x + by,
            label: format!("{}{type}", point.label),
        };
        points.iter().map(moved).collect()
    }

    pub fn longest<'a>(&'a self, one: &'a str, other: &'a str) -> &'a str {
        if one.len() < other.len() { other } else { one }
    }

    pub fn untold(&self) -> impl Serialize + use<> {
        (1, "two")
    }

    pub async fn toil(&self, cancelled: CancellationToken, text: String) -> String {
        self.log.note("toils");
        cancelled.cancelled().await;
        self.log.note("cancelled");
        text
    }

    pub fn count(&self, to: u32) -> impl Stream<Item = u32> + use<> {
        stream::iter(0..to)
    }

    pub async fn tried(
        &self,
        to: u32,
    ) -> Result<impl Stream<Item = Result<u32, HubError>> + use<>, HubError> {
        if to == 0 {
            return Err(HubError::new("nothing to count"));
        }
        let end = [Err(HubError::new("that is all"))];
        Ok(stream::iter(0..to).map(Ok).chain(stream::iter(end)))
    }

    pub async fn join(
        &self,
        mut a: Receiver<u32>,
        between: &str,
        mut b: tokio::sync::mpsc::Receiver<String>,
    ) -> Result<String, HubError> {
        let mut joined = String::new();
        while let Some(number) = a.recv().await {
            joined += &number?.to_string();
        }
        joined += between;
        while let Some(text) = b.recv().await {
            joined += &text;
        }
        self.log.note(format!("joined {joined}"));
        Ok(joined)
    }

    pub fn doubled(
        &self,
        numbers: Receiver<u32>,
    ) -> impl Stream<Item = Result<u32, HubError>> + use<> {
        numbers.map(|number| Ok(number? * 2))
    }

    pub fn burden(&self, _only: ServerOnly) {}

    pub fn pinned(&self, _only: Pinned<'_>) -> &std::path::Path {
        std::path::Path::new("here")
    }

    #[cfg(any())]
    pub fn absent(&self, _argument: NoSuchType) {}
}

/// Runs a scenario in both encodings, each with a server and a client of its own.
async fn in_both<F: Future<Output = ()>>(scenario: impl Fn(DeskProxy, Log) -> F) {
    for protocol in PROTOCOLS {
        let desk = Desk::default();
        let log = desk.log.clone();
        let connection = of_hub(&HubServer::new(desk), protocol).connect().await;
        scenario(DeskProxy::new(&connection.expect("connected")), log).await;
    }
}

#[tokio::test(start_paused = true)]
async fn methods_answer_with_values_nothing_and_errors() {
    in_both(|desk, log| async move {
        assert_eq!(desk.add(1, 2).await.expect("a sum"), 3);
        let text = String::from("borrowed");
        let () = desk.note(&text).await.expect("noted");
        assert_eq!(log.all(), ["22 borrowed"]);
        let error = desk.fail("no such luck").await.expect_err("it fails");
        let told = error.remote_message().expect("told by the hub");
        assert!(
            told.ends_with("'Refuse' on the server. HubException: no such luck"),
            "{told}"
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn arguments_are_lent_and_results_are_owned() {
    in_both(|desk, _| async move {
        let point = |x, label: &str| Point {
            x,
            label: label.to_owned(),
        };
        let points = vec![point(1, "a"), point(2, "b")];
        let moved = desk.moved(&points, Some(&points[1]), "!".into()).await;
        assert_eq!(moved.expect("moved"), [point(3, "a!"), point(4, "b!")]);
        let same = desk.moved(&points, None, Cow::Borrowed("")).await;
        assert_eq!(same.expect("moved"), points);
        let longest: String = desk.longest("one", "other").await.expect("a text");
        assert_eq!(longest, "other");
        let (number, text): (u8, String) = desk.untold().await.expect("as the caller says");
        assert_eq!((number, &*text), (1, "two"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn streams_give_their_items_and_their_errors() {
    in_both(|desk, _| async move {
        let items = desk.count(5).await.expect("a stream");
        let items: Vec<_> = items.map(|item| item.expect("an item")).collect().await;
        assert_eq!(items, [0, 1, 2, 3, 4]);
        let mut tried = desk.tried(2).await.expect("a stream");
        assert_eq!(tried.next().await.expect("an item").expect("good"), 0);
        assert_eq!(tried.next().await.expect("an item").expect("good"), 1);
        let error = tried.next().await.expect("an end").expect_err("an error");
        let told = error.remote_message().expect("told by the hub");
        assert!(told.ends_with("that is all"), "{told}");
        let mut refused = desk.tried(0).await.expect("opened");
        let error = refused.next().await.expect("an end").expect_err("an error");
        let told = error.remote_message().expect("told by the hub");
        assert!(told.ends_with("nothing to count"), "{told}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn uploads_stand_at_the_place_of_their_receivers() {
    in_both(|desk, _| async move {
        let (a, b) = (
            stream::iter([1, 2]),
            stream::iter(["x".to_owned(), "y".to_owned()]),
        );
        assert_eq!(desk.join(a, "-", b).await.expect("joined"), "12-xy");
        let doubled = desk.doubled(stream::iter(1..=3)).await.expect("a stream");
        let doubled: Vec<_> = doubled.map(|item| item.expect("an item")).collect().await;
        assert_eq!(doubled, [2, 4, 6]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_sent_wait_for_no_answer() {
    in_both(|desk, log| async move {
        let sending: DeskProxy<Sent> = desk.sending();
        let () = sending.toil("never told".to_owned()).await.expect("sent");
        let () = sending.fail("told to nobody").await.expect("sent");
        settle().await;
        assert_eq!(log.all(), ["toils"]);
        let (a, b) = (stream::iter([1]), stream::iter(["z".to_owned()]));
        let () = sending.join(a, "+", b).await.expect("sent and uploaded");
        settle().await;
        assert_eq!(log.all(), ["toils", "joined 1+z"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_is_cancelled() {
    in_both(|desk, log| async move {
        let toiling = tokio::spawn({
            let desk = desk.clone();
            async move { desk.toil("unheard".to_owned()).await }
        });
        settle().await;
        assert_eq!(log.all(), ["toils"]);
        toiling.abort();
        settle().await;
        assert_eq!(log.all(), ["toils", "cancelled"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_proxy_keeps_its_connection_open_and_shows_it() {
    let server = HubServer::new(Desk::default());
    let connection = of_hub(&server, PROTOCOLS[0]).connect().await;
    let desk = DeskProxy::new(&connection.expect("connected"));
    settle().await;
    assert_eq!(desk.add(1, 1).await.expect("still open"), 2);
    let shown = format!("{desk:?}");
    assert!(
        shown.starts_with("DeskProxy(HubConnection { state: Connected"),
        "{shown}"
    );
}
