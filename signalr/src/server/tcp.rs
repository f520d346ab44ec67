//! Hubs without HTTP, at listeners of their own.

use std::io;

use http::Extensions;
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};

use super::{HubServer, accept};
use crate::{
    endpoint::{LocalAddr, PeerAddr},
    hub::Hub,
};

impl<H: Hub> HubServer<H> {
    /// Serves clients over raw TCP: the hub protocol in either encoding, without HTTP and without negotiation.
    ///
    /// Each connection has a task of its own; its hub sees both ends' addresses (`cx.peer_addr()`, `cx.local_addr()`). Completes when
    /// the server was told to [shut down](Self::shutdown) and all its connections have ended. Until then it goes on whatever happens:
    /// sockets that break off at once are nothing to it, and when the process is out of file descriptors it waits for some.
    ///
    /// The number of connections has no limit but that of file descriptors; a client that does not shake hands is cut off after
    /// `handshake_timeout`, and one that falls silent after `client_timeout`. Everything on the wire can be read and changed on its
    /// way: for TLS, or for a limit, accept sockets yourself and call [`serve_connection_with`](Self::serve_connection_with).
    ///
    /// # Cancel safety
    /// Dropping the future stops listening; connections that are open go on.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    /// use signalr::{HubServer, hub};
    /// use tokio::net::TcpListener;
    ///
    /// struct Meter;
    ///
    /// #[hub]
    /// impl Meter {
    ///     pub fn read(&self) -> f64 {
    ///         21.5
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let server = HubServer::new(Meter);
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let stop = async {
    ///     // tokio::signal::ctrl_c().await.ok();
    ///     server.shutdown(Duration::from_secs(5)).await;
    /// };
    /// tokio::join!(server.serve_tcp(listener), stop);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn serve_tcp(&self, listener: TcpListener) {
        self.serve_all(listener).await;
    }

    /// Serves clients of the same machine over a Unix socket, as [`serve_tcp`](Self::serve_tcp) does over TCP.
    ///
    /// Who the client is, the system says: the request's extensions hold its [`UCred`](tokio::net::unix::UCred), for the hub and for
    /// [`user_id`](crate::HubServerBuilder::user_id). The file of the socket stays when the server ends; remove it before you bind again.
    ///
    /// # Cancel safety
    /// Dropping the future stops listening; connections that are open go on.
    ///
    /// # Example
    ///
    /// ```no_run
    /// use signalr::{HubServer, hub};
    /// use tokio::net::{UnixListener, unix::UCred};
    ///
    /// struct Agent;
    ///
    /// #[hub]
    /// impl Agent {}
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = HubServer::builder(Agent)
    ///     .user_id(|request| Some(request.extensions.get::<UCred>()?.uid().to_string()))
    ///     .build()?;
    /// server.serve_unix(UnixListener::bind("/run/agent.sock")?).await;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(unix)]
    pub async fn serve_unix(&self, listener: UnixListener) {
        self.serve_all(listener).await;
    }

    /// Accepts until the server shuts down, with a task for each connection, and waits for their ends.
    async fn serve_all(&self, listener: impl Listener) {
        let accept_all = async {
            loop {
                match listener.accept().await {
                    Ok((io, extensions)) => {
                        let server = self.clone();
                        let mut request = http::Request::new(());
                        *request.extensions_mut() = extensions;
                        tokio::spawn(async move {
                            server.serve_connection_with(request, io).await;
                        });
                    }
                    Err(error) => accept::endure(&error).await,
                }
            }
        };
        let stopping = &self.shared.core.front.stopping;
        stopping.run_until_cancelled(accept_all).await;
        drop(listener);
        self.closed().await;
    }
}

/// Where sockets come from.
trait Listener: Send + Sync {
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// A socket, and what is known of its other end.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Io, Extensions)>> + Send;
}

impl Listener for TcpListener {
    type Io = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, Extensions)> {
        let (socket, peer) = self.accept().await?;
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "cannot switch Nagle's algorithm off");
        }
        let mut extensions = Extensions::new();
        extensions.insert(PeerAddr(peer));
        if let Ok(local) = socket.local_addr() {
            extensions.insert(LocalAddr(local));
        }
        Ok((socket, extensions))
    }
}

#[cfg(unix)]
impl Listener for UnixListener {
    type Io = UnixStream;

    async fn accept(&self) -> io::Result<(UnixStream, Extensions)> {
        let (socket, _) = self.accept().await?;
        let mut extensions = Extensions::new();
        if let Ok(who) = socket.peer_cred() {
            extensions.insert(who);
        }
        Ok((socket, extensions))
    }
}
