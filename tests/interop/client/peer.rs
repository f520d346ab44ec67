//! The server's process, and what waits for it.

use std::{ffi::OsString, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

pub struct Peer {
    pub url: String,
    command: Vec<OsString>,
    process: Child,
}

impl Peer {
    pub async fn start(command: Vec<OsString>) -> Self {
        let (process, url) = spawn(&command, 0).await;
        Self {
            url,
            command,
            process,
        }
    }

    pub async fn kill(&mut self) {
        self.process.kill().await.expect("killed");
    }

    /// Starts it again at the same port.
    pub async fn restart(&mut self) {
        let port = self.addr().rsplit(':').next().map(str::parse);
        let port = port.expect("a port").expect("a number");
        let (process, url) = spawn(&self.command, port).await;
        assert_eq!(url, self.url);
        self.process = process;
    }

    /// Host and port.
    pub fn addr(&self) -> &str {
        let rest = self.url.strip_prefix("http://");
        let addr = rest.and_then(|rest| rest.strip_suffix("/desk"));
        addr.expect("the URL of the hub")
    }
}

async fn spawn(command: &[OsString], port: u16) -> (Child, String) {
    let (program, arguments) = command.split_first().expect("a command");
    let mut process = Command::new(program)
        .args(arguments)
        .args(["--port", &port.to_string()])
        // It ends with its input, and so with this program.
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("a server");
    let lines = process.stdout.take().expect("piped");
    let url = BufReader::new(lines).lines().next_line().await;
    let url = url.expect("readable").expect("it listens");
    (process, url)
}

/// Asks again and again until it is so; the program's patience ends it otherwise.
pub async fn until<F: Future<Output = bool>>(is_so: impl Fn() -> F) {
    while !is_so().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
