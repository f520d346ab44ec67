//! Reconnecting by URL.

#[cfg(target_os = "linux")]
use std::net::SocketAddr;
use std::{
    future::ready,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use signalr::{HttpTransportType, HubConnectionBuilder, HubConnectionState};

use crate::{
    http_sockets::{greeting, next},
    stand::{
        EVENTS, POLLS, Pieces, SOCKETS, Seen, Stand, in_time, json, offering, status, streamed,
        until,
    },
    support::Log,
};

/// Offers sockets, of which the first ones are lost at the first message.
async fn losing(losses: usize) -> Stand {
    let sockets = Arc::new(AtomicUsize::new(0));
    Stand::new(move |seen: Seen| {
        ready(match seen.is_negotiation() {
            true => offering(&[SOCKETS]),
            false => {
                let is_lost = sockets.fetch_add(1, Relaxed) < losses;
                greeting(move |mut socket| async move {
                    while next(&mut socket).await.is_some() && !is_lost {}
                })
            }
        })
    })
    .await
}

/// Loses a connection twice, and notes the ids.
async fn lose(builder: HubConnectionBuilder) -> Vec<String> {
    let log = Log::default();
    let noted = log.clone();
    let builder = builder
        .automatic_reconnect_with(vec![Duration::ZERO; 3])
        .on_reconnected(move |id| {
            noted.note(id.map_or_else(|| "none".to_owned(), |id| id.to_string()));
            ready(())
        });
    let connection = in_time(builder.connect()).await.expect("connected");
    for round in 1..=2 {
        connection.send("a", ()).await.expect("sent");
        until(|| log.all().len() == round).await;
        assert_eq!(connection.state(), HubConnectionState::Connected);
    }
    log.all()
}

#[tokio::test]
async fn without_negotiation_there_is_no_id_afterwards_either() {
    let stand = losing(2).await;
    let builder = stand
        .client()
        .transports([HttpTransportType::WebSockets])
        .skip_negotiation(true);
    assert_eq!(lose(builder).await, ["none", "none"]);
    assert_eq!(stand.lines(), ["GET /chat"; 3]);
}

#[tokio::test]
async fn each_attempt_begins_at_the_first_url_and_follows_its_redirect() {
    let hub = losing(2).await;
    let target = hub.url();
    let front = Stand::new(move |_| {
        ready(json(format!(
            r#"{{"url":"{target}","accessToken":"theirs"}}"#
        )))
    })
    .await;
    let builder = front
        .client()
        .access_token(|| ready(Ok(Some("ours".to_owned()))));
    assert_eq!(lose(builder).await, ["ID", "ID"]);
    assert_eq!(
        front.lines(),
        ["POST /chat/negotiate?negotiateVersion=1"; 3]
    );
    let tokens = |stand: &Stand| -> Vec<_> {
        let token = |seen: &Seen| seen.header("authorization").map(str::to_owned);
        stand.seen().iter().map(token).collect()
    };
    assert_eq!(tokens(&front), vec![Some("Bearer ours".to_owned()); 3]);
    assert_eq!(tokens(&hub), vec![Some("Bearer theirs".to_owned()); 6]);
}

#[tokio::test]
async fn a_lost_connection_has_the_same_choice_again() {
    let events = Arc::<Mutex<Option<Pieces>>>::default();
    let kept = Arc::clone(&events);
    let stand = Stand::new(move |seen: Seen| {
        ready(match &seen {
            seen if seen.is_negotiation() => offering(&[SOCKETS, EVENTS, POLLS]),
            seen if seen.is_stream() => {
                let (pieces, act) = streamed("text/event-stream");
                pieces.send(Ok("data: {}\u{1e}\n\n".into())).expect("open");
                *kept.lock().expect("not poisoned") = Some(pieces);
                act
            }
            seen if seen.is_socket() => status(501),
            _ => status(200),
        })
    })
    .await;
    let count = Arc::<AtomicUsize>::default();
    let reconnected = Arc::clone(&count);
    let builder = stand
        .client()
        .header("x-tenant", "blue")
        .transports([
            HttpTransportType::WebSockets,
            HttpTransportType::ServerSentEvents,
        ])
        .automatic_reconnect_with(vec![Duration::ZERO; 3])
        .on_reconnected(move |_| {
            reconnected.fetch_add(1, Relaxed);
            ready(())
        });
    let _connection = in_time(builder.connect()).await.expect("connected");
    for round in 1..=2 {
        // The stream ends.
        *events.lock().expect("not poisoned") = None;
        until(|| count.load(Relaxed) == round).await;
    }
    let seen = stand.seen();
    assert!(
        seen.iter()
            .all(|seen| seen.header("x-tenant") == Some("blue"))
    );
    let opened = seen.iter().filter_map(|seen| match seen {
        seen if seen.is_negotiation() => Some("negotiate"),
        seen if seen.is_socket() => Some("socket"),
        seen if seen.is_stream() => Some("events"),
        // Handshakes and pings.
        _ => None,
    });
    let opened: Vec<_> = opened.collect();
    assert_eq!(
        opened,
        ["negotiate", "socket", "negotiate", "events"].repeat(3)
    );
}

/// How many of the system's sockets belong to a server, or lead to it, and are held open by anybody.
#[cfg(target_os = "linux")]
fn sockets(server: SocketAddr) -> usize {
    let port = format!(":{:04X}", server.port());
    let table = std::fs::read_to_string("/proc/self/net/tcp").expect("the table of sockets");
    let is_open = |line: &&str| {
        let cells: Vec<_> = line.split_whitespace().collect();
        let [_, local, remote, _, _, _, _, _, _, inode, ..] = cells[..] else {
            return false;
        };
        (local.ends_with(&port) || remote.ends_with(&port)) && inode != "0"
    };
    table.lines().filter(is_open).count()
}

/// No task and no socket stays behind.
#[tokio::test]
async fn a_thousand_losses_leave_nothing_behind() {
    const LOSSES: usize = 1_000;
    let stand = losing(LOSSES).await;
    let reconnected = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&reconnected);
    let builder = stand
        .client()
        .automatic_reconnect_with(|_: &signalr::RetryContext<'_>| Some(Duration::ZERO))
        .on_reconnected(move |_| {
            count.fetch_add(1, Relaxed);
            ready(())
        });
    let connection = in_time(builder.connect()).await.expect("connected");
    let tasks = || {
        let handle = tokio::runtime::Handle::current();
        handle.metrics().num_alive_tasks()
    };
    #[cfg(not(target_os = "linux"))]
    let sockets = |_| 0;
    let (mut first, mut first_sockets) = (0, 0);
    for round in 1..=LOSSES {
        connection.send("a", ()).await.expect("sent");
        until(|| reconnected.load(Relaxed) == round).await;
        if round == 1 {
            (first, first_sockets) = (tasks(), sockets(stand.addr));
        }
    }
    // The last sockets and their tasks may just be ending.
    until(|| tasks() <= first && sockets(stand.addr) <= first_sockets).await;
    assert_eq!(stand.seen().len(), 2 * (LOSSES + 1));
}
