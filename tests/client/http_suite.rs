//! The same scenario over every transport, in every encoding that it carries, with our own server.

use std::{net::SocketAddr, time::Duration};

use futures_util::{StreamExt, stream};
use signalr::{
    HttpTransportType, HubConnection, HubConnectionState, HubProtocol, HubServer, RetryContext,
    Server, upload,
};

use crate::{
    stand::{in_time, until},
    support::{Desk, Log},
};

const WAYS: [(HttpTransportType, HubProtocol); 5] = [
    (HttpTransportType::WebSockets, HubProtocol::Json),
    (HttpTransportType::WebSockets, HubProtocol::MessagePack),
    (HttpTransportType::ServerSentEvents, HubProtocol::Json),
    (HttpTransportType::LongPolling, HubProtocol::Json),
    (HttpTransportType::LongPolling, HubProtocol::MessagePack),
];

/// Serves a desk and gives its URL.
pub async fn serve(server: &HubServer<Desk>) -> String {
    let bound = Server::new().mount(server.at("/desk")).bind("127.0.0.1:0");
    let bound = bound.await.expect("a free port");
    let addr = bound.local_addr().expect("bound");
    tokio::spawn(bound.run());
    format!("http://{addr}/desk?key=value")
}

struct Way {
    desk: Desk,
    server: HubServer<Desk>,
    connection: HubConnection,
    transport: HttpTransportType,
}

async fn everywhere<F: Future<Output = ()>>(scenario: impl Fn(Way) -> F) {
    for (transport, protocol) in WAYS {
        let desk = Desk::default();
        let server = HubServer::builder(desk.clone()).max_receive_size(1024 * 1024);
        let server = server.build().expect("valid");
        let connection = HubConnection::builder(serve(&server).await)
            .transports([transport])
            .protocol(protocol)
            .build()
            .expect("valid");
        in_time(connection.start()).await.expect("started");
        let way = Way {
            desk,
            server,
            connection,
            transport,
        };
        in_time(scenario(way)).await;
    }
}

#[tokio::test]
async fn calls_and_their_answers() {
    everywhere(|way| async move {
        let connection = &way.connection;
        for number in 0..20 {
            let sum: i32 = connection.invoke("add", (number, 1)).await.expect("a sum");
            assert_eq!(sum, number + 1);
        }
        let failed = connection.invoke::<()>("fail", ("no luck",)).await;
        assert!(failed.expect_err("it fails").remote_message().is_some());
        let (transport, id): (String, String) =
            connection.invoke("whereabouts", ()).await.expect("known");
        assert_eq!(transport, way.transport.name());
        assert_eq!(connection.connection_id().expect("negotiated"), *id);
        for number in 0..50 {
            connection
                .send("note", (number.to_string(),))
                .await
                .expect("sent");
        }
        connection
            .invoke::<()>("note", ("end",))
            .await
            .expect("noted");
        let mut numbers: Vec<_> = (0..50).map(|number| number.to_string()).collect();
        numbers.push("end".to_owned());
        assert_eq!(way.desk.log.all(), numbers);
    })
    .await;
}

#[tokio::test]
async fn forty_kilobytes_each_way() {
    everywhere(|way| async move {
        let text = "0123456789abcdé\n".repeat(2_500);
        for _ in 0..3 {
            let echo: String = way
                .connection
                .invoke("echo", (&text,))
                .await
                .expect("an echo");
            assert!(echo == text, "{}", way.transport);
        }
    })
    .await;
}

#[tokio::test]
async fn streams_and_their_cancelling() {
    everywhere(|way| async move {
        let counter = way.connection.stream::<u32>("counter", (500,)).await;
        let numbers: Vec<u32> = counter
            .expect("a stream")
            .map(|number| number.expect("a number"))
            .collect()
            .await;
        assert_eq!(numbers, (0..500).collect::<Vec<_>>());
        let mut endless = way
            .connection
            .stream::<u32>("endless", ())
            .await
            .expect("a stream");
        for number in 0..10 {
            assert_eq!(
                endless.next().await.expect("more").expect("a number"),
                number
            );
        }
        drop(endless);
        let log = way.desk.log.clone();
        until(|| log.all().contains(&"endless dropped".to_owned())).await;
        let toil = way.connection.invoke::<()>("toil", ());
        let given_up = tokio::time::timeout(Duration::from_millis(50), toil).await;
        given_up.expect_err("it never ends");
        until(|| log.all().contains(&"toil dropped".to_owned())).await;
    })
    .await;
}

#[tokio::test]
async fn uploads_and_streams_of_both_sides() {
    everywhere(|way| async move {
        let numbers = stream::iter(0..5_u32);
        let texts = stream::iter(["a", "b"]);
        let joined: String = way
            .connection
            .invoke("join", ("<", upload(numbers), upload(texts), ">"))
            .await
            .expect("joined");
        assert_eq!(joined, "<01234ab>");
        let doubled = way
            .connection
            .stream::<u32>("doubled", (upload(stream::iter(0..300_u32)),))
            .await;
        let doubled: Vec<u32> = doubled
            .expect("a stream")
            .map(|number| number.expect("a number"))
            .collect()
            .await;
        assert_eq!(
            doubled,
            (0..300).map(|number| number * 2).collect::<Vec<_>>()
        );
    })
    .await;
}

#[tokio::test]
async fn the_server_calls_and_asks() {
    everywhere(|way| async move {
        let connection = &way.connection;
        let shown = Log::default();
        let log = shown.clone();
        connection.on("shown", move |text: String| {
            let log = log.clone();
            async move { log.note(text) }
        });
        let asked = connection.respond("asked", |question: String| async move {
            Ok(format!("{question}? yes"))
        });
        asked.expect("the first");
        let texts: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        connection
            .invoke::<()>("show", (&texts,))
            .await
            .expect("shown");
        until(|| shown.all().len() == 100).await;
        assert_eq!(shown.all(), texts);
        let answer: String = connection.invoke("ask", ("really",)).await.expect("asked");
        assert_eq!(answer, "really? yes");
    })
    .await;
}

#[tokio::test]
async fn a_stopped_connection_is_gone_and_starts_again() {
    everywhere(|way| async move {
        let connection = &way.connection;
        let first = connection.connection_id().expect("negotiated");
        connection.stop().await;
        assert_eq!(connection.state(), HubConnectionState::Disconnected);
        // The server learns it at once, not by a time-out.
        until(|| way.server.connection_count() == 0).await;
        connection.start().await.expect("started again");
        let sum: i32 = connection.invoke("add", (1, 2)).await.expect("a sum");
        assert_eq!(sum, 3);
        assert_ne!(connection.connection_id().expect("negotiated"), first);
        // The server ends it.
        let mut states = connection.states();
        connection.send("leave", ()).await.expect("sent");
        let ended = states.wait_for(|state| *state == HubConnectionState::Disconnected);
        ended.await.expect("told");
        connection.start().await.expect("started again");
        let sum: i32 = connection.invoke("add", (1, 2)).await.expect("a sum");
        assert_eq!(sum, 3);
        connection.stop().await;
        until(|| way.server.connection_count() == 0).await;
    })
    .await;
}

#[tokio::test]
async fn a_restarted_server_is_found_again() {
    for (transport, protocol) in WAYS {
        let reconnected = Log::default();
        let log = reconnected.clone();
        let (mut addr, mut connection) = ("127.0.0.1:0".parse().expect("an address"), None);
        for round in 0..3 {
            let server = HubServer::new(Desk::default());
            let (bound, shut_down) = restart(&server, addr).await;
            addr = bound;
            let connection = match &connection {
                Some(connection) => connection,
                None => connection.insert(
                    HubConnection::builder(format!("http://{addr}/desk"))
                        .transports([transport])
                        .protocol(protocol)
                        .automatic_reconnect_with(|_: &RetryContext<'_>| {
                            Some(Duration::from_millis(5))
                        })
                        .on_reconnected({
                            let log = log.clone();
                            move |id| {
                                log.note(id.expect("negotiated").to_string());
                                std::future::ready(())
                            }
                        })
                        .connect()
                        .await
                        .expect("connected"),
                ),
            };
            until(|| reconnected.all().len() == round).await;
            let (_, id): (Option<String>, String) =
                connection.invoke("whereabouts", ()).await.expect("known");
            assert_eq!(connection.connection_id().expect("negotiated"), *id);
            if round > 0 {
                assert_eq!(reconnected.all()[round - 1], id);
            }
            in_time(shut_down).await;
        }
    }
}

/// Serves at the same port as the server that was shut down, until it is told.
async fn restart(
    server: &HubServer<Desk>,
    addr: SocketAddr,
) -> (SocketAddr, impl Future<Output = ()>) {
    let bound = Server::new().mount(server.at("/desk")).bind(addr).await;
    let bound = bound.expect("a free port");
    let addr = bound.local_addr().expect("bound");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let told = async { stopped.await.unwrap_or_default() };
    let serving = tokio::spawn(bound.run_until(told, Duration::from_secs(5)));
    let shut_down = async move {
        drop(stop);
        serving.await.expect("no panic");
    };
    (addr, shut_down)
}
