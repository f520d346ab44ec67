use serde::Serialize;
use signalr::{HubError, hub};

type Result<T = (), E = HubError> = std::result::Result<T, E>;

#[hub]
pub trait Chat {
    fn merge(&self, other: &Self) -> Self;
    fn hidden(&self) -> impl Serialize;
    fn bare(&self) -> Result;
}

fn main() {}
