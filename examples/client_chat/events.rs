//! All that happens, in one queue: what is heard from the hub, the fate of the connection, and what the user does.

use signalr::{Error, receiver};
use tokio::sync::mpsc;

use crate::api::{ChatClient, Message, People, RoomSize};

#[derive(Debug)]
pub(crate) enum Event {
    Said(String, Message),
    PeopleChanged(String, People),
    Typing(String, String, bool),
    RoomsChanged(Vec<RoomSize>),
    /// The connection is lost, and will be opened again.
    Lost(Option<Error>),
    Back,
    /// The connection has ended for good.
    Closed(Option<Error>),
    /// The user began or stopped typing.
    Edits(bool),
    Line(String),
    /// There is no further line; with what went wrong, if that is why.
    End(Option<String>),
}

/// Puts events into the queue. While it is full its handlers wait, and so does the hub.
#[derive(Clone, Debug)]
pub(crate) struct Events(pub mpsc::Sender<Event>);

impl Events {
    pub(crate) fn tell(&self, event: Event) -> impl Future<Output = ()> + Send + use<> {
        let queue = self.0.clone();
        // Nobody listens any more: the program ends.
        async move { queue.send(event).await.unwrap_or_default() }
    }
}

#[receiver]
impl ChatClient for Events {
    async fn said(&self, room: String, message: Message) {
        self.tell(Event::Said(room, message)).await;
    }

    async fn people_changed(&self, room: String, people: People) {
        self.tell(Event::PeopleChanged(room, people)).await;
    }

    async fn typing(&self, room: String, name: String, active: bool) {
        self.tell(Event::Typing(room, name, active)).await;
    }

    async fn rooms_changed(&self, rooms: Vec<RoomSize>) {
        self.tell(Event::RoomsChanged(rooms)).await;
    }
}
