//! Three figures, over real sockets: memory of an idle connection, order of sends, completeness of broadcasts.
//!
//! `cargo run --release -p signalr-tests --example figures`. The clients are this program once more in a process of its own, so that
//! the memory that is measured is the server's alone. Fails if a message is lost, doubled or out of order.

mod clients;
#[path = "../attacks/memory.rs"]
#[expect(dead_code, reason = "the attacks need all of it")]
mod memory;
mod process;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use signalr::{Context, HubError, HubServer, Server, hub};

use memory::Memory;
use process::Clients;

const IDLE: usize = 5_000;
const NUMBERS: u32 = 10_000;
const LISTENERS: usize = 1_000;
const BROADCASTS: u32 = 1_000;

struct Figures;

#[hub]
impl Figures {
    /// Sends numbers to the caller.
    pub async fn count(&self, cx: &Context<Self>, to: u32) -> Result<(), HubError> {
        for number in 0..to {
            cx.clients().caller().send("number", (number,)).await?;
        }
        Ok(())
    }

    pub fn ping(&self) {}
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [figure, addr, count, messages] = &arguments[..] {
        let addr = addr.parse().expect("an address");
        let count = count.parse().expect("a number");
        let messages = messages.parse().expect("a number");
        return clients::run(figure, addr, count, messages).await;
    }
    // The clients' process has the same limit.
    let files = rlimit::increase_nofile_limit(u64::MAX).expect("a limit of this process's own");
    let wanted = IDLE as u64 + 100;
    assert!(
        files >= wanted,
        "{files} open files are allowed (`ulimit -Hn`), {wanted} needed"
    );
    let hub = HubServer::new(Figures);
    let bound = Server::new().mount(hub.at("/hub")).bind("127.0.0.1:0");
    let bound = bound.await.expect("a free port");
    let addr = bound.local_addr().expect("bound");
    tokio::spawn(bound.run());
    // First, in a process that has not served anybody yet: memory that others have left would be used again, and not be counted.
    memory(&hub, addr).await;
    order(addr).await;
    broadcasts(&hub, addr).await;
}

/// Clients for a figure, connected.
async fn start(figure: &str, addr: SocketAddr, count: usize, messages: u32) -> Clients {
    let numbers = [count.to_string(), messages.to_string()];
    let [count, messages] = numbers.each_ref().map(String::as_str);
    Clients::start(&[figure, &addr.to_string(), count, messages]).await
}

async fn memory(hub: &HubServer<Figures>, addr: SocketAddr) {
    let before = Memory::now();
    let mut clients = start("idle", addr, IDLE, 0).await;
    clients.say("done").await;
    assert_eq!(hub.connection_count(), IDLE);
    // What is in use for a moment only, such as the tasks that have served the upgrades, is not what a connection costs.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let each = before.growth().resident / IDLE;
    clients.end().await;
    hub.closed().await;
    println!("memory: {each} bytes resident for each of {IDLE} idle connections");
}

async fn order(addr: SocketAddr) {
    let mut clients = start("order", addr, 1, NUMBERS).await;
    let start = Instant::now();
    clients.say("done").await;
    let took = start.elapsed();
    clients.end().await;
    println!("order: {NUMBERS} sends to one caller came in order, in {took:.1?}");
}

async fn broadcasts(hub: &HubServer<Figures>, addr: SocketAddr) {
    let mut clients = start("broadcasts", addr, LISTENERS, BROADCASTS).await;
    let start = Instant::now();
    let all = hub.context().clients().all();
    for number in 0..BROADCASTS {
        all.send("number", (number,)).await.expect("sent");
    }
    clients.say("done").await;
    let took = start.elapsed();
    clients.end().await;
    println!(
        "broadcasts: each of {LISTENERS} connections heard {BROADCASTS}, none lost, none doubled, in {took:.1?}"
    );
}
