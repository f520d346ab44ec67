//! A client by hand, over any of the transports.

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use tokio::time::{Interval, interval};

use crate::web::{HANDSHAKE, TEXT, Wire, negotiate};

const EVENTS: &str = "Accept: text/event-stream\r\n";
const PING: &str = "{\"type\":6}\x1e";
/// How often a client says that it is there; those that poll need not.
const EVERY: Duration = Duration::from_secs(10);

#[derive(Clone, Copy)]
pub enum Way {
    Events,
    Polls,
    Sockets,
}

pub struct Client {
    link: Link,
    /// The target of its requests.
    target: String,
    ticks: Interval,
    /// Messages that came with others and have not been looked at.
    left: VecDeque<String>,
}

/// The sockets of a client.
enum Link {
    Events { stream: Wire, post: Wire },
    Polls(Wire),
    Socket(Wire),
}

impl Client {
    pub async fn connect(addr: SocketAddr, way: Way) -> Self {
        let (target, link) = match way {
            Way::Sockets => (
                String::new(),
                Link::Socket(Wire::connect(addr, "/hub").await),
            ),
            Way::Events | Way::Polls => {
                let (_, token) = negotiate(addr).await;
                let target = format!("/hub?id={token}");
                let mut wire = Wire::open(addr).await;
                let link = if let Way::Events = way {
                    let answer = wire.ask("GET", &target, EVENTS).await;
                    assert_eq!(answer.status, 200);
                    let mut post = Wire::open(addr).await;
                    post.post(&target, HANDSHAKE).await.expect_text(200, "");
                    Link::Events { stream: wire, post }
                } else {
                    assert_eq!(wire.ask("GET", &target, "").await.status, 200);
                    wire.post(&target, HANDSHAKE).await.expect_text(200, "");
                    Link::Polls(wire)
                };
                (target, link)
            }
        };
        let mut client = Self {
            link,
            target,
            ticks: interval(EVERY),
            left: VecDeque::new(),
        };
        if !matches!(way, Way::Sockets) {
            assert_eq!(client.next().await, "{}");
        }
        client
    }

    /// The next hub message that is no ping.
    pub async fn next(&mut self) -> String {
        loop {
            match self.left.pop_front() {
                Some(message) if message == r#"{"type":6}"# => {}
                Some(message) => return message,
                None => {
                    let came = self.fetch().await;
                    let Some(whole) = came.strip_suffix('\x1e') else {
                        assert_eq!(came, "", "whole messages");
                        continue;
                    };
                    self.left.extend(whole.split('\x1e').map(str::to_owned));
                }
            }
        }
    }

    /// What comes next, of whole messages; nothing if it was time for a ping.
    async fn fetch(&mut self) -> String {
        let Self {
            link,
            target,
            ticks,
            ..
        } = self;
        match link {
            Link::Polls(wire) => {
                let answer = wire.ask("GET", target, "").await;
                assert_eq!(answer.status, 200);
                answer.body
            }
            Link::Socket(wire) => tokio::select! {
                frame = wire.next() => {
                    let (first, payload) = frame.expect("open");
                    assert_eq!(first, TEXT);
                    String::from_utf8(payload).expect("a text")
                }
                _ = ticks.tick() => {
                    wire.frame(TEXT, PING.as_bytes()).await;
                    String::new()
                }
            },
            Link::Events { stream, post } => tokio::select! {
                chunk = stream.chunk() => {
                    let chunk = chunk.expect("open");
                    let lines = chunk.lines();
                    lines.filter_map(|line| line.strip_prefix("data: ")).collect()
                }
                _ = ticks.tick() => {
                    post.post(target, PING.as_bytes()).await.expect_text(200, "");
                    String::new()
                }
            },
        }
    }
}
