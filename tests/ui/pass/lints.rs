//! An expansion is clean under every lint that one might hold one's own code to.

#![deny(
    warnings,
    future_incompatible,
    nonstandard_style,
    unused,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unnameable_types,
    single_use_lifetimes,
    unused_lifetimes,
    unused_qualifications,
    unused_results,
    elided_lifetimes_in_paths,
    explicit_outlives_requirements,
    let_underscore_drop,
    trivial_casts,
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    clippy::cargo
)]
#![forbid(unsafe_code)]
#![allow(clippy::cargo_common_metadata, clippy::multiple_crate_versions)]

use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use signalr::{Connecting, Context, Error, Hub, HubConnection, HubError, Receiver, dotnet, hub, receiver};

/// A point.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct Point {
    x: i32,
}

/// A point with a label.
#[dotnet]
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Labelled<T> {
    #[deprecated = "use the label"]
    old_name: String,
    /// What it says.
    pub label: Option<T>,
    kind: Kind,
}

/// A kind.
#[dotnet]
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
pub enum Kind {
    /// The first.
    #[default]
    First,
    /// The second.
    #[deprecated = "use the first"]
    Second,
}

/// What only this crate writes.
#[dotnet]
#[derive(Debug, Serialize)]
struct Note<'a> {
    note_text: &'a str,
    at_point: &'a Point,
}

/// What clients receive.
#[receiver(rename_all = "PascalCase")]
pub trait Client {
    /// Somebody spoke.
    async fn message_received(&self, user: &str, text: String, at: &Point, all: &[Point]);
    /// Nothing.
    async fn nothing(&self);
    /// Moves into a room.
    #[deprecated = "stay"]
    async fn into_room(&self, room: Option<&str>);
    /// Asks.
    async fn confirm(&self, prompt: &str, point: Point) -> bool;
    /// Asks for a point.
    async fn point(&self) -> Result<Point, HubError>;
}

/// What only this crate uses.
#[receiver]
trait Inner {
    async fn quiet(&self, text: &str);
    async fn ask(&self) -> u8;
}

/// A client.
#[derive(Debug)]
pub struct Ui;

#[receiver]
impl Client for Ui {
    async fn message_received(&self, _user: &str, _text: String, _at: &Point, _all: &[Point]) {}
    async fn nothing(&self) {}
    async fn into_room(&self, _room: Option<&str>) {}
    async fn confirm(&self, prompt: &str, _point: Point) -> bool {
        prompt.is_empty()
    }
    async fn point(&self) -> Result<Point, HubError> {
        Ok(Point::default())
    }
}

/// A hub.
#[derive(Debug)]
pub struct Chat {
    name: String,
}

#[hub(client = Client)]
impl Chat {
    /// Sends.
    ///
    /// # Errors
    ///
    /// When nobody is there.
    pub async fn send(&self, cx: &Context<Self>, text: &str) -> Result<(), HubError> {
        let point = Point::default();
        let all = cx.clients().all();
        Ok(all
            .message_received(&self.name, text.to_owned(), &point, &[])
            .await?)
    }
    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Nothing to tell.
    #[deprecated = "no use"]
    pub fn nothing(&self, point: &Point) {
        println!("{self:?} {point:?}");
    }
    /// Counts.
    pub fn count(&self, to: u32) -> impl Stream<Item = u32> + use<> {
        drop(self.name.clone());
        stream::iter(0..to)
    }
    /// Takes an upload.
    #[must_use]
    pub fn upload(&self, lines: Receiver<Point>) -> usize {
        drop(lines);
        self.name.len()
    }
    /// A result whose type is named elsewhere.
    #[must_use]
    pub fn own(&self) -> Point {
        Point {
            x: self.name.len().try_into().unwrap_or_default(),
        }
    }

    async fn on_connected(&self, cx: &Connecting<Self>) -> Result<Point, HubError> {
        println!("{} {self:?}", cx.connection_id());
        std::future::ready(()).await;
        Ok(Point::default())
    }
    async fn on_disconnected(&self, cx: &Context<Self>, reason: Option<&Error>) {
        println!("{} {self:?} {reason:?}", cx.connection_id());
        std::future::ready(()).await;
    }
}

/// A hub that nobody outside sees.
#[derive(Debug)]
struct Private;

#[hub(client = Inner, session = Point)]
impl Private {
    pub fn callable(&self) -> u8 {
        self.helper()
    }
    fn helper(&self) -> u8 {
        u8::from(!format!("{self:?}").is_empty())
    }
}

/// What clients call.
#[hub]
pub trait Store {
    /// Puts a point.
    async fn put(&self, cx: &Context<Self>, point: &Point, name: Option<&str>) -> Point;
    /// All points.
    fn all(&self) -> impl Stream<Item = Point>;
    /// Takes points.
    #[deprecated = "no use"]
    fn take(&self, points: Receiver<Point>);
}

/// A store.
#[derive(Debug)]
pub struct Shop;

#[hub]
impl Store for Shop {
    async fn put(&self, _cx: &Context<Self>, point: &Point, _name: Option<&str>) -> Point {
        std::future::ready(point.clone()).await
    }
    fn all(&self) -> impl Stream<Item = Point> {
        stream::empty()
    }
    fn take(&self, points: Receiver<Point>) {
        drop(points);
    }
}

/// What this crate calls elsewhere, and nobody implements here.
#[hub]
trait Foreign {
    async fn put(&self, text: &str) -> u8;
    fn numbers(&self) -> Receiver<u8>;
}

/// Calls.
///
/// # Errors
///
/// When nobody answers.
pub async fn calls(connection: &HubConnection) -> Result<usize, Error> {
    let chat = ChatProxy::new(connection);
    chat.sending().send("text").await?;
    drop(chat.count(1).await?);
    let name = chat.name().await?;
    let point = StoreProxy::new(connection).put(&Point::default(), None).await?;
    println!("{name} {point:?} {:?}", ForeignProxy::new(connection));
    chat.upload(stream::iter([Point::default()])).await
}

fn main() {
    assert_eq!(Chat::METHODS.len(), 6);
    assert_eq!(Shop::METHODS.len(), 3);
    assert_eq!(Private::METHODS.len(), 1);
    assert_eq!(Private.callable(), 1);
    let note = Note {
        note_text: "here",
        at_point: &Point::default(),
    };
    assert!(format!("{note:?}").contains("here"));
    assert!(Labelled::<u8>::default().label.is_none());
}
