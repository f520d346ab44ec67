//! The hub: what pages can call, and what they hear.

use std::sync::Arc;

use signalr::{Connecting, Context, Error, HubError, hub, receiver};

use crate::limits;
use crate::rooms::Rooms;
use crate::session::Session;
use crate::wire::{Message, People, Place, RoomSize, Welcome};

/// What the server calls on a page. Every room event names its room: after a change of room, the last events of the
/// old one may still be under way.
#[receiver]
pub(crate) trait ChatClient {
    /// Somebody said something.
    async fn said(&self, room: &str, message: &Message);
    /// Somebody came or went.
    async fn people_changed(&self, room: &str, people: &People);
    /// Somebody began or stopped typing.
    async fn typing(&self, room: &str, name: &str, active: bool);
    /// Rooms were opened or forgotten, or their sizes changed.
    async fn rooms_changed(&self, rooms: Vec<RoomSize>);
}

/// The chat. One value serves every connection, so what they share is behind one `Arc`.
#[derive(Debug)]
pub(crate) struct ChatHub {
    rooms: Arc<Rooms>,
}

impl ChatHub {
    pub(crate) fn new(rooms: Arc<Rooms>) -> Self {
        Self { rooms }
    }
}

#[hub(client = ChatClient, session = Session)]
impl ChatHub {
    /// The newcomer's first list of rooms comes from where all lists come from, so that it is never behind a newer one.
    async fn on_connected(&self, _cx: &Connecting<Self>) -> Result<Session, HubError> {
        self.rooms.announce();
        Ok(Session::default())
    }

    /// A page that vanishes leaves its room like one that says so.
    async fn on_disconnected(&self, cx: &Context<Self>, _reason: Option<&Error>) {
        // There is nobody left to report a failure to.
        self.move_to(cx, None).await.ok();
    }

    /// Enters a room under a name. The answer has all that the page needs to draw it.
    pub async fn join(
        &self,
        cx: &Context<Self>,
        name: &str,
        room: &str,
    ) -> Result<Welcome, HubError> {
        cx.session().spend(3.0)?;
        let name = limits::name("name", name)?;
        let room = limits::name("room", room)?.to_lowercase();
        let place = Place { name, room };

        // First in, then out: whoever is refused stays where they were.
        let people = self.rooms.enter(&place)?;
        self.move_to(cx, Some(place.clone())).await?;
        cx.join(&place.room).await?;
        if let Some(people) = people {
            let others = cx.clients().others_in_group(&place.room);
            others.people_changed(&place.room, &people).await?;
        }
        // Looked up after joining the group: what is said from now on comes as an event, what was said before is in
        // here, and the page shows once what comes both ways.
        let welcome = self.rooms.welcome(place);
        welcome.ok_or_else(|| HubError::new("the room has closed"))
    }

    /// Leaves the room and stays connected.
    pub async fn leave(&self, cx: &Context<Self>) -> Result<(), HubError> {
        self.move_to(cx, None).await
    }

    /// Says something to everyone in the room, the speaker included.
    pub async fn say(&self, cx: &Context<Self>, text: &str) -> Result<(), HubError> {
        let place = cx.session().spend_in_room(1.0)?;
        let text = limits::text(text)?;
        if let Some(message) = self.rooms.say(&place, text) {
            let everyone = cx.clients().group(&place.room);
            everyone.said(&place.room, &message).await?;
        }
        Ok(())
    }

    /// Tells the others in the room that the caller began or stopped typing.
    pub async fn typing(&self, cx: &Context<Self>, active: bool) -> Result<(), HubError> {
        let Place { name, room } = cx.session().spend_in_room(0.3)?;
        let others = cx.clients().others_in_group(&room);
        Ok(others.typing(&room, &name, active).await?)
    }

    /// Remembers where the connection is from now on, and tidies up where it was. Not `pub`: no client can call it.
    async fn move_to(&self, cx: &Context<Self>, next: Option<Place>) -> Result<(), HubError> {
        let Some(old) = cx.session().move_to(next) else {
            return Ok(());
        };
        // Before the first await: a call ends with its connection, at any of them, and must not leave a ghost behind.
        let people = self.rooms.leave(&old);
        cx.leave(&old.room).await?;
        if let Some(people) = people {
            let rest = cx.clients().group(&old.room);
            rest.people_changed(&old.room, &people).await?;
        }
        Ok(())
    }
}
