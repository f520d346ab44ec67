//! Every shape of argument and of result that a hub method can have.

use std::{collections::HashMap, pin::Pin};

use futures_util::{
    Stream,
    stream::{self, BoxStream},
};
use serde::{Deserialize, Serialize};
use signalr::{Context, Hub, HubError, Kind, Receiver, hub};

#[derive(Serialize, Deserialize)]
pub struct Point {
    x: i32,
    y: i32,
}

/// A value, though its name ends like that of a `Result`.
#[derive(Serialize)]
pub struct SearchResult {
    hits: u32,
}

type ApiResult<T> = Result<T, HubError>;

pub struct Shapes {
    name: String,
}

#[hub]
impl Shapes {
    pub fn nothing(&self) {}
    pub async fn nothing_later(&self) {}
    pub fn unit(&self) -> () {}
    pub fn context(&self, _cx: &Context<Self>) {}
    pub fn context_by_its_type(&self, _cx: &signalr::Context<Shapes>) {}

    pub fn owned(&self, _text: String, _list: Vec<Point>, _map: HashMap<String, [u8; 4]>) {}
    pub async fn lent(&self, _text: &str, _point: &Point, _list: &[Point], _all: &Vec<u8>) {}
    pub async fn perhaps(&self, _a: Option<String>, _b: Option<&str>, _c: Option<&Point>) {}
    pub async fn perhaps_many(&self, _a: Option<&[u8]>, _b: Option<Vec<Option<u8>>>) {}
    pub fn tuples(&self, mut pair: (u8, String), _unit: ()) {
        pair.0 = 1;
    }
    pub fn with_lifetimes<'a>(&'a self, text: &'a str, _cow: std::borrow::Cow<'a, str>) -> &'a str {
        text
    }
    pub async fn uploads(&self, _a: u8, _lines: Receiver<String>, _b: u8, _c: Receiver<Point>) {}
    pub async fn upload_of_tokio(&self, _lines: tokio::sync::mpsc::Receiver<Point>) {}

    pub fn value(&self) -> Point {
        Point { x: 0, y: 0 }
    }
    pub async fn borrowed(&self) -> &str {
        &self.name
    }
    pub async fn hidden(&self) -> impl Serialize {
        1
    }
    pub fn value_called_result(&self) -> SearchResult {
        SearchResult { hits: 0 }
    }
    pub fn result(&self) -> Result<Point, HubError> {
        Err(HubError::new("no"))
    }
    pub async fn result_of_unit(&self) -> Result<(), std::io::Error> {
        Ok(())
    }
    pub async fn result_of_io(&self) -> std::io::Result<u8> {
        Ok(1)
    }
    pub async fn result_by_name(&self) -> ApiResult<u8> {
        Ok(1)
    }

    pub fn stream(&self, cx: &Context<Self>, count: u8) -> impl Stream<Item = u8> + Send {
        let _ = cx;
        stream::iter(0..count)
    }
    pub fn stream_that_borrows(&self, text: &str) -> impl Stream<Item = String> {
        stream::iter(text.chars()).map_to_string(&self.name)
    }
    pub async fn stream_later(&self) -> impl Stream<Item = Point> + use<> {
        stream::empty()
    }
    pub fn stream_in_place(&self) -> impl Stream<Item = usize> {
        async_stream::stream! {
            for len in 0..self.name.len() {
                yield len;
            }
        }
    }
    pub fn stream_of_results(&self) -> impl Stream<Item = Result<u8, std::io::Error>> {
        stream::empty()
    }
    pub fn result_of_stream(&self) -> Result<impl Stream<Item = u8>, HubError> {
        Ok(stream::empty())
    }
    pub async fn result_of_stream_of_results(
        &self,
    ) -> ApiResult<impl Stream<Item = ApiResult<Point>>> {
        Ok(stream::empty())
    }
    pub fn boxed(&self) -> BoxStream<'static, u8> {
        Box::pin(stream::empty())
    }
    pub fn boxed_that_borrows(&self) -> BoxStream<'_, &str> {
        Box::pin(stream::iter([self.name.as_str()]))
    }
    pub fn boxed_by_hand(&self) -> Pin<Box<dyn Stream<Item = u8> + Send + '_>> {
        Box::pin(stream::empty())
    }
    pub async fn echo(&self, lines: Receiver<String>) -> Receiver<String> {
        lines
    }
    pub fn channel(&self) -> Result<tokio::sync::mpsc::Receiver<u8>, HubError> {
        Ok(tokio::sync::mpsc::channel(1).1)
    }
}

/// A `Result` of which only the name is known.
pub mod bare {
    type Result = std::result::Result<u32, signalr::HubError>;

    pub struct Bare;

    #[signalr::hub]
    impl Bare {
        pub fn count(&self) -> Result {
            Ok(1)
        }
        pub fn counts(&self) -> impl futures_util::Stream<Item = Result> {
            futures_util::stream::empty()
        }
    }
}

trait Named: Stream + Sized {
    fn map_to_string(self, name: &str) -> impl Stream<Item = String>;
}

impl<S: Stream<Item = char>> Named for S {
    fn map_to_string(self, name: &str) -> impl Stream<Item = String> {
        futures_util::StreamExt::map(self, move |c| format!("{c}{name}"))
    }
}

fn method(name: &str) -> &'static signalr::Method<Shapes> {
    let mut methods = Shapes::METHODS.iter();
    methods.find(|method| method.name == name).expect(name)
}

fn main() {
    assert_eq!(Shapes::NAME, "Shapes");
    assert_eq!(method("owned").params, ["text", "list", "map"]);
    assert_eq!(method("uploads").params, ["a", "b"]);
    assert_eq!(method("uploads").uploads, 2);
    assert_eq!(method("context").params.len(), 0);
    assert_eq!(method("valueCalledResult").kind, Kind::Call);
    for name in [
        "stream",
        "streamOfResults",
        "resultOfStream",
        "boxed",
        "boxedByHand",
        "echo",
        "channel",
    ] {
        assert_eq!(method(name).kind, Kind::Stream, "{name}");
    }
}
