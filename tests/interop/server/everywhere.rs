//! `/everywhere`: the hub of `transports.test.mjs`, with every kind of call.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::Stream;
use signalr::{Connecting, Context, Error, HubError, HubServer, Receiver, hub, receiver};

#[receiver]
pub trait Everyone {
    async fn heard(&self, from: &str, text: &str);
    async fn number(&self, n: u32);
    async fn gone(&self, id: &str, reason: Option<&str>);
    async fn confirm(&self, prompt: &str) -> bool;
}

#[derive(Debug, Default)]
pub struct Session {
    record: Mutex<Vec<u32>>,
}

#[derive(Debug, Default)]
pub struct Everywhere {
    dropped: Arc<AtomicU32>,
}

/// Counts the streams that have ended, however they did.
struct Counted(Arc<AtomicU32>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

impl Everywhere {
    pub fn serve() -> Result<HubServer<Self>, Error> {
        HubServer::builder(Self::default())
            .max_receive_size(256 * 1024)
            .build()
    }
}

#[hub(client = Everyone, session = Session)]
impl Everywhere {
    async fn on_connected(&self, cx: &Connecting<Self>) -> Result<Session, HubError> {
        cx.clients().caller().heard("hub", "welcome").await?;
        Ok(Session::default())
    }

    async fn on_disconnected(&self, cx: &Context<Self>, reason: Option<&Error>) {
        let reason = reason.map(ToString::to_string);
        let others = cx.clients().others();
        others
            .gone(cx.connection_id(), reason.as_deref())
            .await
            .ok();
    }

    pub fn echo(&self, text: String) -> String {
        text
    }

    pub fn add(&self, a: i64, b: i64) -> i64 {
        a.wrapping_add(b)
    }

    pub fn fail(&self) -> Result<(), HubError> {
        Err(HubError::new("no tea left"))
    }

    pub fn transport(&self, cx: &Context<Self>) -> Option<&'static str> {
        Some(cx.transport()?.name())
    }

    pub fn cookie(&self, cx: &Context<Self>, name: &str) -> Option<String> {
        cx.cookie(name).map(str::to_owned)
    }

    pub fn query(&self, cx: &Context<Self>, name: &str) -> Option<String> {
        cx.query(name)
    }

    pub fn record(&self, cx: &Context<Self>, n: u32) {
        let mut record = cx.session().record.lock().expect("nothing panics with it");
        record.push(n);
    }

    pub fn recorded(&self, cx: &Context<Self>) -> Vec<u32> {
        let record = cx.session().record.lock().expect("nothing panics with it");
        record.clone()
    }

    pub async fn count_to(&self, cx: &Context<Self>, n: u32) -> Result<u32, HubError> {
        for i in 0..n {
            cx.clients().caller().number(i).await?;
        }
        Ok(n)
    }

    pub async fn tell_all(&self, cx: &Context<Self>, text: &str) -> Result<(), HubError> {
        let all = cx.clients().all();
        Ok(all.heard(cx.connection_id(), text).await?)
    }

    pub async fn ask(&self, cx: &Context<Self>, prompt: &str) -> Result<bool, HubError> {
        Ok(cx.clients().caller().confirm(prompt).await?)
    }

    /// Counts to a number, with a rest before each.
    pub fn counter(&self, to: u32, millis: u64) -> impl Stream<Item = u32> + use<> {
        let counted = Counted(Arc::clone(&self.dropped));
        futures_util::stream::unfold((0, counted), move |(n, counted)| async move {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            (n < to).then_some((n, (n + 1, counted)))
        })
    }

    pub fn dropped(&self) -> u32 {
        self.dropped.load(Relaxed)
    }

    pub async fn sum(&self, mut numbers: Receiver<i64>) -> Result<i64, HubError> {
        let mut sum = 0;
        while let Some(number) = numbers.recv().await {
            sum += number?;
        }
        Ok(sum)
    }

    /// A stream in, a stream out.
    pub fn doubled(
        &self,
        numbers: Receiver<i64>,
    ) -> impl Stream<Item = Result<i64, HubError>> + use<> {
        futures_util::StreamExt::map(numbers, |number| Ok(number? * 2))
    }

    pub fn close_me(&self, cx: &Context<Self>, reason: Option<&str>, allow_reconnect: bool) {
        cx.close(reason, allow_reconnect);
    }
}
