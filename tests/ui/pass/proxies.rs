//! What a hub's proxy makes of every kind of method.

use std::{borrow::Cow, collections::HashMap, path::Path};

use futures_util::{Stream, stream, stream::BoxStream};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use signalr::{
    CancellationToken, Context, Error, HubConnection, HubError, Invoked, ItemStream, Receiver,
    Sent, hub,
};

#[derive(Clone, Serialize, Deserialize)]
pub struct Point {
    x: i32,
}

/// Types of a hub that no client in Rust uses burden nobody.
#[derive(Deserialize)]
pub struct OnlyRead;
#[derive(Serialize)]
pub struct OnlyWritten;
#[derive(Serialize)]
pub struct Borrowing<'a>(&'a str);

type AnswerResult<T> = std::io::Result<T>;

pub struct Desk;

#[hub(rename_all = "PascalCase")]
impl Desk {
    pub fn nothing(&self) {}
    pub async fn values(&self, cx: &Context<Self>, a: &str, b: &[Point], c: Option<&str>, d: HashMap<String, Point>) -> usize {
        cx.connection_id().len() + a.len() + b.len() + c.map_or(0, str::len) + d.len()
    }
    pub async fn fallible(&self, _token: CancellationToken, r#type: u8) -> Result<Vec<Point>, HubError> {
        Err(HubError::new(r#type))
    }
    pub fn named_elsewhere(&self) -> AnswerResult<Point> {
        Ok(Point { x: 1 })
    }
    #[hub(name = "named")]
    pub fn called_otherwise<'a>(&'a self, text: &'a str, _unused: Cow<'a, str>) -> (&'a str, Option<&'a str>) {
        (text, None)
    }
    pub fn path(&self) -> &Path {
        Path::new("/")
    }
    pub fn untold(&self) -> impl Serialize + use<> {
        1
    }
    pub fn counts(&self, to: u32) -> impl Stream<Item = u32> + use<> {
        stream::iter(0..to)
    }
    pub async fn lends<'a>(&'a self, texts: &'a [String]) -> Result<BoxStream<'a, Result<&'a str, HubError>>, HubError> {
        Ok(Box::pin(stream::iter(texts.iter().map(|text| Ok(&**text)))))
    }
    pub fn received(&self, all: Receiver<Point>) -> Receiver<Point> {
        all
    }
    pub async fn uploads(&self, first: Receiver<Point>, text: &str, last: tokio::sync::mpsc::Receiver<String>) -> usize {
        drop((first, last));
        text.len()
    }
    pub fn only_read(&self, _only: OnlyRead, _all: Receiver<OnlyRead>) {}
    pub fn only_written(&self) -> OnlyWritten {
        OnlyWritten
    }
    pub fn only_written_items(&self) -> impl Stream<Item = OnlyWritten> + use<> {
        stream::empty()
    }
    pub fn borrowing(&self) -> Vec<Borrowing<'_>> {
        vec![Borrowing("")]
    }
    #[cfg(any())]
    pub fn absent(&self, argument: NoSuchType) -> NoSuchType {
        argument
    }
    #[deprecated = "no use"]
    pub fn old(&self) {}
}

/// Its methods go before the ways to make a proxy.
pub struct Taken;

#[hub(proxy = pub(crate) Otherwise)]
impl Taken {
    pub fn new(&self) -> u8 {
        1
    }
    pub fn sending(&self) -> u8 {
        2
    }
    pub fn clone(&self) -> u8 {
        3
    }
}

pub trait Repo: Send + Sync + 'static {
    type Id: Serialize + DeserializeOwned + Send + Sync;
    type Row: Serialize + DeserializeOwned + Send + 'static;

    fn find(&self, id: &Self::Id) -> Option<Self::Row>;
}

pub struct Table<R, const N: usize>(R);

#[hub]
impl<R: Repo, const N: usize> Table<R, N>
where
    R::Row: Sync,
{
    pub async fn find(&self, id: &R::Id) -> Option<R::Row> {
        self.0.find(id)
    }
    pub async fn find_all(&self, ids: Receiver<R::Id>) -> impl Stream<Item = R::Row> + use<R, N> {
        drop(ids);
        stream::empty()
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Counter(u8);

#[hub]
impl Counter {
    pub fn larger<'a>(&'a self, other: &'a Self) -> &'a Self {
        if self.0 < other.0 { other } else { self }
    }
    pub fn all(&self, others: Vec<Self>) -> Option<Self> {
        others.first().cloned()
    }
}

mod inner {
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Hidden;

    struct Private;

    #[signalr::hub]
    impl Private {
        pub fn hide(&self, hidden: Hidden) -> Hidden {
            hidden
        }
    }

    pub async fn hide(connection: &signalr::HubConnection) -> Result<(), signalr::Error> {
        let _ = Private;
        PrivateProxy::new(connection).hide(Hidden).await.map(drop)
    }
}

fn is_send<T: Send>(value: T) -> T {
    value
}

struct Rows;

impl Repo for Rows {
    type Id = u8;
    type Row = String;

    fn find(&self, _: &u8) -> Option<String> {
        None
    }
}

async fn calls(connection: &HubConnection) -> Result<(), Error> {
    let desk: DeskProxy = DeskProxy::new(connection);
    is_send(desk.nothing()).await?;
    let points = vec![Point { x: 1 }];
    let _: usize = is_send(desk.values("a", &points, Some("c"), HashMap::new())).await?;
    let _: Vec<Point> = desk.fallible(1).await?;
    let _: Point = desk.named_elsewhere().await?;
    let _: (String, Option<String>) = desk.called_otherwise(&String::new(), "".into()).await?;
    let _: std::path::PathBuf = desk.path().await?;
    let _: u8 = desk.untold().await?;
    let _: ItemStream<u32> = is_send(desk.counts(3)).await?;
    let _: ItemStream<String> = desk.lends(&["a".to_owned()]).await?;
    let _: ItemStream<Point> = desk.received(stream::iter(points.clone())).await?;
    let uploads = desk.uploads(stream::iter(points), "text", stream::pending());
    let _: usize = is_send(uploads).await?;
    #[expect(deprecated)]
    desk.old().await?;

    let sending: DeskProxy<Sent> = desk.sending();
    let () = is_send(sending.values("a", &[], None, HashMap::new())).await?;
    let () = sending.uploads(stream::empty(), "text", stream::empty()).await?;
    let _: DeskProxy<Invoked> = connection.into();

    let taken: Otherwise = connection.into();
    let _: u8 = taken.new().await? + taken.sending().await? + taken.clone().await?;

    let table = TableProxy::<Rows, 3>::new(connection).clone();
    let _: Option<String> = is_send(table.find(&1)).await?;
    let _: ItemStream<String> = table.find_all(stream::iter([1])).await?;
    let () = table.sending().find(&1).await?;

    let counter = CounterProxy::new(connection);
    let one = counter.larger(&Counter(1)).await?;
    let _: Option<Counter> = counter.all(vec![one]).await?;
    inner::hide(connection).await
}

async fn spawned(connection: HubConnection) {
    let desk = DeskProxy::new(&connection);
    tokio::spawn(async move { desk.values("a", &[Point { x: 1 }], None, HashMap::new()).await });
}

fn main() {
    let _ = (calls, spawned, Desk, Taken, Table::<_, 1>(Rows));
}
