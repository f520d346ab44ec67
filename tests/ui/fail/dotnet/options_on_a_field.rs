use serde::Serialize;
use signalr::dotnet;

#[dotnet]
#[derive(Serialize)]
pub struct Order {
    #[dotnet(rename = "ID")]
    id: u64,
    #[dotnet]
    url: String,
    #[dotnet(name = Note)]
    note: String,
    #[dotnet(name = "", json = "x", json = "y")]
    place: String,
}

#[dotnet]
#[derive(Serialize)]
pub enum Level {
    #[dotnet(json = "low")]
    Low,
    #[dotnet]
    High,
}

fn main() {}
