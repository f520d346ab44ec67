//! What the server remembers of one connection.

use std::sync::{Mutex, PoisonError};

use signalr::HubError;

use crate::limits::Allowance;
use crate::wire::Place;

#[derive(Debug, Default)]
pub(crate) struct Session {
    place: Mutex<Option<Place>>,
    allowance: Mutex<Allowance>,
}

impl Session {
    /// Pays for a call, or refuses it.
    pub(crate) fn spend(&self, price: f64) -> Result<(), HubError> {
        self.allowance
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .spend(price)
    }

    /// Pays for a call that only makes sense in a room, and tells where that is.
    pub(crate) fn spend_in_room(&self, price: f64) -> Result<Place, HubError> {
        self.spend(price)?;
        let place = self
            .place
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        place.ok_or_else(|| HubError::new("join a room first"))
    }

    /// Moves to another place, or to none, and tells the former.
    pub(crate) fn move_to(&self, next: Option<Place>) -> Option<Place> {
        std::mem::replace(
            &mut *self.place.lock().unwrap_or_else(PoisonError::into_inner),
            next,
        )
    }
}
