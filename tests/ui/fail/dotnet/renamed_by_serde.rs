use serde::{Deserialize, Serialize};
use signalr::dotnet;

#[dotnet]
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Order {
    #[serde(default, rename = "URL")]
    url: String,
    #[serde(rename(serialize = "id"))]
    order_id: u64,
}

#[dotnet]
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Low,
    #[serde(rename = "HIGH")]
    High,
}

fn main() {}
