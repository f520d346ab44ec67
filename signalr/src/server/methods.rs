//! Finding a hub's methods by the names that clients send.

use std::cmp::Ordering;

use crate::{
    error::{Error, Kind},
    hub::{Hub, Method, find_duplicate},
};

/// The dispatch table in the order of its names without case; a look-up copies and allocates nothing.
pub(super) struct Methods<H: Hub>(Box<[&'static Method<H>]>);

impl<H: Hub> Methods<H> {
    /// # Errors
    /// Two methods share a name; only a table written by hand can.
    pub(super) fn new() -> Result<Self, Error> {
        if let Some(name) = find_duplicate(H::METHODS) {
            return Err(Kind::InvalidOption {
                option: "METHODS",
                rule: format!(
                    "has duplicate definitions of '{name}'. Overloading is not supported."
                ),
            }
            .into());
        }
        let mut methods: Box<[_]> = H::METHODS.iter().collect();
        methods.sort_by(|a, b| compare(a.name, b.name));
        Ok(Self(methods))
    }

    pub(super) fn find(&self, name: &str) -> Option<&'static Method<H>> {
        let found = self
            .0
            .binary_search_by(|method| compare(method.name, name))
            .ok()?;
        Some(self.0[found])
    }
}

/// Orders names without regard to ASCII case.
fn compare(a: &str, b: &str) -> Ordering {
    let lower = u8::to_ascii_lowercase;
    a.bytes()
        .map(|byte| lower(&byte))
        .cmp(b.bytes().map(|byte| lower(&byte)))
}
