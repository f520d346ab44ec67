//! The room that the user is in.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use crate::api::{Message, People, Welcome};

/// Messages that are remembered as shown; more than a welcome brings again.
const REMEMBERED: usize = 200;
/// How long the note that somebody is typing holds.
const TYPING: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Room {
    pub name: String,
    people: People,
    shown: BTreeSet<u64>,
    typing: BTreeMap<String, Instant>,
}

impl Room {
    /// The room just entered, with what is known of it if it is the same as before. The history comes apart.
    pub(crate) fn new(welcome: Welcome, before: Option<Self>) -> (Self, Vec<Message>) {
        let before = before.filter(|before| before.name == welcome.room);
        let room = Self {
            name: welcome.room,
            people: welcome.people,
            shown: before.map(|before| before.shown).unwrap_or_default(),
            typing: BTreeMap::new(),
        };
        (room, welcome.history)
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.people.names
    }

    /// Whether the message has not been shown yet: the history repeats some, and what is said while one enters comes both ways.
    pub(crate) fn is_new(&mut self, message: &Message) -> bool {
        self.typing.remove(&message.from);
        let is_new = self.shown.insert(message.at);
        if self.shown.len() > REMEMBERED {
            self.shown.pop_first();
        }
        is_new
    }

    /// Who came and who left, if the list is newer than the last one: lists may overtake each other.
    pub(crate) fn change(&mut self, people: People) -> Option<(Vec<String>, Vec<String>)> {
        if people.version <= self.people.version {
            return None;
        }
        let before = std::mem::replace(&mut self.people, people);
        let without = |names: &[String], others: &[String]| {
            let others: BTreeSet<_> = others.iter().collect();
            let rest = names.iter().filter(|name| !others.contains(name));
            rest.cloned().collect::<Vec<_>>()
        };
        let came = without(&self.people.names, &before.names);
        let left = without(&before.names, &self.people.names);
        for name in &left {
            self.typing.remove(name);
        }
        Some((came, left))
    }

    /// Whether it is news that somebody is typing.
    pub(crate) fn typing(&mut self, name: String, active: bool) -> bool {
        if !active {
            self.typing.remove(&name);
            return false;
        }
        if !self.people.names.contains(&name) {
            return false;
        }
        let noted = self.typing.insert(name, Instant::now());
        noted.is_none_or(|noted| noted.elapsed() > TYPING)
    }
}
