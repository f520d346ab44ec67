//! Keeps the list of tasks from the command line.
//!
//! ```sh
//! cargo run --release -p contract-client http://127.0.0.1:5002/board add "write it down once"
//! ```

use std::process::ExitCode;

use contract_api::{BoardClient, BoardProxy, Task};
use futures_util::{Stream, StreamExt, stream};
use signalr::{Error, HubConnection, receiver};
use tokio::io::{AsyncBufReadExt, BufReader, Stdin, stdin};

const USAGE: &str = "contract-client URL COMMAND

add TEXT     adds a task
finish ID    marks a task as done
list         prints all tasks
import       adds each line of the input as a task
clear        removes what is done, after a question
watch        prints what others change, until Ctrl-C";

/// What the server sees of the user.
struct Terminal {
    watches: bool,
}

#[receiver]
impl BoardClient for Terminal {
    async fn changed(&self, task: &Task) {
        if self.watches {
            print(task);
        }
    }

    async fn confirm(&self, question: &str) -> bool {
        println!("{question} [y/N]");
        let answer = lines(BufReader::new(stdin())).boxed().next().await;
        answer.is_some_and(|answer| answer.trim() == "y")
    }
}

fn print(task: &Task) {
    let done = if task.finished { 'x' } else { ' ' };
    println!("[{done}] {} {}", task.id, task.text);
}

/// The input, line by line.
fn lines(input: BufReader<Stdin>) -> impl Stream<Item = String> + Send + 'static {
    stream::unfold(input.lines(), |mut lines| async {
        let line = lines.next_line().await.ok()??;
        Some((line, lines))
    })
}

async fn run(url: &str, command: &[&str]) -> Result<(), Error> {
    let watches = command == ["watch"];
    let connection = HubConnection::builder(url)
        .receiver(Terminal { watches })
        .automatic_reconnect()
        .connect()
        .await?;
    let board = BoardProxy::new(&connection);
    match command {
        ["add", text] => print(&board.add(text).await?),
        ["finish", id] => match id.parse() {
            Ok(id) => print(&board.finish(id).await?),
            Err(error) => eprintln!("{id}: {error}"),
        },
        ["list"] => {
            let mut tasks = board.tasks().await?;
            while let Some(task) = tasks.next().await {
                print(&task?);
            }
        }
        ["import"] => {
            let count = board.import(lines(BufReader::new(stdin()))).await?;
            println!("{count} tasks added");
        }
        ["clear"] => println!("{} tasks removed", board.clear().await?),
        ["watch"] => {
            println!("Watching");
            std::future::pending::<()>().await;
        }
        _ => eprintln!("{USAGE}"),
    }
    connection.stop().await;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let Some((url, command)) = arguments.split_first() else {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    };
    let command: Vec<_> = command.iter().map(String::as_str).collect();
    match run(url, &command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", error.remote_message().unwrap_or(&error.to_string()));
            ExitCode::FAILURE
        }
    }
}
