//! Every shape that a message to clients can have, sent and handled.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use signalr::{Callbacks, Context, HubError, hub, receiver};

#[derive(Serialize, Deserialize)]
pub struct Point {
    x: i32,
}

type ApiResult<T> = Result<T, HubError>;

#[receiver]
pub trait Shapes {
    async fn nothing(&self);
    async fn unit(&self) -> ();
    async fn owned(&self, text: String, list: Vec<Point>, map: HashMap<String, u8>);
    async fn lent(&self, text: &str, point: &Point, list: &[Point]);
    async fn perhaps(&self, a: Option<&str>, b: Option<&Point>, c: Option<&[u8]>, d: Option<u8>);
    async fn with_lifetime<'a>(&'a self, text: &'a str, row: std::borrow::Cow<'a, str>);

    async fn answer(&self, question: &str) -> bool;
    async fn answer_point(&self) -> Option<Point>;
    async fn answer_or_fail(&self) -> Result<Point, std::io::Error>;
    async fn answer_or_fail_by_name(&self, n: u8) -> ApiResult<u8>;
    async fn done_or_fail(&self) -> Result<(), HubError>;
}

pub struct Ui;

#[receiver]
impl Shapes for Ui {
    async fn nothing(&self) {}
    async fn unit(&self) {}
    async fn owned(&self, _text: String, _list: Vec<Point>, _map: HashMap<String, u8>) {}
    async fn lent(&self, _text: &str, _point: &Point, _list: &[Point]) {}
    async fn perhaps(
        &self,
        _a: Option<&str>,
        _b: Option<&Point>,
        _c: Option<&[u8]>,
        _d: Option<u8>,
    ) {
    }
    async fn with_lifetime<'a>(&'a self, _text: &'a str, _row: std::borrow::Cow<'a, str>) {}

    async fn answer(&self, question: &str) -> bool {
        question.is_empty()
    }
    fn answer_point(&self) -> impl Future<Output = Option<Point>> + Send {
        async { None }
    }
    async fn answer_or_fail(&self) -> Result<Point, std::io::Error> {
        Ok(Point { x: 0 })
    }
    async fn answer_or_fail_by_name(&self, n: u8) -> ApiResult<u8> {
        Ok(n)
    }
    async fn done_or_fail(&self) -> Result<(), HubError> {
        Ok(())
    }
}

pub struct Generic<T>(T);

#[receiver]
impl<T> Shapes for Generic<T>
where
    T: Send + Sync + 'static,
{
    async fn nothing(&self) {}
    async fn unit(&self) {}
    async fn owned(&self, _text: String, _list: Vec<Point>, _map: HashMap<String, u8>) {}
    async fn lent(&self, _text: &str, _point: &Point, _list: &[Point]) {}
    async fn perhaps(
        &self,
        _a: Option<&str>,
        _b: Option<&Point>,
        _c: Option<&[u8]>,
        _d: Option<u8>,
    ) {
    }
    async fn with_lifetime<'a>(&'a self, _text: &'a str, _row: std::borrow::Cow<'a, str>) {}
    async fn answer(&self, _question: &str) -> bool {
        true
    }
    async fn answer_point(&self) -> Option<Point> {
        None
    }
    async fn answer_or_fail(&self) -> Result<Point, std::io::Error> {
        Ok(Point { x: 0 })
    }
    async fn answer_or_fail_by_name(&self, n: u8) -> ApiResult<u8> {
        Ok(n)
    }
    async fn done_or_fail(&self) -> Result<(), HubError> {
        Ok(())
    }
}

pub struct Sender;

#[hub(client = Shapes)]
impl Sender {
    pub async fn send(&self, cx: &Context<Self>) -> Result<(), HubError> {
        let text = String::from("lent for the call, not for the send");
        let all = cx.clients().all();
        all.nothing().await?;
        all.unit().await?;
        all.owned(text.clone(), vec![], HashMap::new()).await?;
        let sending = all.lent(&text, &Point { x: 0 }, &[]);
        drop(text);
        sending.await?;
        all.perhaps(Some("a"), None, Some(&[1]), None).await?;

        let caller = cx.clients().caller();
        let yes: bool = caller.answer("really?").await?;
        let point: Option<Point> = caller.answer_point().await?;
        let sure: Point = caller.answer_or_fail().await?;
        let n: u8 = caller.answer_or_fail_by_name(1).await?;
        let () = caller.done_or_fail().await?;
        drop((yes, point, sure, n));
        caller.nothing().await?;
        Ok(())
    }
}

fn handles<C: Callbacks>(_: &C) {}

fn main() {
    handles(&Ui);
    handles(&Generic(1));
    let _: fn(ShapesProxy) = |proxy| drop(proxy.clone());
}
