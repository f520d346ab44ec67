//! One room: who is in it, and what was said there lately.

use std::collections::{BTreeMap, VecDeque};
use std::time::{SystemTime, UNIX_EPOCH};

use signalr::HubError;

use crate::limits;
use crate::wire::{Message, People};

#[derive(Debug, Default)]
pub(crate) struct Room {
    /// A person is a name. Two windows of one person, or a new connection that comes before the broken one was noticed,
    /// count as one and are announced once.
    windows: BTreeMap<String, usize>,
    version: u64,
    history: VecDeque<Message>,
}

impl Room {
    /// Lets somebody in; true if that is news to the others.
    pub(crate) fn enter(&mut self, name: &str) -> Result<bool, HubError> {
        if let Some(windows) = self.windows.get_mut(name) {
            *windows += 1;
            return Ok(false);
        }
        if self.windows.len() >= limits::PEOPLE {
            return Err(HubError::new("this room is full"));
        }
        self.windows.insert(name.to_owned(), 1);
        self.version += 1;
        Ok(true)
    }

    /// Lets somebody out; true if that is news to the others.
    pub(crate) fn leave(&mut self, name: &str) -> bool {
        let Some(windows) = self.windows.get_mut(name) else {
            return false;
        };
        *windows -= 1;
        if *windows > 0 {
            return false;
        }
        self.windows.remove(name);
        self.version += 1;
        true
    }

    /// Keeps what somebody says.
    pub(crate) fn say(&mut self, from: &str, text: String) -> Message {
        let last = self.history.back().map_or(0, |message| message.at);
        let message = Message {
            at: now().max(last + 1),
            from: from.to_owned(),
            text,
        };
        if self.history.len() == limits::HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(message.clone());
        message
    }

    pub(crate) fn people(&self) -> People {
        People {
            version: self.version,
            names: self.windows.keys().cloned().collect(),
        }
    }

    pub(crate) fn history(&self) -> Vec<Message> {
        self.history.iter().cloned().collect()
    }

    pub(crate) fn size(&self) -> usize {
        self.windows.len()
    }
}

fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
