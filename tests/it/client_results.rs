//! Questions to clients that are answered late, wrongly, by the wrong one, or never.

use std::time::Duration;

use serde_json::{Value, json};
use signalr::{Connecting, Context, Error, HubError, HubServer, hub};

use crate::support::{Log, Peer, settle, soon, wait};

#[derive(Clone, Default)]
struct Quiz(Log);

#[hub]
impl Quiz {
    async fn on_connected(&self, cx: &Connecting<Self>) -> Result<(), HubError> {
        cx.clients()
            .caller()
            .send("id", (cx.connection_id(),))
            .await?;
        Ok(())
    }

    async fn on_disconnected(&self, cx: &Context<Self>, reason: Option<&Error>) {
        if let Some(reason) = reason {
            let id = cx.connection_id();
            self.0.note(reason.to_string().replace(&**id, "<id>"));
        }
    }

    pub async fn ask(&self, cx: &Context<Self>, question: &str) -> Result<Value, HubError> {
        let caller = cx.clients().caller();
        Ok(caller.invoke::<Value>("ask", (question,)).await?)
    }

    pub async fn ask_number(&self, cx: &Context<Self>) -> Result<String, HubError> {
        let answer = cx.clients().caller().invoke::<i32>("ask", ()).await;
        Ok(match answer {
            Ok(number) => number.to_string(),
            Err(error) => format!("{:?} {error}", error.remote_message().is_some()),
        })
    }

    pub async fn ask_briefly(&self, cx: &Context<Self>) -> String {
        let asking = cx.clients().caller().invoke::<i32>("ask", ());
        match tokio::time::timeout(Duration::from_secs(1), asking).await {
            Ok(answer) => format!("{answer:?}"),
            Err(_) => "too late".to_owned(),
        }
    }

    /// What kind of failure a question ends with.
    pub async fn ask_kind(&self, cx: &Context<Self>) -> String {
        let asking = cx.clients().caller().invoke::<i32>("ask", ());
        match asking.timeout(Duration::from_secs(1)).await {
            Ok(answer) => answer.to_string(),
            Err(error) => format!(
                "no handler {}, remote {:?}, unfit {}, closed {}, late {}: {error}",
                error.is_no_handler(),
                error.remote_message().is_some(),
                error.is_serialization(),
                error.is_closed(),
                error.is_timeout(),
            ),
        }
    }

    pub async fn ask_twice(&self, cx: &Context<Self>) -> Result<(u8, u8), HubError> {
        let caller = cx.clients().caller();
        let first = caller.invoke::<u8>("first", ());
        let second = caller.invoke::<u8>("second", ());
        let (first, second) = tokio::join!(first, second);
        Ok((first?, second?))
    }

    pub fn fine(&self) -> u8 {
        1
    }
}

async fn connect(server: &HubServer<Quiz>) -> (Peer, String) {
    let mut peer = Peer::connect(server).await;
    let id = peer.heard("id").await[0]
        .as_str()
        .expect("an id")
        .to_owned();
    (peer, id)
}

/// Asks the only client from outside, on a task of its own.
fn ask_from_outside(
    server: &HubServer<Quiz>,
    id: &str,
) -> tokio::task::JoinHandle<Result<i32, Error>> {
    let client = server.context().clients().client(id);
    tokio::spawn(async move { client.invoke::<i32>("ask", ()).await })
}

#[apply(both_encodings)]
async fn any_value_may_be_the_answer() {
    let (mut peer, _) = connect(&HubServer::new(Quiz::default())).await;
    for value in [
        json!(null),
        json!(1.5),
        json!({"a": [true, "x"]}),
        json!(""),
    ] {
        peer.call("1", "ask", json!(["?"])).await;
        let id = peer.asked("ask").await;
        peer.answer(&id, value.clone()).await;
        assert_eq!(peer.completion("1").await, value);
    }
}

#[apply(both_encodings)]
async fn no_result_and_an_unfit_result_are_errors() {
    let (mut peer, _) = connect(&HubServer::new(Quiz::default())).await;
    for (answer, expected) in [
        (r#""result":42"#, "42"),
        (r#""headers":{}"#, "true "),
        (r#""error":"no idea""#, "true no idea"),
        (r#""error":"""#, "true "),
        (
            r#""result":null"#,
            "false Error trying to deserialize result to i32.",
        ),
        (
            r#""result":"42""#,
            "false Error trying to deserialize result to i32.",
        ),
        (
            r#""result":4294967296"#,
            "false Error trying to deserialize result to i32.",
        ),
    ] {
        peer.call("1", "askNumber", json!([])).await;
        let id = peer.asked("ask").await;
        peer.send(&format!(r#"{{{answer},"invocationId":"{id}","type":3}}"#))
            .await;
        let result = peer.completion("1").await;
        let result = result.as_str().expect("text");
        assert!(result.starts_with(expected), "{result}");
        assert_eq!(
            result.len() == expected.len(),
            !expected.contains("deserialize"),
            "{result}"
        );
    }
}

#[apply(both_encodings)]
async fn answers_may_come_in_any_order() {
    let (mut peer, _) = connect(&HubServer::new(Quiz::default())).await;
    peer.call("1", "askTwice", json!([])).await;
    let first = peer.asked("first").await;
    let second = peer.asked("second").await;
    assert_ne!(first, second);
    peer.answer(&second, json!(2)).await;
    peer.answer(&first, json!(1)).await;
    assert_eq!(peer.completion("1").await, json!([1, 2]));
}

#[apply(both_encodings)]
async fn ids_count_up_for_the_whole_server() {
    let server = HubServer::new(Quiz::default());
    let (mut one, _) = connect(&server).await;
    let (mut two, _) = connect(&server).await;
    let mut expected = 1;
    for _ in 0..3 {
        for peer in [&mut one, &mut two] {
            peer.call("1", "ask", json!(["?"])).await;
            let id = peer.asked("ask").await;
            assert_eq!(id, format!("s{expected}"));
            peer.answer(&id, json!(expected)).await;
            assert_eq!(peer.completion("1").await, expected);
            expected += 1;
        }
    }
}

#[apply(both_encodings)]
async fn a_question_that_is_given_up_is_not_told_and_its_late_answer_is_ignored() {
    let (mut peer, _) = connect(&HubServer::new(Quiz::default())).await;
    peer.call("1", "askBriefly", json!([])).await;
    let id = peer.asked("ask").await;
    assert_eq!(peer.completion("1").await, "too late");
    peer.answer(&id, json!(42)).await;
    peer.answer(&id, json!(42)).await;
    peer.expect_silence().await;
    assert_eq!(peer.invoke("fine", json!([])).await, 1);
}

#[apply(both_encodings)]
async fn each_kind_of_failure_can_be_told() {
    let (mut peer, _) = connect(&HubServer::new(Quiz::default())).await;
    for (answer, expected) in [
        (r#""result":7"#, "7"),
        (
            r#""error":"Client didn't provide a result.""#,
            "no handler true, remote true, unfit false, closed false, late false: Client didn't provide a result.",
        ),
        (
            r#""error":"busy""#,
            "no handler false, remote true, unfit false, closed false, late false: busy",
        ),
    ] {
        peer.call("1", "askKind", json!([])).await;
        let id = peer.asked("ask").await;
        let answer = format!(r#"{{"type":3,"invocationId":"{id}",{answer}}}"#);
        peer.send(&answer).await;
        assert_eq!(peer.completion("1").await, expected);
    }
    peer.call("1", "askKind", json!([])).await;
    let id = peer.asked("ask").await;
    peer.answer(&id, json!("seven")).await;
    let unfit = peer.completion("1").await;
    let expected = "no handler false, remote false, unfit true, closed false, late false: \
        Error trying to deserialize result to i32.";
    assert!(
        unfit.as_str().expect("a text").starts_with(expected),
        "{unfit}"
    );
    // Nobody answers in time, and a late answer is ignored.
    peer.call("1", "askKind", json!([])).await;
    let id = peer.asked("ask").await;
    let expected = "no handler false, remote false, unfit false, closed false, late true: \
        Invocation canceled by the server.";
    assert_eq!(peer.completion("1").await, expected);
    peer.answer(&id, json!(7)).await;
    peer.expect_silence().await;
}

#[apply(both_encodings)]
async fn a_context_outside_of_calls_may_ask_too() {
    let server = HubServer::new(Quiz::default());
    let (mut peer, id) = connect(&server).await;
    let asking = ask_from_outside(&server, &id);
    let question = peer.asked("ask").await;
    peer.answer(&question, json!(42)).await;
    assert_eq!(
        soon(asking).await.expect("no panic").expect("an answer"),
        42
    );
    let error = soon(ask_from_outside(&server, "nobody"))
        .await
        .expect("no panic");
    let error = error.expect_err("nobody there");
    assert!(error.is_closed());
    assert_eq!(error.to_string(), "Connection 'nobody' does not exist.");
}

#[apply(both_encodings)]
async fn a_question_fails_however_its_connection_ends() {
    for how in ["leave", "close", "nonsense", "cut", "shutdown"] {
        let server = HubServer::new(Quiz::default());
        let (mut peer, id) = connect(&server).await;
        let asking = ask_from_outside(&server, &id);
        peer.asked("ask").await;
        match how {
            "leave" => peer.leave().await,
            "close" => peer.send(r#"{"type":7}"#).await,
            "nonsense" => peer.send_nonsense().await,
            "cut" => peer.cut(),
            _ => server.shutdown(Duration::from_secs(1)).await,
        }
        let answer = soon(asking).await.expect("no panic");
        let error = answer.expect_err("gone");
        assert!(error.is_closed(), "{how}");
        assert_eq!(
            error.to_string(),
            format!("Connection '{id}' disconnected."),
            "{how}"
        );
    }
}

#[apply(both_encodings)]
async fn a_question_to_a_connection_that_is_cut_inside_on_connected_fails_too() {
    struct Stuck;
    #[hub]
    impl Stuck {
        async fn on_connected(&self, cx: &Connecting<Self>) -> Result<(), HubError> {
            cx.clients()
                .caller()
                .send("id", (cx.connection_id(),))
                .await?;
            std::future::pending().await
        }
    }
    let server = HubServer::new(Stuck);
    let mut peer = Peer::connect(&server).await;
    let id = peer.heard("id").await[0]
        .as_str()
        .expect("an id")
        .to_owned();
    let client = server.context().clients().client(&*id);
    let asking = tokio::spawn(async move { client.invoke::<u8>("ask", ()).await });
    assert_eq!(peer.json().await["target"], "ask");
    soon(server.shutdown(Duration::from_secs(1))).await;
    let answer = soon(asking).await.expect("no panic");
    assert!(answer.expect_err("gone").is_closed());
}

#[apply(both_encodings)]
async fn who_answers_for_another_hears_why_with_detailed_errors() {
    let hub = Quiz::default();
    let server = HubServer::builder(hub.clone()).detailed_errors(true);
    let server = server.build().expect("valid");
    let (mut peer, id) = connect(&server).await;
    let (mut forger, forger_id) = connect(&server).await;
    let asking = ask_from_outside(&server, &id);
    let question = peer.asked("ask").await;
    forger.answer(&question, json!(1)).await;
    forger
        .expect_close(&format!(
            r#"{{"type":7,"error":"Connection closed with an error. InvalidOperationException: Connection ID '{forger_id}' is not valid for invocation ID '{question}'.","allowReconnect":true}}"#
        ))
        .await;
    settle().await;
    let reason = format!("Connection ID '<id>' is not valid for invocation ID '{question}'.");
    assert_eq!(hub.0.all(), [reason]);
    peer.answer(&question, json!(2)).await;
    assert_eq!(soon(asking).await.expect("no panic").expect("an answer"), 2);
}

#[apply(both_encodings)]
async fn an_id_of_the_clients_own_calls_is_not_mixed_up_with_a_question() {
    let (mut peer, _) = connect(&HubServer::new(Quiz::default())).await;
    peer.call("s1", "ask", json!(["?"])).await;
    assert_eq!(peer.asked("ask").await, "s1");
    peer.answer("s1", json!(42)).await;
    assert_eq!(peer.completion("s1").await, 42);
}

#[apply(both_encodings)]
async fn on_disconnected_may_ask_others() {
    struct Curious(Log);
    #[hub]
    impl Curious {
        async fn on_connected(&self, cx: &Connecting<Self>) -> Result<(), HubError> {
            self.0.note(cx.connection_id().as_str());
            Ok(())
        }

        async fn on_disconnected(&self, cx: &Context<Self>, _: Option<&Error>) {
            let other = self.0.all()[0].clone();
            if other != cx.connection_id().as_str() {
                let answer = cx.clients().client(other).invoke::<u8>("ask", ()).await;
                self.0.note(format!("{answer:?}"));
            }
        }
    }
    let log = Log::default();
    let server = HubServer::new(Curious(log.clone()));
    let mut stays = Peer::connect(&server).await;
    settle().await;
    let leaves = Peer::connect(&server).await;
    settle().await;
    let leaving = tokio::spawn(leaves.leave());
    let id = stays.asked("ask").await;
    stays.answer(&id, json!(7)).await;
    soon(leaving).await.expect("the connection ends");
    assert_eq!(log.all()[2], "Ok(7)");
}

#[apply(both_encodings)]
async fn a_call_that_waits_for_an_answer_is_dropped_with_its_connection() {
    let server = HubServer::new(Quiz::default());
    let (mut peer, _) = connect(&server).await;
    peer.call("1", "ask", json!(["?"])).await;
    peer.asked("ask").await;
    soon(peer.leave()).await;
    wait(100).await;
    assert_eq!(server.connection_count(), 0);
}
