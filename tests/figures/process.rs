//! The clients' process: this program once more.

use std::process::Stdio;

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// The process of the clients.
pub struct Clients {
    child: Child,
    says: Lines<BufReader<ChildStdout>>,
}

impl Clients {
    /// Completes when all of them are connected.
    pub async fn start(arguments: &[&str]) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("this program runs");
        let stdout = child.stdout.take().expect("piped");
        let says = BufReader::new(stdout).lines();
        let mut clients = Self { child, says };
        clients.say("connected").await;
        clients
    }

    /// They say this next.
    pub async fn say(&mut self, word: &str) {
        assert_eq!(
            self.line().await.as_deref(),
            Some(word),
            "the clients have failed"
        );
    }

    /// What they say next; `None` if they have ended.
    pub async fn line(&mut self) -> Option<String> {
        self.says.next_line().await.expect("a text")
    }

    /// Has them leave, and fails if something came that should not.
    pub async fn end(mut self) {
        drop(self.child.stdin.take());
        let status = self.child.wait().await.expect("a process of ours");
        assert!(status.success(), "the clients: {status}");
    }
}
