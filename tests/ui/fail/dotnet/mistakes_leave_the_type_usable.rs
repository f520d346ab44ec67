use serde::{Deserialize, Serialize};
use signalr::{dotnet, hub};

#[dotnet]
#[derive(Serialize, Deserialize)]
pub struct Order {
    #[dotnet(names = "ID")]
    #[serde(rename = "id")]
    id: u64,
}

pub struct Orders;

#[hub]
impl Orders {
    pub fn place(&self, order: Order) -> Order {
        order
    }
}

fn main() {}
