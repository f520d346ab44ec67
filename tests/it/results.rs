//! Answers that the server asks of a client.

use serde_json::json;
use signalr::{Connecting, Context, HubError, HubServer, hub};

use crate::support::Peer;

struct Quiz;

#[hub]
impl Quiz {
    async fn on_connected(&self, cx: &Connecting<Self>) -> Result<(), HubError> {
        let asked = cx.clients().caller().invoke::<u32>("ask", ()).await;
        let error = asked.expect_err("nothing can be read yet").to_string();
        cx.clients().caller().send("early", (error,)).await?;
        cx.clients()
            .caller()
            .send("id", (cx.connection_id(),))
            .await?;
        Ok(())
    }

    pub async fn ask(&self, cx: &Context<Self>, whom: Option<String>) -> Result<u32, HubError> {
        let whom = whom.unwrap_or_else(|| cx.connection_id().to_string());
        let answer = cx
            .clients()
            .client(whom)
            .invoke::<u32>("ask", ("how many?",))
            .await;
        answer.map_err(HubError::new)
    }
}

async fn connect(server: &HubServer<Quiz>) -> (Peer, String) {
    let mut peer = Peer::connect(server).await;
    assert_eq!(
        peer.heard("early").await[0],
        "Client results inside OnConnectedAsync Hub methods are not allowed."
    );
    let id = peer.heard("id").await[0]
        .as_str()
        .expect("an id")
        .to_owned();
    (peer, id)
}

#[apply(both_encodings)]
async fn a_client_answers_while_its_own_call_runs() {
    let (mut peer, _) = connect(&HubServer::new(Quiz)).await;
    peer.call("1", "ask", json!([null])).await;
    assert_eq!(
        peer.text().await,
        r#"{"type":1,"invocationId":"s1","target":"ask","arguments":["how many?"]}"#
    );
    peer.send(r#"{"type":3,"invocationId":"s1","result":7}"#)
        .await;
    assert_eq!(peer.completion("1").await, 7);
    peer.send(r#"{"type":3,"invocationId":"s1","result":8}"#)
        .await;
    peer.expect_silence().await;
}

#[apply(both_encodings)]
async fn errors_and_unfit_answers_reach_the_method() {
    let (mut peer, _) = connect(&HubServer::new(Quiz)).await;
    for (id, answer, text) in [
        ("s1", r#""error":"no idea""#, "no idea"),
        (
            "s2",
            r#""result":"seven""#,
            "Error trying to deserialize result to u32.",
        ),
    ] {
        peer.call("1", "ask", json!([null])).await;
        assert_eq!(peer.json().await["invocationId"], id);
        peer.send(&format!(r#"{{"type":3,"invocationId":"{id}",{answer}}}"#))
            .await;
        let error = peer.completion("1").await["error"].to_string();
        assert!(error.contains(text), "{error}");
    }
}

#[apply(both_encodings)]
async fn clients_that_are_not_there_cannot_answer() {
    let server = HubServer::new(Quiz);
    let (mut peer, _) = connect(&server).await;
    peer.call("1", "ask", json!(["nobody"])).await;
    let error = peer.completion("1").await["error"].to_string();
    assert!(
        error.contains("Connection 'nobody' does not exist."),
        "{error}"
    );

    let (mut other, id) = connect(&server).await;
    peer.call("2", "ask", json!([id])).await;
    assert_eq!(other.json().await["target"], "ask");
    other.leave().await;
    let error = peer.completion("2").await["error"].to_string();
    assert!(
        error.contains(&format!("Connection '{id}' disconnected.")),
        "{error}"
    );
}

#[apply(both_encodings)]
async fn who_answers_for_another_is_closed_and_the_call_keeps_waiting() {
    let server = HubServer::new(Quiz);
    let (mut peer, _) = connect(&server).await;
    let (mut forger, _) = connect(&server).await;
    peer.call("1", "ask", json!([null])).await;
    let id = peer.json().await["invocationId"].to_string();
    forger
        .send(&format!(r#"{{"type":3,"invocationId":{id},"result":1}}"#))
        .await;
    forger
        .expect_close(
            r#"{"type":7,"error":"Connection closed with an error.","allowReconnect":true}"#,
        )
        .await;
    peer.send(&format!(r#"{{"type":3,"invocationId":{id},"result":2}}"#))
        .await;
    assert_eq!(peer.completion("1").await, 2);
}
