//! What a browser's WebSocket tells by events, until it is read.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use bytes::BytesMut;
use js_sys::{
    ArrayBuffer, JsString, Uint8Array,
    wasm_bindgen::{JsCast, JsValue, closure::Closure},
};
use web_sys::{CloseEvent, MessageEvent, WebSocket};

use crate::{
    client::http::{PieceLimit, closing::closed},
    error::{Error, Kind},
    transport::Read,
};

/// How a WebSocket has ended: the code and the reason of a close frame; `None`: without one.
type Closed = Option<(u16, String)>;

#[derive(Default)]
pub(super) struct Inbox {
    /// Texts and buffers, as they are JavaScript's; with their sizes.
    messages: VecDeque<(JsValue, usize)>,
    /// Of all messages together.
    size: usize,
    /// Bytes that a message may have.
    limit: PieceLimit,
    /// Bytes that may wait.
    queue_limit: Option<usize>,
    is_open: bool,
    closed: Option<Closed>,
    /// Behind it nothing counts.
    failure: Option<Error>,
    waker: Option<Waker>,
}

impl Inbox {
    pub(super) fn new(limit: PieceLimit, queue_limit: Option<usize>) -> Self {
        Self {
            limit,
            queue_limit,
            ..Self::default()
        }
    }

    /// Waits until the WebSocket is open.
    pub(super) fn poll_opened(&mut self, cx: &Context<'_>) -> Poll<Result<(), String>> {
        if self.is_open {
            return Poll::Ready(Ok(()));
        }
        match &self.closed {
            Some(_) => Poll::Ready(Err(
                "it could not be opened, and browsers do not say why".to_owned()
            )),
            None => self.wait(cx),
        }
    }

    pub(super) fn poll_read(
        &mut self,
        cx: &Context<'_>,
        into: &mut BytesMut,
    ) -> Poll<Result<Read, Error>> {
        if let Some(error) = &self.failure {
            return Poll::Ready(Err(error.clone()));
        }
        while let Some((message, size)) = self.messages.pop_front() {
            self.size -= size;
            let before = into.len();
            match message.as_string() {
                Some(text) => into.extend_from_slice(text.as_bytes()),
                None => {
                    into.resize(before + size, 0);
                    Uint8Array::new(&message).copy_to(&mut into[before..]);
                }
            }
            // An empty message brings nothing.
            if into.len() > before {
                return Poll::Ready(Ok(Read::Data));
            }
        }
        match &self.closed {
            None => self.wait(cx),
            Some(Some((1005, _))) => Poll::Ready(closed(None, "")),
            Some(Some((code, reason))) => Poll::Ready(closed(Some(*code), reason)),
            Some(None) => {
                let text = "the server closed the WebSocket without a close frame";
                let error = io::Error::new(io::ErrorKind::UnexpectedEof, text);
                Poll::Ready(Err(error.into()))
            }
        }
    }

    /// # Errors
    /// More came than was allowed. If that comes later the task is woken.
    pub(super) fn failed(&mut self, cx: &Context<'_>) -> Result<(), Error> {
        self.waker = Some(cx.waker().clone());
        self.failure.clone().map_or(Ok(()), Err)
    }

    pub(super) fn is_closed_by_peer(&self) -> bool {
        matches!(self.closed, Some(Some(_)))
    }

    /// Waits until the WebSocket is closed; what still comes is of no use.
    pub(super) fn poll_closed(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.messages.clear();
        self.size = 0;
        match self.closed {
            Some(_) => Poll::Ready(()),
            None => self.wait(cx),
        }
    }

    fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Whether the WebSocket may go on.
    fn take(&mut self, message: JsValue) -> bool {
        let size = match message.dyn_ref::<ArrayBuffer>() {
            Some(bytes) => bytes.byte_length(),
            None => message.unchecked_ref::<JsString>().length(),
        };
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let together = self.size.saturating_add(size);
        if size > self.limit.bytes() {
            let what = format_args!("a WebSocket message has {size} bytes");
            self.fail(self.limit.exceeded(what));
        } else if let Some(limit) = self.queue_limit.filter(|limit| together > *limit) {
            let text = format!(
                "the server sent faster than was read: {together} bytes wait, more than the {limit} that `receive_queue_limit` allows"
            );
            self.fail(Kind::NotConnected(text.into()).into());
        }
        if self.failure.is_some() {
            return false;
        }
        self.size = together;
        self.messages.push_back((message, size));
        true
    }

    fn fail(&mut self, error: Error) {
        self.messages.clear();
        self.size = 0;
        self.failure = Some(error);
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// What the browser calls, as long as this lives.
pub(super) struct Handlers {
    socket: WebSocket,
    _open: Closure<dyn FnMut()>,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _close: Closure<dyn FnMut(CloseEvent)>,
}

impl Handlers {
    pub(super) fn new(socket: &WebSocket, inbox: &Rc<RefCell<Inbox>>) -> Self {
        let to = Rc::clone(inbox);
        let open = Closure::<dyn FnMut()>::new(move || {
            let mut inbox = to.borrow_mut();
            inbox.is_open = true;
            inbox.wake();
        });
        let (to, from) = (Rc::clone(inbox), socket.clone());
        let message = Closure::<dyn FnMut(_)>::new(move |event: MessageEvent| {
            let mut inbox = to.borrow_mut();
            if !inbox.take(event.data()) {
                let _ = from.close();
            }
            inbox.wake();
        });
        let to = Rc::clone(inbox);
        let close = Closure::<dyn FnMut(_)>::new(move |event: CloseEvent| {
            let said = event.was_clean().then(|| (event.code(), event.reason()));
            let mut inbox = to.borrow_mut();
            inbox.closed = Some(said);
            inbox.wake();
        });
        socket.set_onopen(Some(open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(close.as_ref().unchecked_ref()));
        Self {
            socket: socket.clone(),
            _open: open,
            _message: message,
            _close: close,
        }
    }
}

impl Drop for Handlers {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
    }
}
