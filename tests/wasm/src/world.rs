//! What every case has: a server, an encoding, and the page around it.

use std::error::Error;

use signalr::{HubConnection, HubConnectionBuilder, HubProtocol};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    /// Does something to the server or to the network.
    #[wasm_bindgen(catch)]
    pub async fn outside(deed: &str) -> Result<JsValue, JsValue>;
}

pub struct World {
    base: String,
    protocol: HubProtocol,
    skips: bool,
}

/// A started connection, and what its handler has heard.
pub struct Client {
    pub connection: HubConnection,
    pub heard: UnboundedReceiver<String>,
}

impl Client {
    pub async fn heard(&mut self) -> String {
        self.heard.recv().await.expect("the handler lives")
    }
}

impl World {
    pub fn new(base: String, encoding: &str, way: &str) -> Self {
        let protocol = match encoding {
            "json" => HubProtocol::Json,
            _ => HubProtocol::MessagePack,
        };
        Self {
            base,
            protocol,
            skips: way == "skipped",
        }
    }

    /// A builder for one of the server's hubs.
    pub fn builder(&self, hub: &str) -> HubConnectionBuilder {
        HubConnection::builder(format!("{}/{hub}", self.base))
            .protocol(self.protocol)
            .skip_negotiation(self.skips)
    }

    pub async fn start(&self, hub: &str) -> Result<Client, signalr::Error> {
        connect(self.builder(hub)).await
    }
}

/// Starts a connection; the welcome of the hub has been heard.
pub async fn connect(builder: HubConnectionBuilder) -> Result<Client, signalr::Error> {
    let (sender, heard) = unbounded_channel();
    let on_heard = move |_: String, text: String| {
        let _ = sender.send(text);
        async {}
    };
    let connection = builder.on("heard", on_heard).connect().await?;
    let mut client = Client { connection, heard };
    assert_eq!(client.heard().await, "welcome");
    Ok(client)
}

/// An error with all of its causes.
pub fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
