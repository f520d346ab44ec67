//! Processes of examples, and what they print.

use std::{path::PathBuf, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

/// Longer than anything takes but what never comes.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The program of an example, built beside the tests.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this program");
    let target = test.ancestors().nth(2).expect("in deps/ of its profile");
    let program = target
        .join("examples")
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        program.exists(),
        "{} is missing: cargo build -p signalr-examples -p client-chat --examples",
        program.display()
    );
    program
}

/// A running example, which is killed with this value.
pub struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    pub fn start(name: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(program(name))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the example runs");
        let stdout = child.stdout.take().expect("piped");
        Self {
            stdin: child.stdin.take(),
            lines: BufReader::new(stdout).lines(),
            child,
        }
    }

    pub async fn type_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("not ended yet");
        let line = format!("{line}\n");
        stdin.write_all(line.as_bytes()).await.expect("it reads");
    }

    /// The next line, or `None` if the program has ended.
    pub async fn line(&mut self) -> Option<String> {
        let line = timeout(PATIENCE, self.lines.next_line()).await;
        line.expect("it goes on").expect("a text")
    }

    /// It prints this next.
    pub async fn says(&mut self, expected: &str) {
        assert_eq!(self.line().await.as_deref(), Some(expected));
    }

    /// It prints a line that begins so, some time.
    pub async fn comes_to(&mut self, beginning: &str) {
        loop {
            let line = self.line().await;
            let line = line.unwrap_or_else(|| panic!("it ends without {beginning:?}"));
            if line.starts_with(beginning) {
                return;
            }
        }
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a process of ours").is_none()
    }

    /// Its input ends, then the program does: whether with success.
    pub async fn end(&mut self) -> bool {
        drop(self.stdin.take());
        let status = timeout(PATIENCE, self.child.wait()).await;
        let status = status.expect("it ends");
        status.expect("a process of ours").success()
    }
}

/// An example that is a server.
pub struct Server {
    program: Program,
    /// `HOST:PORT`
    pub address: String,
}

impl Server {
    pub async fn start(name: &str) -> Self {
        let server = Self::start_at(name, "127.0.0.1:0").await;
        server.expect("a free port")
    }

    /// `None` if it cannot be there.
    async fn start_at(name: &str, address: &str) -> Option<Self> {
        let mut program = Program::start(name, &[address]);
        let line = program.line().await?;
        let mut words = line.split_whitespace();
        let address = words.find_map(|word| word.strip_prefix("http://"))?;
        Some(Self {
            address: address.to_owned(),
            program,
        })
    }

    /// As a power cut does.
    pub async fn kill(mut self) -> String {
        self.program.child.kill().await.expect("a process of ours");
        self.address
    }

    /// At an address that was its own. Another program may have the port for a moment.
    pub async fn start_again(name: &str, address: &str) -> Self {
        let again = async {
            loop {
                if let Some(server) = Self::start_at(name, address).await {
                    break server;
                }
            }
        };
        timeout(PATIENCE, again).await.expect("its port is free")
    }
}

/// A program says of a URL of a free port that it cannot connect, and why, in one line, and fails.
pub async fn tells_that_nobody_is_there(name: &str, url: &str, more: &[&str]) {
    let ending = Command::new(program(name))
        .arg(url)
        .args(more)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, ending).await.expect("it ends");
    let output = output.expect("the example runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    let beginning = format!("negotiation at {url}/negotiate failed: ");
    assert!(told.starts_with(&beginning), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(output.stdout.is_empty());
}
