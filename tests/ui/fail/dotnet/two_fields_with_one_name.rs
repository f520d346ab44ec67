use serde::Serialize;
use signalr::dotnet;

#[dotnet]
#[derive(Serialize)]
pub struct Order {
    order_id: u64,
    #[dotnet(name = "OrderID")]
    id: u64,
    #[dotnet(json = "place")]
    at: String,
    place: String,
}

fn main() {}
