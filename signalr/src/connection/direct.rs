//! Writing to a connection that sleeps, without waking it.

use std::sync::Arc;

use crate::packet::DirectWrite;

/// The right to write past a connection's task. It changes hands under the queue's lock and is used without it.
#[derive(Default)]
pub(super) enum Direct {
    /// There is no such way, or the connection ends.
    #[default]
    None,
    /// Nobody writes but the task.
    Free(Arc<dyn DirectWrite>),
    /// A sender writes, and the task waits if it wakes up meanwhile.
    Lent { task_waits: bool },
}

impl Direct {
    pub(super) fn is_lent(&self) -> bool {
        matches!(self, Self::Lent { .. })
    }

    /// Takes the right, if it is to be had.
    pub(super) fn lend(&mut self) -> Option<Arc<dyn DirectWrite>> {
        if !matches!(self, Self::Free(_)) {
            return None;
        }
        match std::mem::replace(self, Self::Lent { task_waits: false }) {
            Self::Free(writer) => Some(writer),
            _ => unreachable!("it was free"),
        }
    }

    /// Returns what was lent, unless the connection has ended; whether the task waits for that.
    pub(super) fn give_back(&mut self, writer: Arc<dyn DirectWrite>) -> bool {
        let Self::Lent { task_waits } = *self else {
            return false;
        };
        *self = Self::Free(writer);
        task_waits
    }

    /// The task wants to go on; whether it may.
    pub(super) fn let_task_run(&mut self) -> bool {
        match self {
            Self::Lent { task_waits } => {
                *task_waits = true;
                false
            }
            Self::None | Self::Free(_) => true,
        }
    }
}

impl std::fmt::Debug for Direct {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Free(_) => "Free",
            Self::Lent { .. } => "Lent",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{
            Mutex,
            atomic::{AtomicUsize, Ordering::SeqCst},
        },
        task::{Context, Poll, Wake, Waker},
    };

    use super::*;
    use crate::{connection::Outbox, packet::Packet};

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    /// A socket that takes so many bytes, and has something happen while it takes them.
    struct Socket<F> {
        takes: usize,
        written: Mutex<Vec<u8>>,
        meanwhile: F,
    }

    impl<F: Fn() + Send + Sync> DirectWrite for Socket<F> {
        fn try_write(&self, frame: &[u8]) -> io::Result<usize> {
            (self.meanwhile)();
            let taken = &frame[..self.takes.min(frame.len())];
            let mut written = self.written.lock().expect("no panic");
            written.extend_from_slice(taken);
            match taken.len() {
                0 => Err(io::ErrorKind::WouldBlock.into()),
                length => Ok(length),
            }
        }
    }

    fn packet(text: &str) -> Packet {
        let packet = Packet::build(false, |buffer| {
            buffer.extend_from_slice(text.as_bytes());
            Ok::<_, ()>(())
        });
        packet.expect("writing cannot fail")
    }

    /// An outbox whose task sleeps, and how often it is woken.
    fn asleep() -> (Arc<Outbox>, Arc<Wakes>, Waker) {
        let (outbox, wakes) = (Arc::new(Outbox::new(100)), Arc::<Wakes>::default());
        let waker = Waker::from(Arc::clone(&wakes));
        park(&outbox, &waker);
        (outbox, wakes, waker)
    }

    fn park(outbox: &Outbox, waker: &Waker) {
        outbox.take(&Context::from_waker(waker), true, |_| panic!("nothing"));
        outbox.fall_asleep(0);
    }

    fn socket<F: Fn() + Send + Sync>(takes: usize, meanwhile: F) -> Arc<Socket<F>> {
        Arc::new(Socket {
            takes,
            written: Mutex::default(),
            meanwhile,
        })
    }

    #[test]
    fn a_sleeping_task_is_not_woken_for_what_its_socket_takes() {
        let (outbox, wakes, waker) = asleep();
        let socket = socket(usize::MAX, || {});
        outbox.open_direct(Some(Arc::clone(&socket) as _));
        assert!(!outbox.was_written_directly());
        assert!(outbox.send_now(&packet("one")).is_none());
        assert_eq!(*socket.written.lock().expect("no panic"), b"\x81\x03one");
        assert!(outbox.was_written_directly() && !outbox.was_written_directly());
        // A task that runs writes by itself.
        let cx = Context::from_waker(&waker);
        assert_eq!(outbox.poll_wake_up(&cx), Poll::Ready(None));
        assert!(outbox.send_now(&packet("two")).is_none());
        assert_eq!(socket.written.lock().expect("no panic").len(), 5);
        assert_eq!(wakes.0.load(SeqCst), 0);
    }

    #[test]
    fn nobody_writes_for_a_task_that_goes_on_or_has_bytes_left_or_for_long() {
        let (outbox, wakes, waker) = asleep();
        let socket = socket(usize::MAX, || {});
        outbox.open_direct(Some(Arc::clone(&socket) as _));
        let cx = Context::from_waker(&waker);
        // It may be woken already, but has not returned yet.
        assert_eq!(outbox.poll_wake_up(&cx), Poll::Ready(None));
        outbox.take(&cx, true, |_| panic!("nothing"));
        assert!(outbox.send_now(&packet("one")).is_none());
        // A pong, say.
        outbox.take(&cx, true, |_| {});
        outbox.wrote(0);
        park(&outbox, &waker);
        outbox.fall_asleep(1);
        assert!(outbox.send_now(&packet("two")).is_none());
        assert_eq!(wakes.0.load(SeqCst), 2);

        let outbox = Outbox::new(1_000_000);
        park(&outbox, &waker);
        outbox.open_direct(Some(Arc::clone(&socket) as _));
        let long = "x".repeat(64 * 1024 + 1);
        assert!(outbox.send_now(&packet(&long)).is_none());
        assert_eq!(wakes.0.load(SeqCst), 3);
        assert!(socket.written.lock().expect("no panic").is_empty());
        assert!(!outbox.was_written_directly());
    }

    #[test]
    fn the_task_takes_over_what_its_socket_does_not_take() {
        for takes in [0, 4] {
            let (outbox, wakes, waker) = asleep();
            outbox.open_direct(Some(socket(takes, || {})));
            assert!(outbox.send_now(&packet("one")).is_none());
            assert_eq!(wakes.0.load(SeqCst), 1);
            assert_eq!(outbox.was_written_directly(), takes > 0);
            // Nothing goes past the rest.
            assert!(outbox.send_now(&packet("two")).is_none());
            let rest = outbox.poll_wake_up(&Context::from_waker(&waker));
            assert_eq!(rest, Poll::Ready(Some(b"\x81\x03one"[takes..].into())));
            let mut queued = Vec::new();
            outbox.take(&Context::from_waker(&waker), true, |packet| {
                queued.push(packet.payload());
            });
            assert_eq!(queued, ["two"]);
        }
    }

    #[test]
    fn a_task_that_wakes_up_during_a_write_waits_for_its_end() {
        let (outbox, wakes, waker) = asleep();
        let meanwhile = {
            let (outbox, wakes) = (Arc::clone(&outbox), Arc::clone(&wakes));
            move || {
                // The socket can be read, say; and somebody else sends.
                let cx = Context::from_waker(&waker);
                assert!(outbox.poll_wake_up(&cx).is_pending());
                assert!(outbox.send_now(&packet("two")).is_none());
                assert_eq!(wakes.0.load(SeqCst), 0, "while it cannot run");
            }
        };
        outbox.open_direct(Some(socket(usize::MAX, meanwhile)));
        assert!(outbox.send_now(&packet("one")).is_none());
        assert_eq!(wakes.0.load(SeqCst), 1);
    }

    #[test]
    fn an_end_during_a_write_lets_go_of_the_socket_and_is_noticed() {
        let (outbox, wakes, waker) = asleep();
        let meanwhile = {
            let outbox = Arc::clone(&outbox);
            move || outbox.signal(crate::connection::Signal::Abort)
        };
        outbox.open_direct(Some(socket(usize::MAX, meanwhile)));
        assert!(outbox.send_now(&packet("one")).is_none());
        assert_eq!(wakes.0.load(SeqCst), 1);

        let (outbox, _, _) = asleep();
        let meanwhile = {
            let outbox = Arc::clone(&outbox);
            move || outbox.drain(|_| {})
        };
        let socket = socket(usize::MAX, meanwhile);
        outbox.open_direct(Some(Arc::clone(&socket) as _));
        assert!(outbox.send_now(&packet("one")).is_none());
        park(&outbox, &waker);
        assert!(outbox.send_now(&packet("two")).is_none(), "it vanishes");
        assert_eq!(Arc::strong_count(&socket), 1);
    }

    #[test]
    fn who_finds_no_room_during_a_write_gets_it_afterwards() {
        let (outbox, wakes, _) = asleep();
        let turns = Arc::new(Mutex::new(Vec::new()));
        let meanwhile = {
            let (outbox, turns) = (Arc::clone(&outbox), Arc::clone(&turns));
            move || {
                let turn = outbox.send(packet("two")).expect("no room");
                turns.lock().expect("no panic").push(turn);
            }
        };
        outbox.open_direct(Some(socket(usize::MAX, meanwhile)));
        assert!(outbox.send_now(&packet(&"x".repeat(100))).is_none());
        let mut turns = turns.lock().expect("no panic");
        assert_eq!(turns[0].try_recv(), Ok(()));
        assert_eq!(wakes.0.load(SeqCst), 1);
    }
}
