//! The program's state, and what becomes of each event. One task has all of it, so nothing is locked; while it waits for the hub's answer,
//! what happens waits in the queue and comes after that answer.

use std::{ops::ControlFlow, sync::mpsc};

use signalr::{Error, HubConnection, HubConnectionState};
use tokio::sync::mpsc::Receiver;

use crate::{
    api::{ChatProxy, Message, RoomSize},
    commands::{Command, HELP},
    events::Event,
    room::Room,
    screen::{Screen, reason, reason_of_end, visible},
};

pub(crate) struct App {
    connection: HubConnection,
    chat: ChatProxy,
    screen: Screen,
    prompts: mpsc::Sender<String>,
    name: String,
    here: Option<Room>,
    rooms: Vec<RoomSize>,
    /// What the user has just said, and sees in the line above.
    on_screen: Option<String>,
    closed: bool,
}

impl App {
    pub(crate) fn new(
        connection: HubConnection,
        screen: Screen,
        prompts: mpsc::Sender<String>,
        name: String,
    ) -> Self {
        Self {
            chat: ChatProxy::new(&connection),
            connection,
            screen,
            prompts,
            name,
            here: None,
            rooms: Vec::new(),
            on_screen: None,
            closed: false,
        }
    }

    /// Goes on until the user leaves, or the connection has ended for good; then the answer is false.
    pub(crate) async fn run(mut self, mut events: Receiver<Event>, room: &str) -> bool {
        let joined = self.join(room).await;
        self.show_error(joined);
        self.prompt();
        while let Some(event) = events.recv().await {
            if self.handle(event).await.is_break() {
                break;
            }
        }
        self.connection.stop().await;
        !self.closed
    }

    async fn handle(&mut self, event: Event) -> ControlFlow<()> {
        match event {
            Event::Line(_) if self.closed => return ControlFlow::Break(()),
            Event::Line(line) => match Command::of(&line) {
                Command::Quit => return ControlFlow::Break(()),
                command => {
                    let done = self.obey(command).await;
                    self.show_error(done);
                    self.prompt();
                }
            },
            Event::Edits(active) => self.tell_typing(active).await,
            Event::End(error) => {
                if let Some(error) = error {
                    self.screen.error(&error);
                }
                return ControlFlow::Break(());
            }
            Event::Closed(error) => return self.end(error.as_ref()),
            Event::Lost(error) => {
                let reason = reason_of_end(error.as_ref());
                let text = format!("The connection is lost, and is being opened again: {reason}");
                self.screen.error(&text);
            }
            Event::Back => self.come_back().await,
            Event::RoomsChanged(rooms) => self.rooms = rooms,
            Event::Said(room, message) if self.is_here(&room) => self.show_message(&message),
            Event::PeopleChanged(room, people) if self.is_here(&room) => {
                let news = self.here.as_mut().and_then(|room| room.change(people));
                let (came, left) = news.unwrap_or_default();
                came.iter()
                    .for_each(|name| self.screen.notice(&format!("{name} came in")));
                left.iter()
                    .for_each(|name| self.screen.notice(&format!("{name} left")));
            }
            Event::Typing(room, name, active) if self.is_here(&room) => {
                let text = format!("{name} is typing");
                let here = self.here.as_mut();
                if here.is_some_and(|room| room.typing(name, active)) {
                    self.screen.notice(&text);
                }
            }
            // Of a room that was left: they were under way.
            Event::Said(..) | Event::PeopleChanged(..) | Event::Typing(..) => {}
        }
        ControlFlow::Continue(())
    }

    async fn obey(&mut self, command: Command<'_>) -> Result<(), Error> {
        match command {
            Command::Join(room) => self.join(room).await?,
            Command::Leave => {
                self.chat.leave().await?;
                self.here = None;
            }
            Command::Rooms => {
                for RoomSize { name, people } in &self.rooms {
                    self.screen.line(&format!("    #{name} ({people})"));
                }
            }
            Command::People => {
                for name in self.here.iter().flat_map(Room::names) {
                    self.screen.line(&format!("    {name}"));
                }
            }
            Command::Help => HELP.lines().for_each(|line| self.screen.line(line)),
            Command::Unknown(name) => {
                let text = format!("There is no command {name}; /help shows those that are.");
                self.screen.error(&text);
            }
            Command::Say(text) => {
                self.on_screen = self.screen.is_terminal().then(|| text.to_owned());
                self.chat.say(text).await?;
            }
            Command::Nothing | Command::Quit => {}
        }
        Ok(())
    }

    /// Enters a room: the first, another, or the same over a new connection.
    async fn join(&mut self, room: &str) -> Result<(), Error> {
        let welcome = self.chat.join(&self.name, room).await?;
        self.name.clone_from(&welcome.name);
        let (room, history) = Room::new(welcome, self.here.take());
        let names = room.names().join(", ");
        let text = format!("You are {} in #{}: {names}", self.name, room.name);
        self.screen.notice(&text);
        self.here = Some(room);
        history
            .iter()
            .for_each(|message| self.show_message(message));
        Ok(())
    }

    /// To the server a new connection is a stranger: it must hear again who the user is, and where.
    async fn come_back(&mut self) {
        self.screen.notice("The connection is back");
        let Some(room) = self.here.as_ref().map(|room| room.name.clone()) else {
            return;
        };
        let joined = self.join(&room).await;
        // If the connection broke once more, this will be tried again.
        if joined.is_err() && self.connection.state() == HubConnectionState::Connected {
            self.here = None;
            self.show_error(joined);
        }
    }

    /// The end of the connection. A terminal gets its line back first.
    fn end(&mut self, error: Option<&Error>) -> ControlFlow<()> {
        self.closed = true;
        let reason = reason_of_end(error);
        let text = format!("The connection has ended: {reason}");
        self.screen.error(&text);
        if !self.screen.is_terminal() {
            return ControlFlow::Break(());
        }
        self.screen.notice("Enter ends the program");
        ControlFlow::Continue(())
    }

    async fn tell_typing(&self, active: bool) {
        if self.here.is_some() && self.connection.state() == HubConnectionState::Connected {
            // An indicator may be lost.
            self.chat.sending().typing(active).await.ok();
        }
    }

    fn show_message(&mut self, message: &Message) {
        let is_new = self.here.as_mut().is_some_and(|room| room.is_new(message));
        let is_own = message.from == self.name;
        let on_screen = self
            .on_screen
            .take_if(|text| is_own && *text == message.text);
        if is_new && on_screen.is_none() {
            self.screen.said(&message.from, &message.text);
        }
    }

    fn show_error(&mut self, done: Result<(), Error>) {
        if let Err(error) = done {
            self.screen.error(&reason(&error));
        }
    }

    fn is_here(&self, room: &str) -> bool {
        self.here.as_ref().is_some_and(|here| here.name == room)
    }

    /// Asks for the next line.
    fn prompt(&self) {
        let room = self.here.as_ref().map(|room| visible(&room.name));
        let prompt = room.map_or_else(|| "> ".into(), |room| format!("#{room}> "));
        // The thread ends with the program alone.
        self.prompts.send(prompt).unwrap_or_default();
    }
}
