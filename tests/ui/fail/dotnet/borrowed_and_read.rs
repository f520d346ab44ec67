use serde::{Deserialize, Serialize};
use signalr::dotnet;

#[dotnet]
#[derive(Serialize, Deserialize)]
pub struct Said<'a> {
    text: &'a str,
}

fn main() {}
