use serde::{Deserialize, Serialize};
use signalr::dotnet;

#[dotnet]
#[derive(Serialize, Deserialize)]
pub struct Order {
    #[serde]
    id: u64,
}

#[dotnet]
#[derive(Serialize, Deserialize)]
pub struct Item {
    #[serde(defalt)]
    id: u64,
    #[serde(default = "missing")]
    item: u64,
}

#[dotnet]
#[derive(Serialize, Deserialize)]
#[serde(defaults)]
pub struct Page<T> {
    rows: Vec<T>,
}

fn main() {}
