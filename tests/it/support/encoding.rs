//! The two encodings. A test that is marked with `#[apply(both_encodings)]` runs once in each, written once.

use std::cell::Cell;

/// How a [`Peer`](super::Peer) speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Json,
    MessagePack,
}

thread_local! {
    /// Peers are made deep inside of helpers; a test has its thread to itself, so this says it to all of them.
    static OF_THIS_TEST: Cell<Encoding> = const { Cell::new(Encoding::Json) };
}

impl Encoding {
    pub const BOTH: [Self; 2] = [Self::Json, Self::MessagePack];

    /// What this test runs in; JSON where nothing was said, and on other threads of a test.
    pub fn of_this_test() -> Self {
        OF_THIS_TEST.get()
    }

    /// Its name in the handshake.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::MessagePack => "messagepack",
        }
    }

    /// The bytes with which a client begins.
    pub fn handshake(self) -> Vec<u8> {
        let name = self.name();
        format!("{{\"protocol\":\"{name}\",\"version\":1}}\u{1e}").into_bytes()
    }

    /// The frame of a message that is given as JSON.
    pub fn frame(self, message: &str) -> Vec<u8> {
        match self {
            Self::Json => [message.as_bytes(), &[0x1e]].concat(),
            Self::MessagePack => super::msgpack::frame(message),
        }
    }

    /// Several frames, one behind the other.
    pub fn frames(self, messages: &[&str]) -> Vec<u8> {
        let frames = messages.iter().map(|message| self.frame(message));
        frames.collect::<Vec<_>>().concat()
    }

    /// Runs a test with paused time, in this encoding.
    pub fn run(self, test: impl Future<Output = ()>) {
        struct Restore(Encoding);
        impl Drop for Restore {
            fn drop(&mut self) {
                OF_THIS_TEST.set(self.0);
            }
        }
        let _restore = Restore(OF_THIS_TEST.replace(self));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build();
        runtime.expect("a runtime").block_on(test);
    }
}

/// Makes two tests of an `async fn`: `name::json` and `name::messagepack`, both with paused time.
macro_rules! both_encodings {
    ($(#[$attribute:meta])* async fn $name:ident() $body:block) => {
        $(#[$attribute])*
        async fn $name() $body

        mod $name {
            use crate::support::Encoding;

            #[test]
            fn json() {
                Encoding::Json.run(super::$name());
            }

            #[test]
            fn messagepack() {
                Encoding::MessagePack.run(super::$name());
            }
        }
    };
}
