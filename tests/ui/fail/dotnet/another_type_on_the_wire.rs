use serde::{Deserialize, Serialize};
use signalr::dotnet;

#[dotnet]
#[derive(Clone, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub struct Text {
    text: String,
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self { text }
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.text
    }
}

#[dotnet]
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderId {
    id: u64,
}

fn main() {}
