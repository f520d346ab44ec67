//! A server with stateful reconnect whose sockets a test plays.

use std::{
    collections::VecDeque,
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering::Relaxed},
    },
};

use signalr::{HubConnection, HubConnectionBuilder};
use tokio::sync::mpsc;

use crate::{
    http_sockets::{next, say},
    stand::{SOCKETS, Seen, Socket, Stand, in_time, json, socket, status},
    support::Log,
};

pub const NEGOTIATION: &str = "POST /chat/negotiate?negotiateVersion=1&useStatefulReconnect=true";
pub const OPENING: &str = "GET /chat?id=TOKEN";
pub const HANDSHAKE: &str = r#"{"protocol":"json","version":2}"#;
pub const PING: &str = r#"{"type":6}"#;

/// An answer to negotiation that offers these, with a flag or without.
pub fn answer(flag: &str, offers: &[&str]) -> String {
    format!(
        r#"{{"negotiateVersion":1,"connectionId":"ID","connectionToken":"TOKEN"{flag},"availableTransports":[{}]}}"#,
        offers.join(",")
    )
}

pub const YES: &str = r#","useStatefulReconnect":true"#;

/// A server whose sockets the test plays one after another.
pub struct Theatre {
    pub stand: Stand,
    sockets: mpsc::UnboundedReceiver<Socket>,
    /// What sockets are refused with, if it is not 0.
    pub refusal: Arc<AtomicU16>,
}

impl Theatre {
    pub async fn new() -> Self {
        let (sender, sockets) = mpsc::unbounded_channel();
        let refusal = Arc::new(AtomicU16::new(0));
        let refused = Arc::clone(&refusal);
        let stand = Stand::new(move |seen: Seen| {
            let sender = sender.clone();
            ready(match (seen.is_negotiation(), refused.load(Relaxed)) {
                (true, _) => json(answer(YES, &[SOCKETS])),
                (false, 0) => socket(|socket| async move {
                    sender.send(socket).expect("the test plays");
                }),
                (false, code) => status(code),
            })
        })
        .await;
        Self {
            stand,
            sockets,
            refusal,
        }
    }

    pub fn client(&self) -> HubConnectionBuilder {
        self.stand.client().stateful_reconnect()
    }

    /// The next socket.
    pub async fn link(&mut self) -> Link {
        let socket = in_time(self.sockets.recv()).await.expect("a socket");
        Link {
            socket,
            heard: VecDeque::new(),
        }
    }

    /// The first socket, up to the first ping.
    pub async fn accept(&mut self) -> Link {
        let mut link = self.link().await;
        assert_eq!(link.hear_all().await, HANDSHAKE);
        link.say("{}").await;
        assert_eq!(link.hear_all().await, PING);
        link
    }

    /// A client that is connected, and its first socket.
    pub async fn connected(&mut self, builder: HubConnectionBuilder) -> (HubConnection, Link) {
        let (connection, link) = tokio::join!(in_time(builder.connect()), self.accept());
        (connection.expect("connected"), link)
    }
}

/// The server's end of a socket. Dropping it is a cut.
pub struct Link {
    pub socket: Socket,
    heard: VecDeque<String>,
}

impl Link {
    pub async fn say(&mut self, message: &str) {
        say(&mut self.socket, &format!("{message}\u{1e}")).await;
    }

    pub async fn said(&mut self, text: &str) {
        self.say(&call("said", text)).await;
    }

    pub async fn sequence(&mut self, number: i64) {
        self.say(&sequence(number)).await;
    }

    pub async fn ack(&mut self, number: i64) {
        self.say(&format!(r#"{{"type":8,"sequenceId":{number}}}"#))
            .await;
    }

    /// The next message, whatever it is.
    pub async fn hear_all(&mut self) -> String {
        loop {
            if let Some(message) = self.heard.pop_front() {
                return message;
            }
            let message = next(&mut self.socket).await.expect("open");
            let text = message.into_text().expect("a text");
            let messages = text.split_terminator('\u{1e}');
            self.heard.extend(messages.map(str::to_owned));
        }
    }

    /// The next message but pings and acknowledgements.
    pub async fn hear(&mut self) -> String {
        loop {
            let message = self.hear_all().await;
            if message != PING && acknowledged(&message).is_none() {
                return message;
            }
        }
    }

    /// The next acknowledgement.
    pub async fn hear_ack(&mut self) -> i64 {
        loop {
            if let Some(number) = acknowledged(&self.hear_all().await) {
                return number;
            }
        }
    }
}

fn acknowledged(message: &str) -> Option<i64> {
    let number = message.strip_prefix(r#"{"type":8,"sequenceId":"#)?;
    Some(number.trim_end_matches('}').parse().expect("a number"))
}

pub fn sequence(number: i64) -> String {
    format!(r#"{{"type":9,"sequenceId":{number}}}"#)
}

pub fn call(target: &str, text: &str) -> String {
    format!(r#"{{"type":1,"target":"{target}","arguments":["{text}"]}}"#)
}

/// Notes what is said, and what happens to the connection.
pub fn logged(builder: HubConnectionBuilder) -> (HubConnectionBuilder, Log) {
    let log = Log::default();
    let (said, reconnecting, reconnected) = (log.clone(), log.clone(), log.clone());
    let builder = builder
        .on("said", move |text: String| {
            said.note(text);
            ready(())
        })
        .on_reconnecting(move |error| {
            reconnecting.note(format!("reconnecting: {}", error.expect("a reason")));
            ready(())
        })
        .on_reconnected(move |_| {
            reconnected.note("reconnected");
            ready(())
        });
    (builder, log)
}
