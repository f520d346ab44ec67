//! The client's end of a WebSocket, by tungstenite.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use futures_util::{Sink, Stream};
use http::{HeaderValue, Uri, header};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message, Utf8Bytes,
        handshake::client::generate_key,
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};

use super::{
    PieceLimit,
    closing::closed,
    dial::{Dialled, Purpose},
    failures::{failed, refused, too_late},
    requests::Requests,
};
use crate::{
    client::rt::timeout,
    error::Error,
    packet::Packet,
    transport::{Ending, Read, Transport},
};

const WHAT: &str = "the WebSocket";
/// Of one connection, in bytes; tungstenite takes eight times as much by default.
const BUFFER: usize = 16 * 1024;

/// A WebSocket after its upgrade.
pub(super) struct WebSocket {
    socket: WebSocketStream<Dialled>,
    is_binary: bool,
    limit: PieceLimit,
    out: VecDeque<Message>,
    unsent: usize,
    close_received: bool,
}

impl WebSocket {
    /// Opens one; `limit`: of a message of the server.
    ///
    /// # Errors
    /// The server is not reached, refuses, or does not answer in time.
    pub(super) async fn open(
        requests: &Requests,
        uri: &Uri,
        is_binary: bool,
        limit: PieceLimit,
    ) -> Result<Self, Error> {
        // The token's provider has a time of its own, so that nobody else is blamed for it.
        let token = requests.tokens.fresh().await?;
        let after = requests.limit();
        let opening = Box::pin(upgrade(requests, uri, token.as_ref(), limit.bytes()));
        let socket = timeout(after, opening)
            .await
            .map_err(|_| too_late(WHAT, uri, after))??;
        Ok(Self {
            socket,
            is_binary,
            limit,
            out: VecDeque::new(),
            unsent: 0,
            close_received: false,
        })
    }

    fn message(&self, payload: Bytes) -> Message {
        if self.is_binary {
            return Message::Binary(payload);
        }
        let text = Utf8Bytes::try_from(payload.clone());
        text.map_or(Message::Binary(payload), Message::Text)
    }

    fn failed(&self, error: tungstenite::Error) -> Error {
        use tungstenite::error::{CapacityError::MessageTooLong, Error as E, ProtocolError};
        match error {
            E::Io(error) => error.into(),
            E::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                let text = "the server closed the WebSocket without a close frame";
                io::Error::new(io::ErrorKind::UnexpectedEof, text).into()
            }
            E::ConnectionClosed
            | E::AlreadyClosed
            | E::Protocol(ProtocolError::SendAfterClosing) => {
                io::Error::from(io::ErrorKind::ConnectionAborted).into()
            }
            E::Capacity(MessageTooLong { size, .. }) => self
                .limit
                .exceeded(format_args!("a WebSocket message has {size} bytes")),
            other => Error::protocol(other.to_string()),
        }
    }
}

async fn upgrade(
    requests: &Requests,
    uri: &Uri,
    token: Option<&HeaderValue>,
    limit: usize,
) -> Result<WebSocketStream<Dialled>, Error> {
    let request = request(requests, uri, token)?;
    let dialled = requests
        .settings
        .dialler
        .dial(uri, Purpose::WebSocket)
        .await;
    let stream = dialled.map_err(|error| failed(WHAT, uri, error))?;
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_message_size(Some(limit))
        .max_frame_size(Some(limit));
    let upgraded = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await;
    match upgraded {
        Ok((socket, response)) => {
            requests.keep_cookies(uri, response.headers());
            Ok(socket)
        }
        Err(tungstenite::Error::Http(response)) => {
            requests.keep_cookies(uri, response.headers());
            Err(refused(WHAT, uri, response.status()))
        }
        Err(error) => Err(failed(WHAT, uri, error)),
    }
}

fn request(
    requests: &Requests,
    uri: &Uri,
    token: Option<&HeaderValue>,
) -> Result<http::Request<()>, Error> {
    let mut request = http::Request::new(());
    let headers = request.headers_mut();
    *headers = requests.headers(uri, token, "*/*");
    if !headers.contains_key(header::HOST) {
        let host = uri.authority().map_or("", |authority| authority.as_str());
        let host = HeaderValue::try_from(host).map_err(|error| failed(WHAT, uri, error))?;
        headers.insert(header::HOST, host);
    }
    let key = HeaderValue::try_from(generate_key()).map_err(|error| failed(WHAT, uri, error))?;
    headers.insert(header::SEC_WEBSOCKET_KEY, key);
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(
        header::SEC_WEBSOCKET_VERSION,
        HeaderValue::from_static("13"),
    );
    let scheme = match uri.scheme_str() {
        Some("https") => "wss",
        _ => "ws",
    };
    let mut parts = uri.clone().into_parts();
    parts.scheme = scheme.parse().ok();
    *request.uri_mut() = Uri::from_parts(parts).map_err(|error| failed(WHAT, uri, error))?;
    Ok(request)
}

impl Transport for WebSocket {
    fn is_binary(&self) -> bool {
        true
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut BytesMut,
    ) -> Poll<Result<Read, Error>> {
        loop {
            let message = match ready!(Pin::new(&mut self.socket).poll_next(cx)) {
                None => return Poll::Ready(Ok(Read::End)),
                Some(Err(error)) => return Poll::Ready(Err(self.failed(error))),
                Some(Ok(message)) => message,
            };
            let bytes = match &message {
                Message::Text(text) => text.as_bytes(),
                Message::Binary(bytes) => bytes,
                Message::Close(frame) => {
                    self.close_received = true;
                    let said = frame.as_ref();
                    let code = said.map(|frame| u16::from(frame.code));
                    let reason = said.map_or("", |frame| &frame.reason);
                    return Poll::Ready(closed(code, reason));
                }
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => &[],
            };
            if !bytes.is_empty() {
                into.extend_from_slice(bytes);
                return Poll::Ready(Ok(Read::Data));
            }
        }
    }

    fn push(&mut self, packet: Packet) {
        self.unsent += packet.len();
        let message = self.message(packet.into_payload());
        self.out.push_back(message);
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let mut socket = Pin::new(&mut self.socket);
        let written = loop {
            if self.out.is_empty() {
                break ready!(socket.as_mut().poll_flush(cx));
            }
            if let Err(error) = ready!(socket.as_mut().poll_ready(cx)) {
                break Err(error);
            }
            if let Some(message) = self.out.pop_front()
                && let Err(error) = socket.as_mut().start_send(message)
            {
                break Err(error);
            }
        };
        self.unsent = 0;
        Poll::Ready(written.map_err(|error| {
            self.out.clear();
            self.failed(error)
        }))
    }

    fn unsent(&self) -> usize {
        self.unsent
    }

    fn progress(&self) -> Option<usize> {
        Some(self.socket.get_ref().written)
    }

    fn is_closed_by_peer(&self) -> bool {
        self.close_received
    }

    fn close(&mut self, ending: Ending) {
        // The answer to the server's own close frame goes out by itself.
        if self.close_received {
            return;
        }
        let code = match ending {
            Ending::Normal => CloseCode::Normal,
            Ending::Violation => CloseCode::Protocol,
            Ending::Failure => CloseCode::Error,
        };
        self.out.push_back(Message::Close(Some(CloseFrame {
            code,
            reason: Utf8Bytes::default(),
        })));
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if ready!(self.poll_flush(cx)).is_err() {
            return Poll::Ready(());
        }
        // What the server still sends is read up to its close frame.
        let mut ignored = BytesMut::new();
        while !self.close_received {
            match ready!(self.poll_read(cx, &mut ignored)) {
                Ok(Read::Data) => ignored.clear(),
                _ => return Poll::Ready(()),
            }
        }
        Poll::Ready(())
    }
}
