//! Calls of our own that wait for the peer's completion.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
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
    /// How many of them each owner has, so that looking for one's own costs the same however many others there are.
    of_owner: HashMap<O, usize>,
}

impl<O: Clone + Eq + Hash> Calls<O> {
    pub(crate) fn new() -> Self {
        Self {
            waiting: HashMap::new(),
            of_owner: HashMap::new(),
        }
    }

    pub(crate) fn insert(&mut self, id: String, owner: O, answer: Answer) {
        *self.of_owner.entry(owner.clone()).or_default() += 1;
        self.waiting.insert(id, (owner, answer));
    }

    /// Nobody waits any more; a late answer will be ignored.
    pub(crate) fn forget(&mut self, id: &str) -> Option<Answer> {
        let (owner, answer) = self.waiting.remove(id)?;
        if let Some(count) = self.of_owner.get_mut(&owner) {
            *count -= 1;
            if *count == 0 {
                self.of_owner.remove(&owner);
            }
        }
        Some(answer)
    }

    /// Whether somebody waits for an answer of this one.
    pub(crate) fn waits_for(&self, owner: &O) -> bool {
        self.of_owner.contains_key(owner)
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
        if self.of_owner.remove(owner).is_none() {
            return Vec::new();
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_known_for_as_long_as_one_of_its_calls_waits() {
        let mut calls = Calls::new();
        for (id, owner) in [("s1", 1), ("s2", 1), ("s3", 2), ("s4", 3)] {
            calls.insert(id.to_owned(), owner, Box::new(|_| {}));
        }
        assert!(calls.complete("s3", &1).is_err(), "another's call");
        assert!(calls.forget("s1").is_some());
        assert!(calls.waits_for(&1), "for the second one still");
        assert!(calls.forget("s1").is_none(), "only once");
        assert!(
            calls
                .complete("s2", &1)
                .is_ok_and(|answer| answer.is_some())
        );
        assert!(!calls.waits_for(&1));
        assert_eq!(calls.abandon(&1).len(), 0);
        assert_eq!(calls.abandon(&2).len(), 1);
        assert!(!calls.waits_for(&2));
        assert!(calls.waits_for(&3));
    }
}
