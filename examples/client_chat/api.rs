//! What the client knows of the chat: the methods of its hub, what the hub calls, and what travels.
//!
//! The server is a program of its own and shares no crate with its clients, so its API is written down once more here; the example
//! `contract` shows the other way. These traits have the names and types of `examples/chat/hub.rs`.

use serde::Deserialize;
use signalr::{HubError, hub, receiver};

/// Makes `ChatProxy`.
#[hub]
pub trait Chat {
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
pub trait ChatClient {
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
pub struct Message {
    /// Milliseconds since 1970, made unique.
    pub at: u64,
    /// Who said it.
    pub from: String,
    /// What was said.
    pub text: String,
}

/// Who is in a room; the greater version is the newer list.
#[derive(Debug, Deserialize)]
pub struct People {
    /// Grows with each change.
    pub version: u64,
    /// Who is there.
    pub names: Vec<String>,
}

/// The room that was entered; it and the user are called as the hub has tidied their names up.
#[derive(Debug, Deserialize)]
pub struct Welcome {
    /// The user's name.
    pub name: String,
    /// The room's name.
    pub room: String,
    /// Who is there.
    pub people: People,
    /// What was said last, oldest first.
    pub history: Vec<Message>,
}

/// A line in the list of rooms.
#[derive(Debug, Deserialize)]
pub struct RoomSize {
    /// The room's name.
    pub name: String,
    /// How many are there.
    pub people: usize,
}
