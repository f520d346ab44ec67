//! `client_chat` in a terminal.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::OwnedFd,
    process::Stdio,
    thread,
};

use nix::{
    pty::{Winsize, openpty},
    sys::termios::{LocalFlags, tcgetattr},
};
use tokio::{
    process::{Child, Command},
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::timeout,
};

use crate::process::{PATIENCE, Program, Server, program};

/// A program in a terminal of its own.
struct Terminal {
    child: Child,
    keys: File,
    shows: UnboundedReceiver<Vec<u8>>,
    /// What it has shown and nobody has looked at yet.
    shown: String,
    /// The program's end, which keeps the terminal when the program has left it.
    inside: OwnedFd,
}

impl Terminal {
    fn start(name: &str, arguments: &[&str]) -> Self {
        let size = Winsize {
            ws_row: 24,
            ws_col: 80,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pty = openpty(&size, None).expect("a terminal");
        let end = || Stdio::from(pty.slave.try_clone().expect("a descriptor"));
        let child = Command::new(program(name))
            .args(arguments)
            .env("TERM", "xterm")
            .stdin(end())
            .stdout(end())
            .kill_on_drop(true)
            .spawn()
            .expect("the example runs");
        let keys = File::from(pty.master);
        let mut screen = keys.try_clone().expect("a descriptor");
        let (sender, shows) = unbounded_channel();
        // Ends when nobody has the terminal's other end any more.
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = screen.read(&mut buffer) {
                if sender.send(buffer[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            keys,
            shows,
            shown: String::new(),
            inside: pty.slave,
        }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("a terminal");
    }

    /// Shows this, some time; answers with all until there.
    async fn shows(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.shown.find(text) {
                let rest = self.shown.split_off(at + text.len());
                return std::mem::replace(&mut self.shown, rest);
            }
            let more = timeout(PATIENCE, self.shows.recv()).await;
            let more = more.unwrap_or_else(|_| panic!("no {text:?} in {:?}", self.shown));
            self.shown += &String::from_utf8_lossy(&more.expect("the terminal is kept"));
        }
    }

    /// Whether lines are edited by the terminal itself, as programs expect to find it.
    fn is_itself(&self) -> bool {
        let settings = tcgetattr(&self.inside).expect("a terminal");
        let own = LocalFlags::ICANON | LocalFlags::ECHO;
        settings.local_flags.contains(own)
    }
}

#[tokio::test]
async fn a_line_is_edited_while_others_talk_and_they_see_that_one_types() {
    let server = Server::start("chat").await;
    let url = format!("http://{}/chat", server.address);
    let mut ann = Terminal::start("client_chat", &[&url, "ann"]);
    ann.shows("* You are ann in #lobby: ann").await;
    ann.shows("#lobby> ").await;
    let mut ben = Program::start("client_chat", &[&url, "ben"]);
    ben.says("* You are ben in #lobby: ann, ben").await;
    ann.shows("* ben came in").await;

    ann.press("hel");
    ben.says("* ann is typing").await;
    ben.type_line("wait").await;
    ben.says("<ben> wait").await;
    ann.shows("<ben> wait\r\n").await;
    // What was being typed comes back below.
    ann.shows("#lobby> hel").await;
    assert!(!ann.is_itself());
    ann.press("lo\r");
    ben.says("<ann> hello").await;

    // Lines that come in one piece, as when they are pasted.
    ann.press("one\rtwo\r");
    ben.comes_to("<ann> one").await;
    ben.comes_to("<ann> two").await;

    // A line that was typed stays, and is not printed once more.
    ben.type_line("welcome").await;
    let shown = ann.shows("<ben> welcome").await;
    assert!(!shown.contains("<ann>"), "{shown:?}");
    // The arrow brings it back.
    ann.press("\u{1b}[A");
    ann.shows("#lobby> two").await;
    ann.press("\u{15}/quit\r");
    let status = timeout(PATIENCE, ann.child.wait()).await.expect("it ends");
    assert!(status.expect("a process of ours").success());
    assert!(ann.is_itself());
}

#[tokio::test]
async fn ctrl_d_leaves() {
    let server = Server::start("chat").await;
    let url = format!("http://{}/chat", server.address);
    let mut ann = Terminal::start("client_chat", &[&url, "ann", "den"]);
    ann.shows("#den> ").await;
    ann.press("\u{4}");
    let status = timeout(PATIENCE, ann.child.wait()).await.expect("it ends");
    assert!(status.expect("a process of ours").success());
    assert!(ann.is_itself());
}
