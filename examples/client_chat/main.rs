//! A client of the chat for the terminal: rooms, presence, typing indicators, history, and a connection that comes back.
//!
//! Run `cargo run --release --example chat` in one terminal and `cargo run --release --example client_chat` in others, or talk with the
//! page. The hub's URL, a name and a room may follow, as in `-- http://127.0.0.1:5000/chat ann lobby`. `/help` lists the commands. Input
//! from a file or a pipe is said line by line.
//!
//! Where to look: `api.rs` is what the client knows of the hub; `events.rs` hears it; `app.rs` does what is to be done.

mod app;
mod commands;
mod events;
mod input;
mod room;
mod screen;

use std::{env, process::ExitCode, time::Duration};

use client_chat_api as api;
use signalr::{Backoff, HubConnection};
use tokio::sync::mpsc;

use crate::{
    app::App,
    events::{Event, Events},
    screen::{reason, visible},
};

/// Events that may wait before the hub does.
const WAITING: usize = 256;

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let url = arguments.next();
    let url = url.as_deref().unwrap_or("http://127.0.0.1:5000/chat");
    let user = || {
        ["USER", "USERNAME"]
            .iter()
            .find_map(|name| env::var(name).ok())
    };
    let name = arguments.next().or_else(user);
    let name = name.unwrap_or_else(|| "guest".into());
    let room = arguments.next().unwrap_or_else(|| "lobby".into());

    let (queue, happens) = mpsc::channel(WAITING);
    let events = Events(queue);
    let (screen, prompts) = match input::start(events.clone()) {
        Ok(started) => started,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };

    let [lost, back, closed] = [(); 3].map(|()| events.clone());
    let connection = HubConnection::builder(url)
        .receiver(events)
        // At once, then less and less often, without an end.
        .automatic_reconnect_with(Backoff::new().maximum(Duration::from_secs(10)))
        .on_reconnecting(move |error| lost.tell(Event::Lost(error)))
        .on_reconnected(move |_| back.tell(Event::Back))
        .on_closed(move |error| closed.tell(Event::Closed(error)))
        .connect()
        .await;
    let connection = match connection {
        Ok(connection) => connection,
        Err(error) => {
            eprintln!("{}", visible(&reason(&error)));
            return ExitCode::FAILURE;
        }
    };
    match App::new(connection, screen, prompts, name)
        .run(happens, &room)
        .await
    {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
