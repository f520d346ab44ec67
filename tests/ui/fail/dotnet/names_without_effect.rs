use serde::{Deserialize, Serialize};
use signalr::dotnet;

#[dotnet]
#[derive(Serialize, Deserialize)]
pub struct Item {
    id: u64,
}

#[dotnet]
#[derive(Serialize, Deserialize)]
pub struct Order {
    #[dotnet(name = "TheItem")]
    #[serde(flatten)]
    item: Item,
    #[serde(skip)]
    #[dotnet(name = "Hidden")]
    hidden: u8,
}

fn main() {}
