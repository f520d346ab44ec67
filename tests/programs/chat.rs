//! `client_chat`, driven through pipes.

use signalr::{Context, HubError, HubServer, hub, receiver};

use crate::process::{Program, Server, tells_that_nobody_is_there};

fn client(server: &Server, name: &str) -> Program {
    let url = format!("http://{}/chat", server.address);
    Program::start("client_chat", &[&url, name])
}

#[tokio::test]
async fn two_clients_of_the_chat_see_each_other_come_talk_and_leave() {
    let server = Server::start("chat").await;
    let mut ann = client(&server, "ann");
    ann.says("* You are ann in #lobby: ann").await;
    let mut ben = client(&server, "ben");
    ben.says("* You are ben in #lobby: ann, ben").await;
    ann.says("* ben came in").await;

    ann.type_line("hello").await;
    ann.says("<ann> hello").await;
    ben.says("<ann> hello").await;
    ben.type_line("/join Other  room").await;
    ben.says("* You are ben in #other room: ben").await;
    ann.says("* ben left").await;

    ben.type_line("nobody hears me").await;
    ben.says("<ben> nobody hears me").await;
    ben.type_line("/leave").await;
    ben.type_line("nor this").await;
    ben.says("! join a room first").await;
    ben.type_line("/join lobby").await;
    ben.says("* You are ben in #lobby: ann, ben").await;
    ben.says("<ann> hello").await;
    ann.says("* ben came in").await;
    ben.type_line("/people").await;
    ben.says("    ann").await;
    ben.says("    ben").await;
    ben.type_line("/join").await;
    ben.says("! the room is empty").await;
    ben.type_line("/nonsense").await;
    ben.says("! There is no command /nonsense; /help shows those that are.")
        .await;
    ben.type_line("/quit").await;
    assert!(ben.end().await);
    ann.says("* ben left").await;
    assert!(ann.end().await);
}

#[tokio::test]
async fn clients_of_the_chat_outlive_its_server() {
    let server = Server::start("chat").await;
    let mut ann = client(&server, "ann");
    ann.says("* You are ann in #lobby: ann").await;
    ann.type_line("/join den").await;
    ann.says("* You are ann in #den: ann").await;

    let address = server.kill().await;
    ann.comes_to("! The connection is lost, and is being opened again: ")
        .await;
    let server = Server::start_again("chat", &address).await;
    ann.says("* The connection is back").await;
    ann.says("* You are ann in #den: ann").await;

    let mut ben = client(&server, "ben");
    ben.says("* You are ben in #lobby: ben").await;
    ben.type_line("/join den").await;
    ben.says("* You are ben in #den: ann, ben").await;
    ann.says("* ben came in").await;
    ben.type_line("still there?").await;
    ann.says("<ben> still there?").await;
    assert!(ann.end().await);
    ben.comes_to("* ann left").await;
    assert!(ben.end().await);
}

#[derive(serde::Serialize)]
struct Message {
    at: u64,
    from: String,
    text: String,
}

#[derive(serde::Serialize)]
struct People {
    version: u64,
    names: Vec<String>,
}

#[derive(serde::Serialize)]
struct Welcome {
    name: String,
    room: String,
    people: People,
    history: Vec<Message>,
}

#[receiver]
trait ChatClient {
    async fn said(&self, room: &str, message: &Message);
    async fn typing(&self, room: &str, name: &str, active: bool);
}

/// A chat that wants to steer its users' terminals.
struct Evil;

const EVIL: &str = "\u{1b}[2J\u{9b}31m\u{202e}b\r\u{7}ad\u{200b}";

#[hub(client = ChatClient)]
impl Evil {
    pub fn join(&self, name: &str, _room: &str) -> Welcome {
        let names = vec![format!("{EVIL}\n! no error")];
        Welcome {
            name: name.to_owned(),
            room: EVIL.to_owned(),
            people: People { version: 1, names },
            history: Vec::new(),
        }
    }

    pub async fn say(&self, cx: &Context<Self>, text: &str) -> Result<(), HubError> {
        let said = Message {
            at: 1,
            from: EVIL.to_owned(),
            text: format!("{EVIL}\n* {text}"),
        };
        cx.clients()
            .caller()
            .typing(EVIL, &format!("{EVIL}\n! no error"), true)
            .await?;
        cx.clients().caller().said(EVIL, &said).await?;
        Err(HubError::new(format!("{EVIL}\n{text}")))
    }
}

#[tokio::test]
async fn a_chat_cannot_steer_the_terminals_of_its_clients() {
    let hub = HubServer::new(Evil).at("/chat");
    let server = signalr::Server::new().mount(hub).bind("127.0.0.1:0").await;
    let server = server.expect("a free port");
    let url = format!("http://{}/chat", server.local_addr().expect("bound"));
    tokio::spawn(server.run());

    let mut ann = Program::start("client_chat", &[&url, "ann"]);
    ann.says("* You are ann in #[2J31mbad: [2J31mbad ! no error")
        .await;
    ann.type_line("x").await;
    // The answer may overtake what was heard before it.
    let mut lines = Vec::new();
    while lines.len() < 4 {
        lines.push(ann.line().await.expect("it goes on"));
    }
    let mut expected = [
        "! [2J31mbad x",
        "* [2J31mbad ! no error is typing",
        "    * x",
        "<[2J31mbad> [2J31mbad",
    ];
    lines.sort();
    expected.sort_unstable();
    assert_eq!(lines, expected);
    assert!(ann.end().await);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_in_one_line() {
    let url = "http://127.0.0.1:1/chat";
    tells_that_nobody_is_there("client_chat", url, &["ann"]).await;
}
