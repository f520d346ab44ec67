//! Calls that succeed: every shape of arguments and results, and exactly one answer to each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use signalr::{Context, HubError, HubServer, hub};

use crate::support::{Log, Peer};

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    full_name: String,
    age: Option<u8>,
    tags: Vec<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
enum Shape {
    Circle { radius: f64 },
    Nothing,
}

#[derive(Default)]
struct Values(Log);

#[hub]
impl Values {
    pub fn nothing(&self) {}

    pub async fn nothing_later(&self) {
        tokio::task::yield_now().await;
    }

    pub fn nothing_or_error(&self) -> Result<(), HubError> {
        Ok(())
    }

    pub async fn later(&self, value: u8) -> u8 {
        tokio::task::yield_now().await;
        value
    }

    pub fn or_error(&self, value: u8) -> Result<u8, std::num::ParseIntError> {
        value.to_string().parse()
    }

    pub async fn later_or_error(&self, value: u8) -> Result<u8, HubError> {
        tokio::task::yield_now().await;
        Ok(value)
    }

    pub fn any(&self, value: Value) -> Value {
        value
    }

    pub fn add(&self, a: i64, b: i64) -> i64 {
        a.wrapping_add(b)
    }

    pub fn half(&self, value: f64) -> f64 {
        value / 2.0
    }

    pub fn single(&self, value: f32) -> f32 {
        value
    }

    pub fn borrowed(&self, text: &str, list: &[i32], profile: &Profile) -> String {
        format!("{text} {list:?} {}", profile.full_name)
    }

    pub fn option(&self, value: Option<bool>) -> Option<bool> {
        value
    }

    pub fn list(&self, value: Vec<i32>) -> Vec<i32> {
        value
    }

    pub fn tuple(&self, value: (u8, String)) -> (u8, String) {
        value
    }

    pub fn map(&self, value: BTreeMap<String, Profile>) -> BTreeMap<String, Profile> {
        value
    }

    pub fn profile(&self, value: Profile) -> Profile {
        value
    }

    pub fn shape(&self, value: Shape) -> Shape {
        value
    }

    pub fn character(&self, value: char) -> char {
        value
    }

    pub fn unit(&self, _value: ()) {}

    #[expect(clippy::too_many_arguments, reason = "that is the point")]
    pub fn many(
        &self,
        a: u8,
        b: u8,
        c: u8,
        d: u8,
        e: u8,
        f: u8,
        g: u8,
        h: u8,
        i: u8,
        j: u8,
    ) -> Vec<u8> {
        vec![a, b, c, d, e, f, g, h, i, j]
    }

    pub fn with_context(&self, cx: &Context<Self>, value: u8) -> String {
        format!("{} {value}", cx.connection_id().len())
    }

    pub fn only_context(&self, cx: &Context<Self>) -> usize {
        cx.connection_id().len()
    }

    pub fn noted(&self, value: u32) -> u32 {
        self.0.note(value.to_string());
        value
    }
}

async fn peer() -> Peer {
    Peer::connect(&HubServer::new(Values::default())).await
}

#[apply(both_encodings)]
async fn a_method_without_result_answers_null() {
    let mut peer = peer().await;
    for method in ["nothing", "nothingLater", "nothingOrError"] {
        peer.call("1", method, json!([])).await;
        assert_eq!(
            peer.text().await,
            r#"{"type":3,"invocationId":"1","result":null}"#,
            "{method}"
        );
    }
    peer.call("1", "unit", json!([null])).await;
    assert_eq!(
        peer.text().await,
        r#"{"type":3,"invocationId":"1","result":null}"#
    );
}

#[apply(both_encodings)]
async fn a_result_comes_behind_the_id_without_white_space() {
    let mut peer = peer().await;
    peer.call("1", "add", json!([40, 2])).await;
    assert_eq!(
        peer.text().await,
        r#"{"type":3,"invocationId":"1","result":42}"#
    );
}

#[apply(both_encodings)]
async fn results_may_come_at_once_or_later_and_from_ok() {
    let mut peer = peer().await;
    for method in ["later", "orError", "laterOrError", "any"] {
        assert_eq!(peer.invoke(method, json!([7])).await, 7, "{method}");
    }
}

#[apply(both_encodings)]
async fn values_of_every_shape_go_in_and_out() {
    let mut peer = peer().await;
    let ada = json!({"fullName": "Ada", "age": null, "tags": ["a", "b"]});
    for (method, value) in [
        ("any", json!({"deep": [{"er": [null, true, 1.5, "x"]}]})),
        ("option", json!(true)),
        ("option", json!(null)),
        ("list", json!([])),
        ("list", json!([1, -2, 3])),
        ("tuple", json!([1, "x"])),
        ("map", json!({"KeptAsIs": ada})),
        ("profile", ada.clone()),
        ("shape", json!({"kind": "circle", "radius": 1.5})),
        ("shape", json!({"kind": "nothing"})),
        ("character", json!("ß")),
        ("single", json!(1.5)),
    ] {
        assert_eq!(peer.invoke(method, json!([value])).await, value, "{method}");
    }
}

#[apply(both_encodings)]
async fn borrowed_arguments_are_lent_for_the_call() {
    let mut peer = peer().await;
    let arguments = json!(["hi", [1, 2], {"fullName": "Ada", "age": 3, "tags": []}]);
    assert_eq!(peer.invoke("borrowed", arguments).await, "hi [1, 2] Ada");
}

#[apply(both_encodings)]
async fn the_context_is_no_argument() {
    let mut peer = peer().await;
    assert_eq!(peer.invoke("withContext", json!([7])).await, "22 7");
    assert_eq!(peer.invoke("onlyContext", json!([])).await, 22);
}

#[apply(both_encodings)]
async fn ten_arguments_arrive_in_order() {
    let list = json!([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assert_eq!(peer().await.invoke("many", list.clone()).await, list);
}

#[tokio::test(start_paused = true)]
async fn numbers_are_written_as_dotnet_writes_them() {
    let mut peer = peer().await;
    for (sent, received) in [("4", "2"), ("3", "1.5"), ("-0.5", "-0.25"), ("2e3", "1000")] {
        peer.send(&format!(
            r#"{{"type":1,"invocationId":"1","target":"half","arguments":[{sent}]}}"#
        ))
        .await;
        assert_eq!(
            peer.text().await,
            format!(r#"{{"type":3,"invocationId":"1","result":{received}}}"#)
        );
    }
    let extremes = json!([i64::MAX, 0]);
    assert_eq!(peer.invoke("add", extremes).await, i64::MAX);
    assert_eq!(peer.invoke("add", json!([i64::MIN, 0])).await, i64::MIN);
}

#[tokio::test(start_paused = true)]
async fn text_is_written_raw_but_for_quotes_and_control_characters() {
    let mut peer = peer().await;
    let text = "ä 中 😀 <>&'+\" \\ \u{1e} \n \u{0}";
    assert_eq!(peer.invoke("any", json!([text])).await, text);
    peer.call("1", "any", json!([text])).await;
    let answer = peer.text().await;
    assert!(
        answer.ends_with(r#""result":"ä 中 😀 <>&'+\" \\ \u001e \n \u0000"}"#),
        "{answer}"
    );
}

#[tokio::test(start_paused = true)]
async fn escaped_text_is_read_like_raw_text() {
    let mut peer = peer().await;
    peer.send(r#"{"type":1,"invocationId":"1","\u0074arget":"\u0061ny","arguments":["\ud83d\ude00 \u00e4\/"]}"#)
        .await;
    assert_eq!(peer.completion("1").await, "😀 ä/");
}

#[apply(both_encodings)]
async fn a_call_without_id_runs_and_gets_no_answer() {
    let hub = Values::default();
    let log = hub.0.clone();
    let mut peer = Peer::connect(&HubServer::new(hub)).await;
    peer.tell("noted", json!([1])).await;
    peer.send(r#"{"type":1,"invocationId":"","target":"noted","arguments":[2]}"#)
        .await;
    peer.expect_silence().await;
    assert_eq!(log.all(), ["1", "2"]);
}

#[apply(both_encodings)]
async fn ids_are_echoed_whatever_they_are() {
    let mut peer = peer().await;
    let long = "x".repeat(10_000);
    for id in [
        "0",
        " ",
        "s1",
        "null",
        "\u{1e}\n\"\\",
        "ключ 🔑",
        "../..",
        &long,
    ] {
        peer.call(id, "nothing", json!([])).await;
        assert_eq!(peer.completion(id).await, json!(null));
    }
}

#[apply(both_encodings)]
async fn two_calls_may_bear_the_same_id() {
    let mut peer = peer().await;
    peer.call("1", "add", json!([1, 1])).await;
    peer.call("1", "add", json!([2, 2])).await;
    assert_eq!(peer.completion("1").await, 2);
    assert_eq!(peer.completion("1").await, 4);
}

#[tokio::test(start_paused = true)]
async fn properties_may_come_in_any_order() {
    let mut peer = peer().await;
    for call in [
        r#"{"target":"add","arguments":[40,2],"invocationId":"0","type":1}"#,
        r#"{ "arguments" : [ 40 , 2 ] , "type" : 1 , "target" : "add" , "invocationId" : "0" }"#,
        "{\t\"type\":1,\r\n\"invocationId\":\"0\",\"arguments\":[40,2],\"target\":\"add\"}",
    ] {
        peer.send(call).await;
        assert_eq!(peer.completion("0").await, 42, "{call}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_of_repeated_properties_counts() {
    let mut peer = peer().await;
    peer.send(r#"{"type":6,"target":"x","arguments":[],"type":1,"invocationId":"1","invocationId":"2","target":"add","arguments":[40,2]}"#)
        .await;
    assert_eq!(peer.completion("2").await, 42);
}

#[apply(both_encodings)]
async fn payload_objects_may_have_unknown_members_and_lack_optional_ones() {
    let mut peer = peer().await;
    let sent = json!({"x": [1], "fullName": "Ada", "tags": []});
    let read = json!({"fullName": "Ada", "age": null, "tags": []});
    assert_eq!(peer.invoke("profile", json!([sent])).await, read);
}
