use serde::Serialize;
use signalr::dotnet;

#[dotnet(rename_all = "camelCase")]
#[derive(Serialize)]
pub struct Order {
    id: u64,
}

fn main() {}
