//! What the client knows of the chat: the methods of its hub, what the hub calls, and what travels.
//!
//! The server is a program of its own and shares no crate with its clients, so its API is written down once more here; the example
//! `contract` shows the other way. These traits have the names and types of `examples/chat/hub.rs`.

use serde::Deserialize;
use signalr::{HubError, hub, receiver};

/// Makes `ChatProxy`.
#[hub]
pub(crate) trait Chat {
    /// Enters a room under a name, and leaves the last one.
    async fn join(&self, name: &str, room: &str) -> Result<Welcome, HubError>;
    /// Leaves the room and stays connected.
    async fn leave(&self) -> Result<(), HubError>;
    /// Says something to everyone in the room, the speaker included.
    async fn say(&self, text: &str) -> Result<(), HubError>;
    /// Tells the others in the room that the caller began or stopped typing.
    async fn typing(&self, active: bool) -> Result<(), HubError>;
}

/// What the hub calls.
#[receiver]
pub(crate) trait ChatClient {
    /// Somebody said something.
    async fn said(&self, room: String, message: Message);
    /// Somebody came or went.
    async fn people_changed(&self, room: String, people: People);
    /// Somebody began or stopped typing.
    async fn typing(&self, room: String, name: String, active: bool);
    /// Rooms were opened or forgotten, or their sizes changed.
    async fn rooms_changed(&self, rooms: Vec<RoomSize>);
}

/// Something that was said; `at` is different for all messages of a room.
#[derive(Debug, Deserialize)]
pub(crate) struct Message {
    pub at: u64,
    pub from: String,
    pub text: String,
}

/// Who is in a room; the greater version is the newer list.
#[derive(Debug, Deserialize)]
pub(crate) struct People {
    pub version: u64,
    pub names: Vec<String>,
}

/// The room that was entered; it and the user are called as the hub has tidied their names up.
#[derive(Debug, Deserialize)]
pub(crate) struct Welcome {
    pub name: String,
    pub room: String,
    pub people: People,
    pub history: Vec<Message>,
}

/// A line in the list of rooms.
#[derive(Debug, Deserialize)]
pub(crate) struct RoomSize {
    pub name: String,
    pub people: usize,
}
