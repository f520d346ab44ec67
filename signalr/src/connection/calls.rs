//! Calls of our own that wait for the peer's completion.

use std::{
    collections::HashMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::{
    error::{Error, Kind},
    hub_error::short_type_name,
    protocol::{HubArg, Outcome, Payload, Source},
};

/// Takes the answer of one call; decodes it in place.
pub(crate) type Answer = Box<dyn FnOnce(Result<Payload<'_>, Error>) + Send>;

/// Waiting calls by id, each owned by the connection that was asked.
///
/// Ids are `s1`, `s2`, …: official clients count without a letter, so the two spaces never meet (section 8).
pub(crate) struct Calls<O> {
    waiting: HashMap<String, (O, Answer)>,
}

impl<O: PartialEq> Calls<O> {
    pub(crate) fn new() -> Self {
        Self {
            waiting: HashMap::new(),
        }
    }

    pub(crate) fn insert(&mut self, id: String, owner: O, answer: Answer) {
        self.waiting.insert(id, (owner, answer));
    }

    /// Nobody waits any more; a late answer will be ignored.
    pub(crate) fn forget(&mut self, id: &str) -> Option<Answer> {
        self.waiting.remove(id).map(|(_, answer)| answer)
    }

    /// Whether somebody waits for an answer of this one. Asked only when a connection is at its limits.
    pub(crate) fn waits_for(&self, owner: &O) -> bool {
        self.waiting.values().any(|(of, _)| of == owner)
    }

    /// Finds whom a completion is for. `Ok(None)`: nobody waits, ignore it.
    ///
    /// # Errors
    /// The call was made to somebody else.
    pub(crate) fn complete(&mut self, id: &str, from: &O) -> Result<Option<Answer>, ()> {
        match self.waiting.get(id) {
            None => Ok(None),
            Some((owner, _)) if owner != from => Err(()),
            Some(_) => Ok(self.forget(id)),
        }
    }

    /// Takes out all calls that wait for a peer that has gone.
    pub(crate) fn abandon(&mut self, owner: &O) -> Vec<Answer> {
        self.waiting
            .extract_if(|_, (of, _)| of == owner)
            .map(|(_, (_, answer))| answer)
            .collect()
    }
}

/// Reads the answer of a call; the text of an error is the specification's (section 7).
///
/// # Errors
/// It is no `R`, or reading it panics, which costs the question.
pub(crate) fn read_answer<R: HubArg>(payload: Payload<'_>) -> Result<R, Error> {
    let unfit = |reason: &dyn fmt::Display| {
        let name = short_type_name::<R>();
        let text = format!("Error trying to deserialize result to {name}. {reason}");
        Error::from(Kind::UnfitAnswer(text))
    };
    let read = AssertUnwindSafe(|| R::read(&mut Source::single(payload)));
    match catch_unwind(read) {
        Ok(result) => result.map_err(|error| unfit(&error)),
        Err(_) => Err(unfit(&"The type panicked.")),
    }
}

/// What a completion means to the caller: no result is an error, not a null (SV-66).
pub(crate) fn result_of(outcome: Outcome<'_>) -> Result<Payload<'_>, Error> {
    match outcome {
        Outcome::Result(payload) => Ok(payload),
        Outcome::Error(text) => Err(Kind::Remote(text.into_owned()).into()),
        Outcome::Void => Err(Kind::Remote(String::new()).into()),
    }
}
