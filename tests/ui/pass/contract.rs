//! A trait that hubs implement and clients call, with a method of each kind.

use futures_util::{Stream, stream, stream::BoxStream};
use serde::{Deserialize, Serialize};
use signalr::{
    CancellationToken, Connecting, Context, Error, Hub, HubConnection, HubError, HubServer,
    ItemStream, Receiver, hub, receiver,
};

/// What both sides share.
mod api {
    use super::*;

    #[derive(Clone, Serialize, Deserialize)]
    pub struct Point {
        pub x: i32,
    }

    /// What only one of the sides needs burdens none as long as nobody uses it.
    #[derive(Serialize)]
    pub struct OneWay;

    #[receiver]
    pub trait ChatClient {
        async fn said(&self, text: &str);
    }

    #[hub(rename_all = "PascalCase")]
    pub trait Chat: Send + Sync + 'static {
        fn nothing(&self);
        /// Says something.
        async fn say(&self, cx: &Context<Self>, text: &str, points: &[Point]) -> Result<usize, HubError>;
        #[hub(name = "plain")]
        fn sync(&self, r#type: Option<&Point>) -> u8;
        async fn longest<'a>(&'a self, one: &'a str, other: &'a str) -> &'a str;
        async fn toil(&self, cancelled: CancellationToken, mut text: String) -> String;
        fn count(&self, to: u32) -> impl Stream<Item = u32>;
        async fn tried(&self) -> Result<impl Stream<Item = Result<Point, HubError>> + Send, HubError>;
        fn boxed<'a>(&'a self, texts: &'a [String]) -> BoxStream<'a, &'a str>;
        fn channel(&self) -> tokio::sync::mpsc::Receiver<u8>;
        async fn join(&self, a: Receiver<u32>, text: &str, b: tokio::sync::mpsc::Receiver<Point>) -> usize;
        #[cfg(any())]
        fn absent(&self, argument: NoSuchType);
        #[deprecated = "no use"]
        fn old(&self);
    }

    #[hub]
    trait Unused {
        fn one_way(&self, value: OneWay) -> u8;
    }

    #[hub]
    #[cfg(any())]
    trait Absent {
        fn argument(&self, argument: NoSuchType);
    }
}

use api::{Chat, ChatClient, ChatProxy, Point};

struct App;

#[hub(client = ChatClient)]
impl Chat for App {
    async fn on_connected(&self, cx: &Connecting<Self>) -> Result<String, HubError> {
        Ok(cx.connection_id().to_string())
    }
    async fn on_disconnected(&self, cx: &Context<Self>) {
        println!("{} left", cx.session());
    }

    fn nothing(&self) {}
    async fn say(&self, cx: &Context<Self>, text: &str, points: &[Point]) -> Result<usize, HubError> {
        cx.clients().all().said(text).await?;
        Ok(points.len())
    }
    fn sync(&self, r#type: Option<&Point>) -> u8 {
        u8::from(r#type.is_some())
    }
    async fn longest<'a>(&'a self, one: &'a str, other: &'a str) -> &'a str {
        if one.len() < other.len() { other } else { one }
    }
    async fn toil(&self, cancelled: CancellationToken, mut text: String) -> String {
        cancelled.cancelled().await;
        text.push('.');
        text
    }
    fn count(&self, to: u32) -> impl Stream<Item = u32> {
        stream::iter(0..to)
    }
    async fn tried(&self) -> Result<impl Stream<Item = Result<Point, HubError>> + Send, HubError> {
        Ok(stream::empty())
    }
    fn boxed<'a>(&'a self, texts: &'a [String]) -> BoxStream<'a, &'a str> {
        Box::pin(stream::iter(texts.iter().map(String::as_str)))
    }
    fn channel(&self) -> tokio::sync::mpsc::Receiver<u8> {
        tokio::sync::mpsc::channel(1).1
    }
    async fn join(&self, a: Receiver<u32>, text: &str, b: tokio::sync::mpsc::Receiver<Point>) -> usize {
        drop((a, b));
        text.len()
    }
    fn old(&self) {}
}

/// Another server of the same contract, with parameters.
struct Store<R>(R);

#[hub]
pub trait Find {
    async fn find(&self, cx: &Context<Self>, id: u8) -> Result<String, HubError>;
}

#[hub(session = u8, name = "Finder")]
impl<R> Find for Store<R>
where
    R: Fn(u8) -> String + Send + Sync + 'static,
{
    async fn find(&self, cx: &Context<Self>, id: u8) -> Result<String, HubError> {
        tokio::task::yield_now().await;
        Ok(self.0(id + cx.session()))
    }
}

/// A trait whose only use is its proxy: for a hub that is written in another language.
#[hub(rename_all = "PascalCase")]
trait DotNet {
    async fn echo(&self, text: &str) -> String;
}

fn is_send<T: Send>(value: T) -> T {
    value
}

async fn calls(connection: &HubConnection) -> Result<(), Error> {
    let chat = ChatProxy::new(connection);
    is_send(chat.nothing()).await?;
    let _: usize = is_send(chat.say("text", &[Point { x: 1 }])).await?;
    let _: u8 = chat.sync(None).await?;
    let _: String = chat.longest("a", "b").await?;
    let _: String = chat.toil(String::new()).await?;
    let _: ItemStream<u32> = is_send(chat.count(3)).await?;
    let _: ItemStream<Point> = chat.tried().await?;
    let _: ItemStream<String> = chat.boxed(&[]).await?;
    let _: ItemStream<u8> = chat.channel().await?;
    let _: usize = chat.join(stream::empty(), "text", stream::empty()).await?;
    let () = chat.sending().say("text", &[]).await?;
    let _: String = FindProxy::new(connection).find(1).await?;
    let _: String = DotNetProxy::new(connection).echo("text").await?;
    Ok(())
}

fn main() {
    let names: Vec<_> = App::METHODS.iter().map(|method| method.name).collect();
    assert_eq!(
        names,
        ["Nothing", "Say", "plain", "Longest", "Toil", "Count", "Tried", "Boxed", "Channel", "Join", "Old"]
    );
    assert_eq!(App::NAME, "App");
    assert_eq!(App::METHODS[1].params, ["text", "points"]);
    let _: <App as Hub>::Session = String::new();
    fn of<R>(_: &Store<R>) -> (&'static str, usize)
    where
        Store<R>: Hub,
    {
        (Store::<R>::NAME, Store::<R>::METHODS.len())
    }
    let store = Store(|id| format!("row {id}"));
    assert_eq!(of(&store), ("Finder", 1));
    let _ = (calls, HubServer::new(App), HubServer::new(store));
}
