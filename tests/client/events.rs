//! Events and states that cannot hold the connection up.

use std::time::Duration;

use signalr::{HubConnectionState, HubServer};

use crate::support::{Desk, Log, PROTOCOLS, Stage, of_hub, settle};

#[tokio::test(start_paused = true)]
async fn a_panicking_event_handler_costs_nothing_else() {
    let (mut stage, builder) = Stage::new();
    let log = Log::default();
    let noted = log.clone();
    let builder = builder
        .on_closed(|_| async { panic!("on purpose") })
        .on_closed(|_| -> std::future::Ready<()> { panic!("before its future") })
        .on_closed(move |_| {
            let log = noted.clone();
            async move { log.note("closed") }
        });
    let (connection, actor) = Stage::connected(builder, &mut stage).await;
    drop(actor);
    settle().await;
    assert_eq!(log.all(), ["closed"]);
    assert_eq!(connection.state(), HubConnectionState::Disconnected);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_never_looks_holds_nothing_up() {
    for protocol in PROTOCOLS {
        let server = HubServer::new(Desk::default());
        let connection = of_hub(&server, protocol).build().expect("valid");
        let states = connection.states();
        let borrowed = connection.states();
        for _ in 0..10 {
            connection.start().await.expect("started");
            connection.stop().await;
        }
        assert_eq!(*states.borrow(), HubConnectionState::Disconnected);
        drop(borrowed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_of_the_server_ends_the_connection() {
    for protocol in PROTOCOLS {
        let server = HubServer::new(Desk::default());
        let connection = of_hub(&server, protocol)
            .connect()
            .await
            .expect("connected");
        let mut states = connection.states();
        server.shutdown(Duration::from_secs(1)).await;
        let ended = states
            .wait_for(|state| *state == HubConnectionState::Disconnected)
            .await;
        ended.expect("the connection has a handle");
    }
}
