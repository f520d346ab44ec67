//! Calls and their answers.

use serde_json::json;
use signalr::{HubError, HubServer, hub};

use crate::support::Peer;

struct Calculator;

#[hub]
impl Calculator {
    pub fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    pub async fn greet(&self, name: &str) -> String {
        format!("hello {name}")
    }

    pub fn touch(&self) {}

    pub fn refuse(&self) -> Result<u8, HubError> {
        Err(HubError::new("not today"))
    }

    pub fn parse(&self, text: String) -> Result<i32, HubError> {
        Ok(text.parse()?)
    }

    pub async fn panic(&self) -> u8 {
        panic!("secret")
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_is_answered() {
    let server = HubServer::new(Calculator);
    let mut peer = Peer::connect(&server).await;
    assert_eq!(peer.invoke("add", json!([40, 2])).await, 42);
    assert_eq!(peer.invoke("GREET", json!(["Ada"])).await, "hello Ada");
    assert_eq!(
        peer.invoke("panic", json!([])).await,
        json!({"error": "An unexpected error occurred invoking 'panic' on the server."})
    );
    assert_eq!(peer.invoke("touch", json!([])).await, json!(null));
}
