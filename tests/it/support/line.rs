//! Byte streams of every kind that a hub is served over.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use signalr::{Hub, HubServer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    task::JoinHandle,
};

use super::Peer;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    Pipe,
    Tcp,
    Unix,
}

impl Line {
    pub const ALL: [Self; 3] = [Self::Pipe, Self::Tcp, Self::Unix];
}

/// Either end of any of them.
pub trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Io for S {}

/// A hub that is served over one kind of stream, in real time.
pub struct Place<H: Hub> {
    pub server: HubServer<H>,
    address: Address,
    /// The listener's task, but for pipes.
    pub listening: Option<JoinHandle<()>>,
}

enum Address {
    Pipe,
    Tcp(SocketAddr),
    Unix(Socket),
}

/// A socket's file, which goes with the test.
struct Socket(PathBuf);

impl Drop for Socket {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}

impl<H: Hub> Place<H> {
    pub async fn new(line: Line, server: &HubServer<H>) -> Self {
        real_time();
        let listener = server.clone();
        let (address, listening) = match line {
            Line::Pipe => (Address::Pipe, None),
            Line::Tcp => {
                let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                let address = Address::Tcp(socket.local_addr().expect("bound"));
                let task = tokio::spawn(async move { listener.serve_tcp(socket).await });
                (address, Some(task))
            }
            Line::Unix => {
                static NUMBER: AtomicU32 = AtomicU32::new(0);
                let number = NUMBER.fetch_add(1, Relaxed);
                let name = format!("signalr-tests-{}-{number}", std::process::id());
                let path = std::env::temp_dir().join(name);
                let socket = UnixListener::bind(&path).expect("a free name");
                let task = tokio::spawn(async move { listener.serve_unix(socket).await });
                (Address::Unix(Socket(path)), Some(task))
            }
        };
        Self {
            server: server.clone(),
            address,
            listening,
        }
    }

    /// Opens a connection without a handshake.
    pub async fn open(&self) -> Peer<Box<dyn Io>> {
        self.try_open().await.expect("it listens")
    }

    pub async fn try_open(&self) -> std::io::Result<Peer<Box<dyn Io>>> {
        let io: Box<dyn Io> = match &self.address {
            Address::Pipe => {
                let (near, far) = tokio::io::duplex(64 * 1024);
                let server = self.server.clone();
                tokio::spawn(async move { server.serve_connection(far).await });
                Box::new(near)
            }
            Address::Tcp(address) => Box::new(TcpStream::connect(address).await?),
            Address::Unix(socket) => Box::new(UnixStream::connect(&socket.0).await?),
        };
        Ok(Peer::over(io))
    }

    /// Opens a connection and shakes hands.
    pub async fn connect(&self) -> Peer<Box<dyn Io>> {
        let mut peer = self.open().await;
        peer.shake_hands().await;
        peer
    }
}

/// Sockets take real time; where it is paused, time-outs would run off while the system is busy.
fn real_time() {
    thread_local! {
        static RESUMED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }
    if !RESUMED.replace(true) {
        tokio::time::resume();
    }
}
