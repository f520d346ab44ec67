//! The client, against a server that is not ours: one in Python, whose hub is `tests/interop/python/aiosignalr_server.py`.
//!
//! Takes a way (`sockets`, `bare` for sockets without negotiation, `events` or `polls`; or `faults`), an encoding, and the command that
//! starts the server, with `--mended` where the server cannot be used as it is. Fails if any check does.

mod calls;
mod ends;
mod faults;
mod peer;
mod streams;

use std::{ffi::OsString, time::Duration};

use signalr::{HttpTransportType, HubConnection, HubConnectionBuilder, HubProtocol, RetryContext};

use crate::peer::Peer;

const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy)]
pub struct Way {
    transport: HttpTransportType,
    is_negotiated: bool,
    protocol: HubProtocol,
}

impl Way {
    /// A connection that does not give up.
    pub fn builder(self, url: &str) -> HubConnectionBuilder {
        HubConnection::builder(url)
            .transports([self.transport])
            .skip_negotiation(!self.is_negotiated)
            .protocol(self.protocol)
            .automatic_reconnect_with(|_: &RetryContext<'_>| Some(Duration::from_millis(10)))
    }

    pub fn is_json(self) -> bool {
        self.protocol == HubProtocol::Json
    }

    pub fn polls(self) -> bool {
        self.transport == HttpTransportType::LongPolling
    }
}

async fn run(way: &str, protocol: HubProtocol, command: Vec<OsString>) {
    let mut peer = Peer::start(command).await;
    let transport = match way {
        "events" => HttpTransportType::ServerSentEvents,
        "polls" => HttpTransportType::LongPolling,
        "sockets" | "bare" => HttpTransportType::WebSockets,
        "faults" => return faults::check(&peer).await,
        other => panic!("no way is called {other}"),
    };
    let way = Way {
        transport,
        is_negotiated: way != "bare",
        protocol,
    };
    let connection = way.builder(&peer.url).connect().await.expect("started");
    calls::check(way, &connection).await;
    streams::check(&connection).await;
    calls::check_from_the_server(way, &connection, &peer.url).await;
    drop(connection);
    ends::check(way, &mut peer).await;
    if transport == HttpTransportType::WebSockets && way.is_negotiated {
        ends::check_stateful(way, &peer).await;
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let mut next = || {
        let argument = arguments.next().expect("WAY ENCODING COMMAND...");
        argument.into_string().expect("text")
    };
    let way = next();
    let protocol = match &*next() {
        "json" => HubProtocol::Json,
        "messagepack" => HubProtocol::MessagePack,
        other => panic!("no encoding is called {other}"),
    };
    let running = run(&way, protocol, arguments.collect());
    let done = tokio::time::timeout(PATIENCE, running).await;
    done.expect("it ends in time");
}
