//! A hub with a method for each thing that a transport may get wrong.

use std::{sync::Arc, time::Duration};

use futures_util::Stream;
use serde_json::{json, value::RawValue};
use signalr::{Connecting, Context, Error, HubError, HubServer, Receiver, hub};
use tokio::sync::Semaphore;

use super::Log;

#[derive(Clone)]
pub struct Room {
    /// What has happened: `connected`, `gone` with a reason, and what was recorded.
    pub log: Log,
    /// Opens what waits for it.
    pub gate: Arc<Semaphore>,
    /// Whether `on_disconnected` waits for the gate.
    pub lingers: bool,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            log: Log::default(),
            gate: Arc::new(Semaphore::new(0)),
            lingers: false,
        }
    }
}

impl Room {
    /// A server with the default options, and what happens there.
    pub fn serve() -> (HubServer<Self>, Log) {
        let room = Self::default();
        let log = room.log.clone();
        (HubServer::new(room), log)
    }
}

#[hub]
impl Room {
    async fn on_connected(&self, _: &Connecting<Self>) -> Result<(), HubError> {
        self.log.note("connected");
        Ok(())
    }

    async fn on_disconnected(&self, _: &Context<Self>, reason: Option<&Error>) {
        let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        self.log.note(format!("gone{reason}"));
        if self.lingers {
            self.wait().await;
        }
    }

    pub fn echo(&self, text: String) -> String {
        text
    }

    pub fn record(&self, text: String) {
        self.log.note(text);
    }

    pub async fn wait(&self) {
        self.gate.acquire().await.expect("the gate stays").forget();
    }

    pub fn large(&self, size: usize) -> String {
        "x".repeat(size)
    }

    /// JSON with line ends of every kind.
    pub fn lines(&self) -> Box<RawValue> {
        RawValue::from_string("[1,\n2,\r\n3,\r4]".to_owned()).expect("valid")
    }

    pub async fn tell_all(
        &self,
        cx: &Context<Self>,
        size: usize,
        times: u32,
    ) -> Result<u32, HubError> {
        let text = "x".repeat(size);
        for number in 0..times {
            cx.clients().all().send("news", (number, &text)).await?;
            self.log.note("told");
        }
        Ok(times)
    }

    pub fn count(&self, to: u32) -> impl Stream<Item = u32> + use<> {
        futures_util::stream::iter(0..to)
    }

    pub async fn sum(&self, mut numbers: Receiver<u32>) -> Result<u32, HubError> {
        let mut sum = 0;
        while let Some(number) = numbers.recv().await {
            sum += number?;
        }
        Ok(sum)
    }

    pub async fn ask(&self, cx: &Context<Self>) -> Result<u32, HubError> {
        Ok(cx.clients().caller().invoke("answer", ()).await?)
    }

    pub async fn later(&self, cx: &Context<Self>, millis: u64) -> Result<(), HubError> {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        Ok(cx.clients().caller().send("later", ()).await?)
    }

    pub fn close_me(&self, cx: &Context<Self>, reason: Option<&str>) {
        cx.close(reason, false);
    }

    /// What the hub knows of its connection's request.
    pub fn request(&self, cx: &Context<Self>) -> serde_json::Value {
        let request = cx.request();
        json!({
            "transport": cx.transport().map(|transport| transport.name()),
            "version": format!("{:?}", request.version),
            "method": request.method.as_str(),
            "header": request.headers.get("x-test").map(|value| value.to_str().expect("a text")),
            "query": cx.query("TENANT"),
            "cookie": cx.cookie("b"),
            "peer": cx.peer_addr(),
            "local": cx.local_addr(),
        })
    }
}
