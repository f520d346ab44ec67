//! A contract that a hub implements and a client calls, both ways, in both encodings.

use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use serde::{Deserialize, Serialize};
use signalr::{
    CancellationToken, Context, Hub, HubConnection, HubError, HubServer, Kind, Receiver, hub,
    receiver,
};

use crate::support::{Log, PROTOCOLS, of_hub, settle};

mod api {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Point {
        pub x: i32,
    }

    /// What a server calls on clients.
    #[receiver(rename_all = "PascalCase")]
    pub trait DeskClient {
        async fn moved(&self, to: &Point);
        async fn confirm(&self, question: &str) -> bool;
    }

    /// What clients call on a server.
    #[hub(rename_all = "PascalCase")]
    pub trait Desk {
        async fn move_by(
            &self,
            cx: &Context<Self>,
            points: &[Point],
            by: i32,
        ) -> Result<Vec<Point>, HubError>;
        #[hub(name = "sum")]
        fn add(&self, a: i32, b: i32) -> i32;
        async fn sure(&self, cx: &Context<Self>, question: &str) -> Result<bool, HubError>;
        async fn toil(&self, cancelled: CancellationToken);
        fn count(&self, to: u32) -> impl Stream<Item = u32>;
        fn doubled(&self, numbers: Receiver<u32>) -> impl Stream<Item = Result<u32, HubError>>;
        async fn join(
            &self,
            a: Receiver<u32>,
            between: &str,
            b: Receiver<String>,
        ) -> Result<String, HubError>;
    }
}

use api::{Desk, DeskClient, DeskProxy, Point};

#[derive(Clone, Default)]
struct App {
    log: Log,
}

#[hub(client = DeskClient, session = u8)]
impl Desk for App {
    async fn on_disconnected(&self, cx: &Context<Self>) {
        self.log.note(format!("left with {}", cx.session()));
    }

    async fn move_by(
        &self,
        cx: &Context<Self>,
        points: &[Point],
        by: i32,
    ) -> Result<Vec<Point>, HubError> {
        let moved: Vec<_> = points
            .iter()
            .map(|point| Point { x: point.x + by })
            .collect();
        for point in &moved {
            cx.clients().caller().moved(point).await?;
        }
        match moved.is_empty() {
            true => Err(HubError::new("nothing to move")),
            false => Ok(moved),
        }
    }

    fn add(&self, a: i32, b: i32) -> i32 {
        a + b
    }

    async fn sure(&self, cx: &Context<Self>, question: &str) -> Result<bool, HubError> {
        Ok(cx.clients().caller().confirm(question).await?)
    }

    async fn toil(&self, cancelled: CancellationToken) {
        self.log.note("toils");
        cancelled.cancelled().await;
        self.log.note("cancelled");
    }

    fn count(&self, to: u32) -> impl Stream<Item = u32> {
        stream::iter(0..to)
    }

    fn doubled(&self, numbers: Receiver<u32>) -> impl Stream<Item = Result<u32, HubError>> {
        numbers.map(|number| Ok(number? * 2))
    }

    async fn join(
        &self,
        mut a: Receiver<u32>,
        between: &str,
        mut b: Receiver<String>,
    ) -> Result<String, HubError> {
        let mut joined = String::new();
        while let Some(number) = a.recv().await {
            joined += &number?.to_string();
        }
        joined += between;
        while let Some(text) = b.recv().await {
            joined += &text?;
        }
        Ok(joined)
    }
}

struct Ui(Log);

#[receiver]
impl DeskClient for Ui {
    async fn moved(&self, to: &Point) {
        self.0.note(format!("moved to {}", to.x));
    }

    async fn confirm(&self, question: &str) -> bool {
        self.0.note(question);
        question.ends_with('?')
    }
}

async fn in_both<F: Future<Output = ()>>(scenario: impl Fn(HubConnection, DeskProxy, Log) -> F) {
    for protocol in PROTOCOLS {
        let app = App::default();
        let log = app.log.clone();
        let builder = of_hub(&HubServer::new(app), protocol);
        let connection = builder.receiver(Ui(log.clone())).connect().await;
        let connection = connection.expect("connected");
        let desk = DeskProxy::new(&connection);
        scenario(connection, desk, log).await;
    }
}

#[test]
fn the_table_of_a_hub_is_its_contracts() {
    let names: Vec<_> = App::METHODS.iter().map(|method| method.name).collect();
    assert_eq!(
        names,
        ["MoveBy", "sum", "Sure", "Toil", "Count", "Doubled", "Join"]
    );
    assert_eq!(App::METHODS[0].params, ["points", "by"]);
    assert_eq!(
        (App::METHODS[4].kind, App::METHODS[6].uploads),
        (Kind::Stream, 2)
    );
}

#[tokio::test(start_paused = true)]
async fn both_sides_of_a_contract_understand_each_other() {
    in_both(|_, desk, log| async move {
        let moved = desk.move_by(&[Point { x: 1 }, Point { x: 2 }], 10).await;
        assert_eq!(moved.expect("moved"), [Point { x: 11 }, Point { x: 12 }]);
        settle().await;
        assert_eq!(log.all(), ["moved to 11", "moved to 12"]);
        let error = desk.move_by(&[], 10).await.expect_err("it fails");
        let told = error.remote_message().expect("told by the hub");
        assert!(told.ends_with("nothing to move"), "{told}");
        assert_eq!(desk.add(3, 4).await.expect("a sum"), 7);
        assert!(desk.sure("really?").await.expect("an answer"));
        assert!(!desk.sure("never").await.expect("an answer"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn streams_of_a_contract_go_both_ways() {
    in_both(|_, desk, _| async move {
        let items = desk.count(3).await.expect("a stream");
        let items: Vec<_> = items.map(|item| item.expect("an item")).collect().await;
        assert_eq!(items, [0, 1, 2]);
        let doubled = desk.doubled(stream::iter([5, 6])).await.expect("a stream");
        let doubled: Vec<_> = doubled.map(|item| item.expect("an item")).collect().await;
        assert_eq!(doubled, [10, 12]);
        let texts = stream::iter(["x".to_owned()]);
        let joined = desk.join(stream::iter([1, 2]), "+", texts).await;
        assert_eq!(joined.expect("joined"), "12+x");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_hub_of_a_contract_has_a_session_and_hears_of_cancels_and_ends() {
    in_both(|connection, desk, log| async move {
        let toil = tokio::time::timeout(Duration::from_secs(1), desk.toil()).await;
        toil.expect_err("it goes on until it is cancelled");
        settle().await;
        assert_eq!(log.all(), ["toils", "cancelled"]);
        connection.stop().await;
        settle().await;
        assert_eq!(log.all(), ["toils", "cancelled", "left with 0"]);
    })
    .await;
}
