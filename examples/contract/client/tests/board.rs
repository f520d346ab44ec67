//! The client's program against the server's hub.

use std::{
    io,
    process::{Output, Stdio},
    time::Duration,
};

use contract_server::SharedBoard;
use signalr::{HubServer, Server};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
};

const PATIENCE: Duration = Duration::from_secs(20);

async fn server() -> io::Result<String> {
    let board = HubServer::new(SharedBoard::default()).at("/board");
    let server = Server::new().mount(board).bind("127.0.0.1:0").await?;
    let url = format!("http://{}/board", server.local_addr()?);
    tokio::spawn(server.run());
    Ok(url)
}

fn start(url: &str, command: &[&str]) -> io::Result<Child> {
    Command::new(env!("CARGO_BIN_EXE_contract-client"))
        .arg(url)
        .args(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
}

/// How the program ends when it is given this input.
async fn end(url: &str, command: &[&str], input: &[u8]) -> io::Result<Output> {
    let mut child = start(url, command)?;
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(input).await?;
    drop(stdin);
    tokio::time::timeout(PATIENCE, child.wait_with_output()).await?
}

/// What the program prints, errors behind the rest.
async fn run(url: &str, command: &[&str], input: &str) -> io::Result<String> {
    let output = end(url, command, input.as_bytes()).await?;
    let printed = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&printed).into_owned())
}

#[tokio::test]
async fn a_client_and_a_server_keep_to_their_contract() -> io::Result<()> {
    let url = server().await?;
    let mut watcher = start(&url, &["watch"])?;
    let mut watched = BufReader::new(watcher.stdout.take().expect("piped")).lines();

    let ready = tokio::time::timeout(PATIENCE, watched.next_line()).await??;
    assert_eq!(ready.as_deref(), Some("Watching"));

    assert_eq!(run(&url, &["add", "tea"], "").await?, "[ ] 1 tea\n");
    assert_eq!(
        run(&url, &["import"], "milk\nbread\n").await?,
        "2 tasks added\n"
    );
    assert_eq!(run(&url, &["finish", "2"], "").await?, "[x] 2 milk\n");
    assert_eq!(
        run(&url, &["list"], "").await?,
        "[ ] 1 tea\n[x] 2 milk\n[ ] 3 bread\n"
    );

    let question = "Remove 1 finished tasks? [y/N]\n";
    assert_eq!(
        run(&url, &["clear"], "n\n").await?,
        format!("{question}0 tasks removed\n")
    );
    assert_eq!(
        run(&url, &["clear"], "y\n").await?,
        format!("{question}1 tasks removed\n")
    );
    assert_eq!(run(&url, &["list"], "").await?, "[ ] 1 tea\n[ ] 3 bread\n");
    let refused = run(&url, &["finish", "999"], "").await?;
    assert!(refused.ends_with("There is no task 999.\n"), "{refused}");

    for expected in ["[ ] 1 tea", "[ ] 2 milk", "[ ] 3 bread", "[x] 2 milk"] {
        let line = tokio::time::timeout(PATIENCE, watched.next_line()).await??;
        assert_eq!(line.as_deref(), Some(expected));
    }
    Ok(())
}

/// Where nobody listens.
const NOBODY: &str = "http://127.0.0.1:1/board";

#[tokio::test]
async fn what_is_no_command_is_told_before_anybody_is_asked() -> io::Result<()> {
    for (command, told) in [
        (&["nonsense", "x"][..], "there is no command `nonsense x`"),
        (&["add"], "there is no command `add`"),
        (&["list", "all"], "there is no command `list all`"),
        (
            &["finish", "zzz"],
            "`zzz` is no ID: invalid digit found in string",
        ),
        (&[], "a command is missing"),
    ] {
        let output = end(NOBODY, command, b"").await?;
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{printed}");
        let usage = format!("{told}\n\ncontract-client URL COMMAND\n");
        assert!(printed.starts_with(&usage), "{printed}");
        assert!(output.stdout.is_empty());
    }
    Ok(())
}

#[tokio::test]
async fn an_error_is_told_with_its_causes() -> io::Result<()> {
    let output = end(NOBODY, &["list"], b"").await?;
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{printed}");
    let beginning = format!("negotiation at {NOBODY}/negotiate failed: ");
    let causes = printed.strip_prefix(&beginning).unwrap_or_default();
    assert!(!causes.is_empty(), "{printed}");
    assert_eq!(printed.lines().count(), 1, "{printed}");
    Ok(())
}

#[tokio::test]
async fn an_import_names_the_line_that_cannot_be_read() -> io::Result<()> {
    let url = server().await?;
    let output = end(&url, &["import"], b"tea\nmi\xfflk\nbread\n").await?;
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert_eq!(
        printed,
        "line 2 of the input cannot be read: invalid utf-8 sequence of 1 bytes from index 2\n"
    );
    assert_eq!(output.stdout, b"1 tasks added\n");
    assert_eq!(run(&url, &["list"], "").await?, "[ ] 1 tea\n");
    Ok(())
}
