use serde::{Deserialize, Serialize};
use signalr::dotnet;

#[dotnet]
#[derive(Serialize, Deserialize)]
pub enum None {}

#[dotnet]
#[derive(Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Level {
    #[serde(alias = "Least")]
    Low,
    #[dotnet(name = "Low")]
    Middle,
    #[serde(other)]
    High,
    #[serde(other)]
    Higher,
}

fn main() {}
