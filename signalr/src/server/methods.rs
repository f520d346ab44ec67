//! Finding a hub's methods by the names that clients send.

use crate::{
    error::{Error, Kind},
    hub::{Hub, Method, find_duplicate},
};

/// The dispatch table in the order of its names' lengths: most look-ups compare one name. They copy and allocate nothing.
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
        methods.sort_by_key(|method| method.name.len());
        Ok(Self(methods))
    }

    /// Letter case does not matter, ASCII's.
    pub(super) fn find(&self, name: &str) -> Option<&'static Method<H>> {
        let shorter = self
            .0
            .partition_point(|method| method.name.len() < name.len());
        let mut rest = self.0[shorter..].iter().copied();
        rest.by_ref()
            .take_while(|method| method.name.len() == name.len())
            .find(|method| is_same(method.name, name))
    }
}

/// Compares names without regard to ASCII case. Mostly the first letter differs at most, as in Pascal case and camel case.
fn is_same(a: &str, b: &str) -> bool {
    match (a.as_bytes(), b.as_bytes()) {
        ([a, a_rest @ ..], [b, b_rest @ ..]) if a_rest == b_rest => a.eq_ignore_ascii_case(b),
        (a, b) => a.eq_ignore_ascii_case(b),
    }
}
