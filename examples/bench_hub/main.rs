//! A hub to measure: every way to call, send and stream, with default options but for the receive limit.
//!
//! Run it with `cargo run --release --example bench_hub`; an address and a number of worker threads may follow, as in
//! `-- 127.0.0.1:5000 1`. Without the latter there is one for each core.

use futures_util::{Stream, stream};
use signalr::{Context, HubError, HubServer, Receiver, Server, hub, receiver};

#[receiver]
trait BenchClient {
    async fn receive(&self, text: &str);
}

struct BenchHub;

#[hub(client = BenchClient)]
impl BenchHub {
    pub fn echo(&self, text: String) -> String {
        text
    }

    pub fn send_nothing(&self, _text: &str) {}

    pub async fn broadcast(&self, cx: &Context<Self>, text: &str) -> Result<(), HubError> {
        Ok(cx.clients().all().receive(text).await?)
    }

    pub async fn join_group(&self, cx: &Context<Self>, group: &str) -> Result<(), HubError> {
        Ok(cx.join(group).await?)
    }

    pub async fn send_group(
        &self,
        cx: &Context<Self>,
        group: &str,
        text: &str,
    ) -> Result<(), HubError> {
        Ok(cx.clients().group(group).receive(text).await?)
    }

    pub fn counter(&self, count: u32) -> impl Stream<Item = u32> {
        stream::iter(0..count)
    }

    pub async fn upload(&self, mut items: Receiver<String>) -> Result<u32, HubError> {
        let mut count = 0;
        while let Some(item) = items.recv().await {
            item?;
            count += 1;
        }
        Ok(count)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments
        .next()
        .unwrap_or_else(|| "127.0.0.1:5000".to_owned());
    // One thread is a runtime of its own kind, which takes turns in order however many connections are ready: see `DESIGN.md`.
    let mut runtime = match arguments.next().as_deref() {
        Some("1") => tokio::runtime::Builder::new_current_thread(),
        threads => {
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            if let Some(threads) = threads {
                runtime.worker_threads(threads.parse()?);
            }
            runtime
        }
    };
    let hub = HubServer::builder(BenchHub)
        .max_receive_size(1024 * 1024)
        .build()?;
    runtime.enable_all().build()?.block_on(async {
        let server = Server::new().mount(hub.at("/hub")).bind(address).await?;
        println!("Hub at http://{}/hub", server.local_addr()?);
        server.run().await;
        Ok(())
    })
}
