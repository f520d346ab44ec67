//! The ends of connections, and what comes behind them.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use signalr::{HubConnection, HubConnectionState};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

use crate::{
    Way,
    peer::{Peer, until},
};

pub async fn check(way: Way, peer: &mut Peer) {
    let reconnected = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&reconnected);
    let connection = way
        .builder(&peer.url)
        .on_reconnected(move |_| {
            count.fetch_add(1, Relaxed);
            std::future::ready(())
        })
        .connect()
        .await
        .expect("started");
    let first = whereabouts(way, &connection).await;
    let mut times = 0;
    connection.send("leave", ()).await.expect("sent");
    // Over polls the server says nothing of the end, and goes on as before.
    if !way.polls() {
        times += 1;
    }
    until(async || reconnected.load(Relaxed) == times).await;
    let second = whereabouts(way, &connection).await;
    assert_eq!(first == second, way.polls());

    let waiting = connection.clone();
    let waiting = tokio::spawn(async move { waiting.invoke::<()>("toil", ()).await });
    tokio::task::yield_now().await;
    let mut states = connection.states();
    peer.kill().await;
    let lost = waiting.await.expect("no panic");
    lost.expect_err("there is no answer");
    let is_lost = states.wait_for(|state| *state == HubConnectionState::Reconnecting);
    is_lost.await.expect("it is told");
    peer.restart().await;
    until(async || reconnected.load(Relaxed) == times + 1).await;
    assert_ne!(whereabouts(way, &connection).await, second);
    connection.stop().await;
    assert_eq!(connection.state(), HubConnectionState::Disconnected);
    connection.start().await.expect("started again");
    whereabouts(way, &connection).await;
    connection.stop().await;
}

/// The connection's id, which both ends know if it is negotiated.
async fn whereabouts(way: Way, connection: &HubConnection) -> String {
    let id: String = connection
        .invoke("whereabouts", ())
        .await
        .expect("an answer");
    let known = connection.connection_id();
    assert_eq!(known.as_deref(), way.is_negotiated.then_some(&*id));
    id
}

/// A connection that outlives its sockets: it keeps its id, and what the server knows of it.
pub async fn check_stateful(way: Way, peer: &Peer) {
    let wire = Wire::open(peer.addr()).await;
    let connection = way
        .builder(&wire.url)
        .stateful_reconnect()
        .connect()
        .await
        .expect("started");
    let id = whereabouts(way, &connection).await;
    for round in 0..5 {
        for number in 0..20 {
            let note = round * 20 + number;
            connection.send("note", (note,)).await.expect("sent");
        }
        wire.cut();
        let sum: u32 = connection.invoke("add", (round, 1)).await.expect("a sum");
        assert_eq!(sum, round + 1);
    }
    let notes: Vec<u32> = connection.invoke("noted", ()).await.expect("notes");
    assert_eq!(notes, (0..100).collect::<Vec<_>>());
    assert_eq!(whereabouts(way, &connection).await, id);
    connection.stop().await;
}

/// Passes bytes on to the server, until it is cut.
struct Wire {
    url: String,
    sockets: Arc<Mutex<Vec<AbortHandle>>>,
}

impl Wire {
    async fn open(to: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let sockets = Arc::new(Mutex::new(Vec::new()));
        let (to, open) = (to.to_owned(), Arc::clone(&sockets));
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut far = TcpStream::connect(&to).await.expect("a server");
                let copying = tokio::spawn(async move {
                    let _ = copy_bidirectional(&mut near, &mut far).await;
                });
                open.lock()
                    .expect("not poisoned")
                    .push(copying.abort_handle());
            }
        });
        Self {
            url: format!("http://{addr}/desk"),
            sockets,
        }
    }

    fn cut(&self) {
        for socket in self.sockets.lock().expect("not poisoned").drain(..) {
            socket.abort();
        }
    }
}
