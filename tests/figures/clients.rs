//! The clients: tungstenite's WebSockets, and the hub protocol by hand.

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use tokio::{io::AsyncReadExt, net::TcpStream, task::JoinSet};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

const SEPARATOR: char = '\u{1e}';
/// Nothing takes longer, unless a message is lost.
const PATIENCE: Duration = Duration::from_secs(60);
/// Connections that are opened at the same time.
const AT_ONCE: usize = 64;

/// Connects, says so, does what the figure is about, and ends when the standard input does.
pub async fn run(figure: &str, addr: SocketAddr, count: usize, messages: u32) {
    let clients = connect(addr, count).await;
    println!("connected");
    let mut running = JoinSet::new();
    for mut client in clients {
        let figure = figure.to_owned();
        running.spawn(async move {
            match &*figure {
                "order" => client.count(messages).await,
                "broadcasts" => client.hear(messages).await,
                _ => {}
            }
            client
        });
    }
    let clients = tokio::time::timeout(PATIENCE, running.join_all()).await;
    let mut clients = clients.expect("no message is lost");
    println!("done");
    let mut nothing = Vec::new();
    let ended = tokio::io::stdin().read_to_end(&mut nothing).await;
    ended.expect("a pipe");
    // What was sent twice would come before this answer.
    for client in &mut clients {
        client.call("ping", "").await;
        client.answered().await;
    }
}

async fn connect(addr: SocketAddr, count: usize) -> Vec<Client> {
    let (mut connecting, mut clients) = (JoinSet::new(), Vec::with_capacity(count));
    for _ in 0..count {
        if connecting.len() == AT_ONCE {
            let client = connecting.join_next().await.expect("there are some");
            clients.push(client.expect("connected"));
        }
        connecting.spawn(Client::connect(addr));
    }
    clients.extend(connecting.join_all().await);
    clients
}

struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Hub messages of a WebSocket message that have not been looked at.
    left: VecDeque<String>,
}

impl Client {
    async fn connect(addr: SocketAddr) -> Self {
        let connected = connect_async(format!("ws://{addr}/hub")).await;
        let (socket, _) = connected.expect("connected");
        let left = VecDeque::new();
        let mut client = Self { socket, left };
        client.say(r#"{"protocol":"json","version":1}"#).await;
        assert_eq!(client.next().await, "{}");
        client
    }

    async fn say(&mut self, message: &str) {
        let message = Message::text(format!("{message}{SEPARATOR}"));
        self.socket.send(message).await.expect("open");
    }

    /// The next hub message that is no ping.
    async fn next(&mut self) -> String {
        loop {
            match self.left.pop_front() {
                Some(message) if message == r#"{"type":6}"# => {}
                Some(message) => return message,
                None => {
                    let message = self.socket.next().await.expect("open").expect("open");
                    let text = message.into_text().expect("a text");
                    let whole = text.strip_suffix(SEPARATOR).expect("whole messages");
                    self.left.extend(whole.split(SEPARATOR).map(str::to_owned));
                }
            }
        }
    }

    /// Has the hub send numbers, and hears them before the answer.
    async fn count(&mut self, to: u32) {
        self.call("count", &to.to_string()).await;
        self.hear(to).await;
        self.answered().await;
    }

    async fn call(&mut self, method: &str, arguments: &str) {
        let call = format!(
            r#"{{"type":1,"invocationId":"1","target":"{method}","arguments":[{arguments}]}}"#
        );
        self.say(&call).await;
    }

    /// The next message is the answer to a call.
    async fn answered(&mut self) {
        let answer = r#"{"type":3,"invocationId":"1","result":null}"#;
        assert_eq!(self.next().await, answer);
    }

    /// Hears all numbers once and in order.
    async fn hear(&mut self, to: u32) {
        for number in 0..to {
            let expected = format!(r#"{{"type":1,"target":"number","arguments":[{number}]}}"#);
            assert_eq!(self.next().await, expected);
        }
    }
}
