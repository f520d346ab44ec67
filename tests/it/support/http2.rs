//! hyper's HTTP/2 client over a real socket, with TLS or by prior knowledge.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http2, ext::Protocol, upgrade::Upgraded};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinHandle,
};

use super::{
    tls::{H2, offering},
    web::{HANDSHAKE, TEXT, Wire, in_time},
};

pub type Socket = Wire<TokioIo<Upgraded>>;

/// One HTTP/2 connection, and how it ends.
pub struct Http2 {
    requests: http2::SendRequest<Full<Bytes>>,
    scheme: &'static str,
    pub ended: JoinHandle<hyper::Result<()>>,
}

impl Http2 {
    /// Over clear text, without having asked.
    pub async fn clear(addr: SocketAddr) -> Self {
        let socket = TcpStream::connect(addr).await.expect("it listens");
        socket.set_nodelay(true).expect("a socket");
        Self::over(socket, "http").await
    }

    /// Over TLS, as agreed.
    pub async fn secure(addr: SocketAddr) -> Self {
        let socket = offering(addr, &[H2]).await;
        assert_eq!(socket.get_ref().1.alpn_protocol(), Some(H2));
        Self::over(socket, "https").await
    }

    async fn over<S>(socket: S, scheme: &'static str) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let client = http2::Builder::new(TokioExecutor::new());
        let (requests, connection) = client
            .handshake(TokioIo::new(socket))
            .await
            .expect("HTTP/2 is spoken");
        Self {
            requests,
            scheme,
            ended: tokio::spawn(connection),
        }
    }

    fn uri(&self, target: &str) -> Uri {
        let uri = format!("{}://test{target}", self.scheme);
        uri.parse().expect("a URI")
    }

    /// A request that is answered; the body of the answer is left to read.
    pub async fn ask(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Response<Incoming> {
        let mut request = Request::builder().method(method).uri(self.uri(target));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).expect("a request");
        in_time(self.requests.ready()).await.expect("open");
        let answered = in_time(self.requests.send_request(request)).await;
        answered.expect("answered")
    }

    /// The status and the body of a request's answer.
    pub async fn fetch(
        &mut self,
        method: &str,
        target: &str,
        body: &'static [u8],
    ) -> (u16, String) {
        read(self.ask(method, target, &[], body).await).await
    }

    /// The target of a negotiated connection's requests.
    pub async fn negotiate(&mut self) -> String {
        let target = "/hub/negotiate?negotiateVersion=1";
        let (status, body) = self.fetch("POST", target, b"").await;
        assert_eq!(status, 200, "{body}");
        let json: Value = serde_json::from_str(&body).expect("JSON");
        let token = json["connectionToken"].as_str().expect("a token");
        format!("/hub?id={token}")
    }

    /// Asks for a tunnel with a plain CONNECT.
    pub async fn tunnel(&mut self, authority: &str) -> Response<Incoming> {
        let request = Request::connect(authority).body(Full::default());
        let request = request.expect("a request");
        let answered = in_time(self.requests.send_request(request)).await;
        answered.expect("answered")
    }

    /// Asks for a WebSocket with an extended CONNECT.
    pub async fn connect(
        &mut self,
        target: &str,
        protocol: &'static str,
        headers: &[(&str, &str)],
    ) -> Response<Incoming> {
        let mut request = Request::connect(self.uri(target));
        request = request.extension(Protocol::from_static(protocol));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::default()).expect("a request");
        let answered = in_time(self.requests.send_request(request)).await;
        answered.expect("answered")
    }

    /// Opens a WebSocket.
    pub async fn open(&mut self, target: &str) -> Socket {
        let version = [("sec-websocket-version", "13")];
        let response = self.connect(target, "websocket", &version).await;
        assert_eq!(response.status(), 200);
        let upgraded = hyper::upgrade::on(response).await;
        Wire::over(TokioIo::new(upgraded.expect("a stream of its own")))
    }

    /// Opens a WebSocket and shakes hands for JSON.
    pub async fn join(&mut self, target: &str) -> Socket {
        let mut socket = self.open(target).await;
        socket.frame(TEXT, HANDSHAKE).await;
        assert_eq!(socket.next().await, Some((TEXT, b"{}\x1e".to_vec())));
        socket
    }
}

/// A response with its whole body.
pub async fn read(response: Response<Incoming>) -> (u16, String) {
    let status = response.status().as_u16();
    let body = in_time(response.into_body().collect()).await;
    let body = body.expect("a whole body").to_bytes();
    (status, String::from_utf8(body.to_vec()).expect("a text"))
}

/// The next piece of a body; `None` at its end, which may be an empty frame.
pub async fn piece(body: &mut Incoming) -> Option<String> {
    loop {
        let frame = in_time(body.frame()).await?.expect("a whole body");
        let data = frame.into_data().expect("no trailers");
        if !data.is_empty() {
            return Some(String::from_utf8(data.to_vec()).expect("a text"));
        }
    }
}
