//! The client's end of a WebSocket, by a browser.

#[path = "inbox.rs"]
mod inbox;

use std::{
    cell::RefCell,
    collections::VecDeque,
    future::poll_fn,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::Uri;
use js_sys::wasm_bindgen::JsValue;
use send_wrapper::SendWrapper;
use web_sys::BinaryType;

use self::inbox::{Handlers, Inbox};
use super::{
    PieceLimit,
    failures::{failed, too_late},
    fetch::told,
    requests::Requests,
};
use crate::{
    client::rt::{Sleep, sleep, timeout},
    error::Error,
    packet::Packet,
    transport::{Ending, Read, Transport},
};

const WHAT: &str = "the WebSocket";
/// Bytes that the browser may hold back before we wait for it.
const BUFFERED: usize = 64 * 1024;
/// Between two looks at what it holds back, of which it does not tell.
const PAUSE: Duration = Duration::from_millis(10);

/// An open WebSocket. It stays on the thread that has opened it, as its connection's task does.
pub(super) struct WebSocket(SendWrapper<Socket>);

struct Socket {
    socket: web_sys::WebSocket,
    inbox: Rc<RefCell<Inbox>>,
    _handlers: Handlers,
    is_binary: bool,
    out: VecDeque<Bytes>,
    /// Bytes that were pushed and, when we looked last, not sent.
    unsent: usize,
    pause: Option<Sleep>,
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
        let token = requests.tokens.fresh().await?;
        let url = address(uri, token.as_ref().map(|token| token.as_bytes()));
        let inbox = Inbox::new(limit, requests.settings.options.receive_queue_limit);
        let opening = Socket::new(&url, is_binary, inbox).map(SendWrapper::new);
        let socket = opening.map_err(|error| {
            // A browser may repeat the address, and with it the token.
            let secrets = url.split_once('?').map_or(&*url, |(_, query)| query);
            failed(WHAT, uri, told(&error).replace(secrets, "…"))
        })?;
        let after = requests.limit();
        let opened = poll_fn(|cx| socket.inbox.borrow_mut().poll_opened(cx));
        timeout(after, opened)
            .await
            .map_err(|_| too_late(WHAT, uri, after))?
            .map_err(|error| failed(WHAT, uri, error))?;
        Ok(Self(socket))
    }
}

/// A browser sends no headers of ours, so the token goes into the query.
fn address(uri: &Uri, authorization: Option<&[u8]>) -> String {
    let scheme = match uri.scheme_str() {
        Some("https") => "wss",
        _ => "ws",
    };
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut url = format!("{scheme}://{authority}{path}");
    let token = authorization.and_then(|header| header.strip_prefix(b"Bearer "));
    if let Some(token) = token {
        url.push(if path.contains('?') { '&' } else { '?' });
        url.push_str("access_token=");
        for &byte in token {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    url.push(char::from(byte));
                }
                _ => url.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    url
}

impl Socket {
    fn new(url: &str, is_binary: bool, inbox: Inbox) -> Result<Self, JsValue> {
        let socket = web_sys::WebSocket::new(url)?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let inbox = Rc::new(RefCell::new(inbox));
        Ok(Self {
            _handlers: Handlers::new(&socket, &inbox),
            socket,
            inbox,
            is_binary,
            out: VecDeque::new(),
            unsent: 0,
            pause: None,
        })
    }

    /// Hands everything to the browser, which keeps what it cannot send yet.
    ///
    /// # Errors
    /// The WebSocket is closed.
    fn hand_over(&mut self) -> io::Result<()> {
        let gone = |_| io::Error::from(io::ErrorKind::ConnectionAborted);
        for payload in std::mem::take(&mut self.out) {
            // One that is closed takes what is sent, and throws it away.
            if self.socket.ready_state() != web_sys::WebSocket::OPEN {
                return Err(gone(JsValue::UNDEFINED));
            }
            let text = std::str::from_utf8(&payload).ok();
            match text.filter(|_| !self.is_binary) {
                Some(text) => self.socket.send_with_str(text),
                None => self.socket.send_with_u8_array(&payload),
            }
            .map_err(gone)?;
        }
        Ok(())
    }

    /// Bytes that the browser holds back, if they are more than it should; of one that is closed nothing is expected.
    fn held_back(&self) -> usize {
        let bytes = usize::try_from(self.socket.buffered_amount()).unwrap_or(usize::MAX);
        let is_too_much = bytes > BUFFERED && self.socket.ready_state() == web_sys::WebSocket::OPEN;
        if is_too_much { bytes } else { 0 }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Whoever still has to be told is told by the browser.
        let _ = self.socket.close();
    }
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
        self.0.inbox.borrow_mut().poll_read(cx, into)
    }

    fn push(&mut self, packet: Packet) {
        self.0.unsent += packet.len();
        self.0.out.push_back(packet.payload());
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let socket = &mut *self.0;
        // Who does not read has to be told here.
        let failed = socket.inbox.borrow_mut().failed(cx);
        if let Err(error) = failed.and_then(|()| Ok(socket.hand_over()?)) {
            socket.unsent = 0;
            return Poll::Ready(Err(error));
        }
        loop {
            socket.unsent = socket.held_back();
            if socket.unsent == 0 {
                return Poll::Ready(Ok(()));
            }
            let pause = socket.pause.get_or_insert_with(|| sleep(PAUSE));
            ready!(Pin::new(pause).poll(cx));
            socket.pause = None;
        }
    }

    fn unsent(&self) -> usize {
        self.0.unsent
    }

    fn progress(&self) -> Option<usize> {
        Some(self.0.held_back())
    }

    fn is_closed_by_peer(&self) -> bool {
        self.0.inbox.borrow().is_closed_by_peer()
    }

    fn close(&mut self, ending: Ending) {
        // What goes to the browser before the close frame is sent before it.
        let _ = self.0.hand_over();
        // A page may not use the codes of failures.
        let _ = match ending {
            Ending::Normal => self.0.socket.close_with_code(1000),
            Ending::Violation | Ending::Failure => self.0.socket.close(),
        };
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.inbox.borrow_mut().poll_closed(cx)
    }
}
