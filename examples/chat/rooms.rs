//! All rooms behind one lock. Pure state: sending is the hub's business, so the lock is never held across an await.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use signalr::HubError;
use tokio::sync::Notify;

use crate::limits;
use crate::room::Room;
use crate::wire::{Message, People, Place, RoomSize, Welcome};

/// The open rooms. A room opens with its first visitor and is forgotten with its last.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    open: Mutex<BTreeMap<String, Room>>,
    changed: Notify,
}

impl Rooms {
    fn open(&self) -> MutexGuard<'_, BTreeMap<String, Room>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets somebody in. Answers with the room's people if that is news to them.
    pub(crate) fn enter(&self, place: &Place) -> Result<Option<People>, HubError> {
        let mut open = self.open();
        if !open.contains_key(&place.room) && open.len() >= limits::ROOMS {
            return Err(HubError::new("there are too many rooms; join one of those"));
        }
        let room = open.entry(place.room.clone()).or_default();
        let news = room.enter(&place.name)?;
        self.announce();
        Ok(news.then(|| room.people()))
    }

    /// Lets somebody out. Answers with the room's people if that is news to them.
    pub(crate) fn leave(&self, place: &Place) -> Option<People> {
        let mut open = self.open();
        let room = open.get_mut(&place.room)?;
        let news = room.leave(&place.name);
        let people = room.people();
        if people.names.is_empty() {
            open.remove(&place.room);
        }
        self.announce();
        (news && !people.names.is_empty()).then_some(people)
    }

    /// Keeps what somebody says.
    pub(crate) fn say(&self, place: &Place, text: String) -> Option<Message> {
        Some(self.open().get_mut(&place.room)?.say(&place.name, text))
    }

    /// What somebody who has just entered needs to know.
    pub(crate) fn welcome(&self, place: Place) -> Option<Welcome> {
        let open = self.open();
        let room = open.get(&place.room)?;
        Some(Welcome {
            people: room.people(),
            history: room.history(),
            place,
        })
    }

    /// The open rooms, by name.
    pub(crate) fn list(&self) -> Vec<RoomSize> {
        self.open()
            .iter()
            .map(|(name, room)| RoomSize {
                name: name.clone(),
                people: room.size(),
            })
            .collect()
    }

    /// Asks for the list to be sent to everybody.
    pub(crate) fn announce(&self) {
        self.changed.notify_one();
    }

    /// Waits until somebody has asked for that.
    pub(crate) async fn announcement(&self) {
        self.changed.notified().await;
    }
}
