//! One type for clients of .NET in both encodings: the values of the reference's vectors through a hub, byte for byte.

use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use serde_json::json;
use signalr::{Blob, Context, HubError, HubServer, Timestamp, dotnet, hub, receiver};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::support::Peer;

#[dotnet]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct CustomObject {
    string_prop: String,
    double_prop: f64,
    int_prop: i32,
    date_time_prop: Timestamp,
    null_prop: Option<String>,
    byte_arr_prop: Blob,
}

#[dotnet]
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum TestEnum {
    Zero,
    One,
}

#[dotnet]
#[derive(Serialize, Deserialize)]
struct Acronyms {
    #[dotnet(name = "URL")]
    url: u8,
    #[dotnet(name = "URLValue")]
    url_value: TestEnum,
    ip_address: Vec<TestEnum>,
}

#[receiver]
trait Client {
    async fn method(&self, number: u8, text: &str, object: &CustomObject);
    async fn choose(&self, from: &[TestEnum]) -> TestEnum;
}

struct Dotnet;

#[hub(client = Client)]
impl Dotnet {
    pub fn echo(&self, object: CustomObject) -> CustomObject {
        object
    }

    pub fn items(&self, object: CustomObject) -> impl Stream<Item = CustomObject> + use<> {
        stream::iter([object])
    }

    /// Called so in the vectors.
    pub fn method(&self, value: TestEnum) -> impl Stream<Item = TestEnum> + use<> {
        stream::iter([value])
    }

    pub fn flip(&self, value: TestEnum) -> TestEnum {
        match value {
            TestEnum::Zero => TestEnum::One,
            TestEnum::One => TestEnum::Zero,
        }
    }

    pub fn acronyms(&self, names: Acronyms) -> Acronyms {
        names
    }

    pub async fn tell(&self, cx: &Context<Self>, object: CustomObject) -> Result<(), HubError> {
        Ok(cx.clients().caller().method(42, "string", &object).await?)
    }

    pub async fn ask(&self, cx: &Context<Self>) -> Result<TestEnum, HubError> {
        let from = [TestEnum::Zero, TestEnum::One];
        Ok(cx.clients().caller().choose(&from).await?)
    }
}

/// `CO` of section 13.
const IN_JSON: &str = r#"{"stringProp":"SignalR!","doubleProp":6.2831853071,"intProp":42,"dateTimeProp":"2017-04-11T00:00:00Z","nullProp":null,"byteArrProp":"AQID"}"#;
const IN_MESSAGE_PACK: &[u8] = b"\x86\xaaStringProp\xa8SignalR!\xaaDoubleProp\xcb\x40\x19\x21\xfb\x54\x42\xcf\x12\xa7IntProp\x2a\xacDateTimeProp\xd6\xff\x58\xec\x1c\x80\xa8NullProp\xc0\xabByteArrProp\xc4\x03\x01\x02\x03";

/// A client that says and hears bytes.
struct Wire(DuplexStream);

impl Wire {
    async fn connect(protocol: &str) -> Self {
        let (io, other) = tokio::io::duplex(1 << 16);
        let server = HubServer::new(Dotnet);
        tokio::spawn(async move { server.serve_connection(other).await });
        let mut wire = Self(io);
        let request = format!("{{\"protocol\":\"{protocol}\",\"version\":1}}\u{1e}");
        wire.send(&[request.as_bytes()]).await;
        wire.hear(&[b"{}\x1e"]).await;
        wire
    }

    async fn send(&mut self, parts: &[&[u8]]) {
        let sent = self.0.write_all(&parts.concat()).await;
        sent.expect("the server reads");
    }

    async fn hear(&mut self, parts: &[&[u8]]) {
        let expected = parts.concat();
        let mut heard = vec![0; expected.len()];
        let read = self.0.read_exact(&mut heard).await;
        read.expect("the server writes as much");
        assert_eq!(
            heard.escape_ascii().to_string(),
            expected.escape_ascii().to_string()
        );
    }
}

/// A frame of MessagePack that is shorter than 128 bytes.
fn frame(parts: &[&[u8]]) -> Vec<u8> {
    let mut frame = parts.concat();
    frame.insert(0, u8::try_from(frame.len()).expect("a short frame"));
    frame
}

#[tokio::test(start_paused = true)]
async fn objects_are_camel_case_in_json() {
    let mut wire = Wire::connect("json").await;
    let object = IN_JSON.as_bytes();
    let call = br#"{"type":1,"invocationId":"123","target":"echo","arguments":["#;
    wire.send(&[call, object, b"]}\x1e"]).await;
    // J-30
    let result = br#"{"type":3,"invocationId":"123","result":"#;
    wire.hear(&[result, object, b"}\x1e"]).await;

    let call = br#"{"type":4,"invocationId":"123","target":"items","arguments":["#;
    wire.send(&[call, object, b"]}\x1e"]).await;
    // J-22
    let item = br#"{"type":2,"invocationId":"123","item":"#;
    wire.hear(&[item, object, b"}\x1e"]).await;
    wire.hear(&[br#"{"type":3,"invocationId":"123"}"#, b"\x1e"])
        .await;

    let call = br#"{"type":1,"target":"tell","arguments":["#;
    wire.send(&[call, object, b"]}\x1e"]).await;
    let told = br#"{"type":1,"target":"method","arguments":[42,"string","#;
    wire.hear(&[told, object, b"]}\x1e"]).await;
}

#[tokio::test(start_paused = true)]
async fn objects_are_pascal_case_in_message_pack() {
    let mut wire = Wire::connect("messagepack").await;
    let object = IN_MESSAGE_PACK;
    wire.send(&[&frame(&[
        b"\x96\x01\x80\xa3xyz\xa4echo\x91",
        object,
        b"\x90",
    ])])
    .await;
    // M-38
    wire.hear(&[b"\x68\x95\x03\x80\xa3xyz\x03", object]).await;

    wire.send(&[&frame(&[
        b"\x96\x04\x80\xa3xyz\xa5items\x91",
        object,
        b"\x90",
    ])])
    .await;
    // M-27
    wire.hear(&[b"\x67\x94\x02\x80\xa3xyz", object]).await;
    wire.hear(&[b"\x08\x94\x03\x80\xa3xyz\x02"]).await;

    wire.send(&[&frame(&[b"\x96\x01\x80\xc0\xa4tell\x91", object, b"\x90"])])
        .await;
    // M-10
    let told = b"\x75\x96\x01\x80\xc0\xa6method\x93\x2a\xa6string";
    wire.hear(&[told, object, b"\x90"]).await;
}

#[tokio::test(start_paused = true)]
async fn enums_are_numbers_in_json() {
    let mut peer = Peer::connect(&HubServer::new(Dotnet)).await;
    assert_eq!(peer.invoke("flip", json!([0])).await, 1);
    assert_eq!(peer.invoke("flip", json!([1])).await, 0);
    for value in [json!("One"), json!("1"), json!(2), json!(1.0), json!(null)] {
        let refused = peer.invoke("flip", json!([value])).await;
        assert!(refused["error"].is_string(), "{value}");
    }
    peer.send(r#"{"type":4,"invocationId":"1","target":"method","arguments":[1]}"#)
        .await;
    assert_eq!(
        peer.text().await,
        r#"{"type":2,"invocationId":"1","item":1}"#
    );
    assert_eq!(peer.completion("1").await, json!(null));

    peer.call("2", "ask", json!([])).await;
    let question = r#"{"type":1,"invocationId":"s1","target":"choose","arguments":[[0,1]]}"#;
    assert_eq!(peer.text().await, question);
    peer.send(r#"{"type":3,"invocationId":"s1","result":1}"#)
        .await;
    assert_eq!(peer.completion("2").await, 1);
}

#[tokio::test(start_paused = true)]
async fn enums_are_names_in_message_pack() {
    let mut wire = Wire::connect("messagepack").await;
    // M-16, M-26
    wire.send(&[b"\x14\x96\x04\x80\xa3xyz\xa6method\x91\xa3One\x90"])
        .await;
    wire.hear(&[b"\x0b\x94\x02\x80\xa3xyz\xa3One"]).await;
    wire.hear(&[b"\x08\x94\x03\x80\xa3xyz\x02"]).await;

    wire.send(&[&frame(&[b"\x96\x01\x80\xa3xyz\xa4flip\x91\xa4Zero\x90"])])
        .await;
    // M-37
    wire.hear(&[b"\x0c\x95\x03\x80\xa3xyz\x03\xa3One"]).await;
    for value in [&b"\x01"[..], b"\xa3one", b"\xc0", b"\xc4\x03One"] {
        wire.send(&[&frame(&[
            b"\x96\x01\x80\xa3xyz\xa4flip\x91",
            value,
            b"\x90",
        ])])
        .await;
        let error = b"\xd9\x36Failed to invoke 'flip' due to an error on the server.";
        wire.hear(&[&frame(&[b"\x95\x03\x80\xa3xyz\x01", error])])
            .await;
    }

    wire.send(&[&frame(&[b"\x96\x01\x80\xa3xyz\xa3ask\x90\x90"])])
        .await;
    let question = b"\x96\x01\x80\xa2s1\xa6choose\x91\x92\xa4Zero\xa3One\x90";
    wire.hear(&[&frame(&[question])]).await;
    wire.send(&[&frame(&[b"\x95\x03\x80\xa2s1\x03\xa3One"])])
        .await;
    wire.hear(&[b"\x0c\x95\x03\x80\xa3xyz\x03\xa3One"]).await;
}

#[tokio::test(start_paused = true)]
async fn acronyms_follow_dotnet_and_either_name_is_read() {
    let mut peer = Peer::connect(&HubServer::new(Dotnet)).await;
    let camel = json!({"url": 1, "urlValue": 1, "ipAddress": [0]});
    let pascal = json!({"URL": 1, "URLValue": 1, "IpAddress": [0]});
    for names in [&camel, &pascal] {
        assert_eq!(peer.invoke("acronyms", json!([names])).await, camel);
    }

    let mut wire = Wire::connect("messagepack").await;
    let pascal = b"\x83\xa3URL\x01\xa8URLValue\xa3One\xa9IpAddress\x91\xa4Zero";
    let camel = b"\x83\xa3url\x01\xa8urlValue\xa3One\xa9ipAddress\x91\xa4Zero";
    for names in [camel, pascal] {
        let call = b"\x96\x01\x80\xa3xyz\xa8acronyms\x91";
        wire.send(&[&frame(&[call, names, b"\x90"])]).await;
        wire.hear(&[&frame(&[b"\x95\x03\x80\xa3xyz\x03", pascal])])
            .await;
    }
}
