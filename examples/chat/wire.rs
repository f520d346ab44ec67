//! What pages see of the chat, as JSON.

use serde::Serialize;

/// Who somebody is, and where.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Place {
    pub name: String,
    pub room: String,
}

/// Something that was said.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Message {
    /// Milliseconds since 1970. No two messages of a room share one, so it is the message's identity, too.
    pub at: u64,
    pub from: String,
    pub text: String,
}

/// Who is in a room. Lists may overtake each other on the way to a page: the greater version is the newer list.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct People {
    pub version: u64,
    pub names: Vec<String>,
}

/// All that a newcomer needs to draw the room.
#[derive(Debug, Serialize)]
pub(crate) struct Welcome {
    #[serde(flatten)]
    pub place: Place,
    pub people: People,
    pub history: Vec<Message>,
}

/// A line in the list of rooms.
#[derive(Debug, Serialize)]
pub(crate) struct RoomSize {
    pub name: String,
    pub people: usize,
}
