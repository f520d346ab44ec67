use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[signalr::dotnet]
pub struct Order {
    id: u64,
}

fn main() {}
