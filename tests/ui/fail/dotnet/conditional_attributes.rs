use serde::{Deserialize, Serialize};
use signalr::dotnet;

#[dotnet]
#[derive(Serialize, Deserialize)]
pub struct Item {
    #[cfg_attr(all(), serde(default), expect(dead_code))]
    #[cfg_attr(all(), dotnet(name = "ID"))]
    id: u64,
}

fn main() {}
