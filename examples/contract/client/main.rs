//! Keeps the list of tasks from the command line.
//!
//! ```sh
//! cargo run --release -p contract-client http://127.0.0.1:5002/board add "write it down once"
//! ```

use std::{
    future::ready,
    io, iter,
    process::ExitCode,
    sync::{Arc, OnceLock},
};

use contract_api::{BoardClient, BoardProxy, Task};
use futures_util::{Stream, StreamExt, stream};
use signalr::{HubConnection, receiver};
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
        answer.is_some_and(|answer| answer.is_ok_and(|answer| answer.trim() == "y"))
    }
}

fn print(task: &Task) {
    let done = if task.finished { 'x' } else { ' ' };
    println!("[{done}] {} {}", task.id, task.text);
}

/// What is to be done.
enum Command {
    Add(String),
    Finish(u32),
    List,
    Import,
    Clear,
    Watch,
}

impl Command {
    /// # Errors
    /// What is wrong with it.
    fn read(words: &[String]) -> Result<Self, String> {
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        match words[..] {
            ["add", text] => Ok(Self::Add(text.to_owned())),
            ["finish", id] => match id.parse() {
                Ok(id) => Ok(Self::Finish(id)),
                Err(error) => Err(format!("`{}` is no ID: {error}", id.escape_debug())),
            },
            ["list"] => Ok(Self::List),
            ["import"] => Ok(Self::Import),
            ["clear"] => Ok(Self::Clear),
            ["watch"] => Ok(Self::Watch),
            [] => Err("a command is missing".to_owned()),
            _ => Err(format!(
                "there is no command `{}`",
                words.join(" ").escape_debug()
            )),
        }
    }
}

type Failure = Box<dyn std::error::Error>;

/// The input, line by line.
fn lines(
    input: BufReader<Stdin>,
) -> impl Stream<Item = Result<String, io::Error>> + Send + 'static {
    stream::unfold(input.lines(), |mut lines| async {
        let line = lines.next_line().await.transpose()?;
        Some((line, lines))
    })
}

/// The input up to a line that cannot be read; why not is put aside.
fn readable(broken: &Arc<OnceLock<String>>) -> impl Stream<Item = String> + Send + 'static {
    let lines = lines(BufReader::new(stdin())).enumerate();
    lines.scan(Arc::clone(broken), |broken, (before, line)| {
        let told = |error| format!("line {} of the input cannot be read: {error}", before + 1);
        let line = line.map_err(|error| broken.set(told(error)));
        ready(line.ok())
    })
}

async fn run(url: &str, command: Command) -> Result<(), Failure> {
    let watches = matches!(command, Command::Watch);
    let connection = HubConnection::builder(url)
        .receiver(Terminal { watches })
        .automatic_reconnect()
        .connect()
        .await?;
    let board = BoardProxy::new(&connection);
    match command {
        Command::Add(text) => print(&board.add(&text).await?),
        Command::Finish(id) => print(&board.finish(id).await?),
        Command::List => {
            let mut tasks = board.tasks().await?;
            while let Some(task) = tasks.next().await {
                print(&task?);
            }
        }
        Command::Import => {
            let broken = Arc::default();
            let count = board.import(readable(&broken)).await?;
            println!("{count} tasks added");
            if let Some(told) = broken.get() {
                return Err(told.as_str().into());
            }
        }
        Command::Clear => println!("{} tasks removed", board.clear().await?),
        Command::Watch => {
            println!("Watching");
            std::future::pending::<()>().await;
        }
    }
    connection.stop().await;
    Ok(())
}

/// What the hub has said, or an error with its causes.
fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    let said = error.downcast_ref::<signalr::Error>();
    if let Some(said) = said.and_then(signalr::Error::remote_message) {
        return said.to_owned();
    }
    let causes = iter::successors(Some(error), |error| error.source());
    let texts: Vec<_> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let command = match arguments.split_first() {
        Some((url, words)) => Command::read(words).map(|command| (url, command)),
        None => Err("the URL is missing".to_owned()),
    };
    let (url, command) = match command {
        Ok(command) => command,
        Err(wrong) => {
            eprintln!("{wrong}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(url, command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", reason(&*error));
            ExitCode::FAILURE
        }
    }
}
