//! Server-Sent Events (transports reference, section 6): events out, POST bodies in.

use std::{
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use futures_util::task::AtomicWaker;

use super::{
    Ending, Read, Transport,
    inlet::Inlet,
    outlet::{Outlet, OutletBody},
};
use crate::{error::Error, packet::Packet};

/// A comment, so that the client and all proxies see at once that the response has begun.
const COMMENT: &[u8] = b":\r\n";
const DATA: &[u8] = b"data: ";
const LINE_END: &[u8] = b"\r\n";

/// Bytes that the HTTP server holds at most. Half of what our listener lets it buffer: while there is room it looks at the body, and
/// sees that it was broken off.
const PIECE: usize = 32 * 1024;

/// The connection task's end of an event stream.
pub(crate) struct ServerSentEvents {
    inlet: Arc<Inlet>,
    outlet: Arc<Outlet>,
    /// Wakes the connection's task.
    task: Arc<AtomicWaker>,
    /// What was pushed and not yet offered.
    event: Event,
    /// What was offered and not yet written, when last looked.
    offered: usize,
    finished: bool,
}

impl ServerSentEvents {
    /// The transport, what the server keeps of the response, and the response's body.
    pub(crate) fn new(inlet: Arc<Inlet>) -> (Self, Arc<Outlet>, OutletBody) {
        let task = Arc::new(AtomicWaker::new());
        let (outlet, body) =
            Outlet::new(Bytes::from_static(COMMENT), PIECE, Arc::clone(&task) as _);
        let transport = Self {
            inlet,
            outlet: Arc::clone(&outlet),
            task,
            event: Event::default(),
            offered: 0,
            finished: false,
        };
        (transport, outlet, body)
    }
}

impl Transport for ServerSentEvents {
    fn is_binary(&self) -> bool {
        false
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut BytesMut,
    ) -> Poll<Result<Read, Error>> {
        self.task.register(cx.waker());
        match self.inlet.poll_read(cx, into) {
            // Who has left posts nothing more either.
            Poll::Pending if self.outlet.is_left() => Poll::Ready(Ok(Read::End)),
            read => read.map(Ok),
        }
    }

    fn push(&mut self, packet: Packet) {
        self.event.append(&packet.into_payload());
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.task.register(cx.waker());
        self.offered = self.outlet.unsent();
        if self.offered == 0 && !self.event.is_empty() && !self.outlet.is_left() {
            self.outlet.offer(self.event.finish());
            self.offered = self.outlet.unsent();
        }
        if self.outlet.is_left() {
            // Nobody is there to take it; reading tells the connection so.
            self.event = Event::default();
            self.offered = 0;
        }
        if self.offered == 0 {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    fn unsent(&self) -> usize {
        self.event.len() + self.offered
    }

    fn close(&mut self, _: Ending) {
        self.inlet.end();
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if ready!(self.poll_flush(cx)).is_ok() && !self.finished {
            self.outlet.finish();
            self.finished = true;
        }
        if self.outlet.is_left() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Drop for ServerSentEvents {
    fn drop(&mut self) {
        self.inlet.end();
        if !self.finished {
            self.outlet.break_off();
        }
    }
}

/// One event in the making: the payload's lines, each as a `data:` line (section 6.2).
#[derive(Default)]
struct Event(Vec<u8>);

impl Event {
    /// Appends whole hub messages.
    fn append(&mut self, mut payload: &[u8]) {
        if payload.is_empty() {
            return;
        }
        self.0.reserve(payload.len() + 16);
        if self.0.is_empty() {
            self.0.extend_from_slice(DATA);
        }
        // A carriage return alone ends a line for the reader too: it must not hide what follows.
        while let Some(at) = memchr::memchr2(b'\r', b'\n', payload) {
            let length = if payload[at..].starts_with(LINE_END) {
                2
            } else {
                1
            };
            self.0.extend_from_slice(&payload[..at]);
            self.0.extend_from_slice(LINE_END);
            self.0.extend_from_slice(DATA);
            payload = &payload[at + length..];
        }
        self.0.extend_from_slice(payload);
    }

    fn finish(&mut self) -> Bytes {
        if !self.0.is_empty() {
            self.0.extend_from_slice(LINE_END);
        }
        self.0.extend_from_slice(LINE_END);
        std::mem::take(&mut self.0).into()
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(payloads: &[&str]) -> String {
        let mut event = Event::default();
        for payload in payloads {
            event.append(payload.as_bytes());
        }
        String::from_utf8(event.finish().to_vec()).expect("a text")
    }

    #[test]
    fn events_of_section_6_2_byte_for_byte() {
        for (payload, bytes) in [
            ("", "\r\n"),
            ("Hello, World", "data: Hello, World\r\n\r\n"),
            ("Hello\r\nWorld", "data: Hello\r\ndata: World\r\n\r\n"),
            ("Hello\nWorld", "data: Hello\r\ndata: World\r\n\r\n"),
            ("Hello\n", "data: Hello\r\ndata: \r\n\r\n"),
            ("Hello\r\n", "data: Hello\r\ndata: \r\n\r\n"),
            ("{\"type\":6}\u{1e}", "data: {\"type\":6}\u{1e}\r\n\r\n"),
        ] {
            assert_eq!(event(&[payload]), bytes);
        }
    }

    #[test]
    fn several_messages_are_one_event() {
        assert_eq!(
            event(&["{}\u{1e}", "{\"type\":6}\u{1e}"]),
            "data: {}\u{1e}{\"type\":6}\u{1e}\r\n\r\n"
        );
    }

    #[test]
    fn a_carriage_return_alone_hides_nothing() {
        assert_eq!(event(&["[1,\r2]"]), "data: [1,\r\ndata: 2]\r\n\r\n");
        assert_eq!(
            event(&["\r\r\n\n"]),
            "data: \r\ndata: \r\ndata: \r\ndata: \r\n\r\n"
        );
    }
}
