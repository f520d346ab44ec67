//! What a line of the user means.

pub(crate) const HELP: &str = "\
/join ROOM    enters a room, and leaves the last one
/leave        leaves the room
/rooms        lists the rooms
/people       lists the people in the room
/quit         ends the program, as Ctrl-D does
/help         shows this
Anything else is said to the room; what begins with / needs a space before it.";

pub(crate) enum Command<'a> {
    Join(&'a str),
    Leave,
    Rooms,
    People,
    Quit,
    Help,
    Unknown(&'a str),
    Say(&'a str),
    Nothing,
}

impl<'a> Command<'a> {
    pub(crate) fn of(line: &'a str) -> Self {
        let text = line.trim();
        if !line.starts_with('/') {
            return match text {
                "" => Self::Nothing,
                text => Self::Say(text),
            };
        }
        match text.split_once(' ').unwrap_or((text, "")) {
            ("/join", room) => Self::Join(room),
            ("/leave", _) => Self::Leave,
            ("/rooms", _) => Self::Rooms,
            ("/people", _) => Self::People,
            ("/quit", _) => Self::Quit,
            ("/help", _) => Self::Help,
            (other, _) => Self::Unknown(other),
        }
    }
}
