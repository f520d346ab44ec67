//! The two servers, each on one thread.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use signalr::{Context, HubError, HubServer, hub};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, tcp::OwnedWriteHalf},
};

use crate::client::MESSAGE;

struct Bench;

#[hub]
impl Bench {
    pub async fn broadcast(&self, cx: &Context<Self>, text: &str) -> Result<(), HubError> {
        Ok(cx.clients().all().send("receive", (text,)).await?)
    }

    pub fn text(&self, length: usize) -> String {
        "x".repeat(length)
    }
}

pub(crate) fn hub() {
    run(async {
        // The clients do nothing but read: they never ping.
        let hub = HubServer::builder(Bench)
            .client_timeout(Duration::from_secs(3_600))
            .build();
        let hub = hub.expect("valid options");
        let server = signalr::Server::new().mount(hub.at("/hub"));
        let bound = server.bind("127.0.0.1:0").await.expect("a free port");
        println!("{}", bound.local_addr().expect("bound"));
        bound.run().await;
    });
}

/// Whatever comes in, everybody gets the bytes that a hub would send: no HTTP, no protocol, no queue.
pub(crate) fn bare() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        println!("{}", listener.local_addr().expect("bound"));
        let all: Arc<Mutex<Vec<OwnedWriteHalf>>> = Arc::default();
        loop {
            let (socket, _) = listener.accept().await.expect("a client");
            socket.set_nodelay(true).expect("a socket");
            let (mut reader, writer) = socket.into_split();
            all.lock().expect("one thread").push(writer);
            let all = Arc::clone(&all);
            tokio::spawn(async move {
                let mut byte = [0];
                while reader.read_exact(&mut byte).await.is_ok() {
                    let mut writers = std::mem::take(&mut *all.lock().expect("one thread"));
                    for writer in &mut writers {
                        writer.write_all(MESSAGE).await.expect("it reads");
                    }
                    all.lock().expect("one thread").append(&mut writers);
                }
            });
        }
    });
}

fn run(server: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(server);
}
