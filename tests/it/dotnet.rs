//! One type for clients of .NET in both encodings: the values of the reference's vectors through a hub, byte for byte.

use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use signalr::{Blob, Context, HubError, HubServer, Timestamp, dotnet, hub, receiver};

use crate::support::{Encoding, Peer, msgpack};

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

/// Sends bodies of MessagePack.
async fn send(peer: &mut Peer, parts: &[&[u8]]) {
    peer.send_bytes(&msgpack::framed(&parts.concat())).await;
}

/// The next body is exactly this.
async fn hear(peer: &mut Peer, parts: &[&[u8]]) {
    let body = peer.body().await.expect("the connection is open");
    assert_eq!(
        body.escape_ascii().to_string(),
        parts.concat().escape_ascii().to_string()
    );
}

#[tokio::test(start_paused = true)]
async fn objects_are_camel_case_in_json() {
    let mut peer = Peer::connect(&HubServer::new(Dotnet)).await;
    let call = |kind, target| {
        format!(
            r#"{{"type":{kind},"invocationId":"123","target":"{target}","arguments":[{IN_JSON}]}}"#
        )
    };
    peer.send(&call(1, "echo")).await;
    // J-30
    let result = format!(r#"{{"type":3,"invocationId":"123","result":{IN_JSON}}}"#);
    assert_eq!(peer.text().await, result);

    peer.send(&call(4, "items")).await;
    // J-22
    let item = format!(r#"{{"type":2,"invocationId":"123","item":{IN_JSON}}}"#);
    assert_eq!(peer.text().await, item);
    assert_eq!(peer.completion("123").await, json!(null));

    peer.send(&call(1, "tell")).await;
    let told = format!(r#"{{"type":1,"target":"method","arguments":[42,"string",{IN_JSON}]}}"#);
    assert_eq!(peer.text().await, told);
}

#[tokio::test(start_paused = true)]
async fn objects_are_pascal_case_in_message_pack() {
    let mut peer = Peer::connect_in(Encoding::MessagePack, &HubServer::new(Dotnet)).await;
    let object = IN_MESSAGE_PACK;
    send(
        &mut peer,
        &[b"\x96\x01\x80\xa3xyz\xa4echo\x91", object, b"\x90"],
    )
    .await;
    // M-38
    hear(&mut peer, &[b"\x95\x03\x80\xa3xyz\x03", object]).await;

    send(
        &mut peer,
        &[b"\x96\x04\x80\xa3xyz\xa5items\x91", object, b"\x90"],
    )
    .await;
    // M-27
    hear(&mut peer, &[b"\x94\x02\x80\xa3xyz", object]).await;
    hear(&mut peer, &[b"\x94\x03\x80\xa3xyz\x02"]).await;

    send(
        &mut peer,
        &[b"\x96\x01\x80\xc0\xa4tell\x91", object, b"\x90"],
    )
    .await;
    // M-10
    let told = b"\x96\x01\x80\xc0\xa6method\x93\x2a\xa6string";
    hear(&mut peer, &[told, object, b"\x90"]).await;
}

#[tokio::test(start_paused = true)]
async fn enums_are_numbers_in_json() {
    let mut peer = Peer::connect(&HubServer::new(Dotnet)).await;
    assert_eq!(peer.invoke("flip", json!([0])).await, 1);
    assert_eq!(peer.invoke("flip", json!([1])).await, 0);
    for value in [json!("One"), json!("1"), json!(2), json!(1.0), json!(null)] {
        assert_eq!(
            peer.invoke("flip", json!([value])).await,
            unbound(),
            "{value}"
        );
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
    peer.answer("s1", json!(1)).await;
    assert_eq!(peer.completion("2").await, 1);
}

#[tokio::test(start_paused = true)]
async fn enums_are_names_in_message_pack() {
    let mut peer = Peer::connect_in(Encoding::MessagePack, &HubServer::new(Dotnet)).await;
    // M-16, M-26
    send(
        &mut peer,
        &[b"\x96\x04\x80\xa3xyz\xa6method\x91\xa3One\x90"],
    )
    .await;
    hear(&mut peer, &[b"\x94\x02\x80\xa3xyz\xa3One"]).await;
    hear(&mut peer, &[b"\x94\x03\x80\xa3xyz\x02"]).await;

    send(&mut peer, &[b"\x96\x01\x80\xa3xyz\xa4flip\x91\xa4Zero\x90"]).await;
    // M-37
    hear(&mut peer, &[b"\x95\x03\x80\xa3xyz\x03\xa3One"]).await;
    for value in [&b"\x01"[..], b"\xa3one", b"\xc0", b"\xc4\x03One"] {
        send(
            &mut peer,
            &[b"\x96\x01\x80\xa3xyz\xa4flip\x91", value, b"\x90"],
        )
        .await;
        assert_eq!(peer.completion("xyz").await, unbound());
    }

    peer.call("2", "ask", json!([])).await;
    let question = b"\x96\x01\x80\xa2s1\xa6choose\x91\x92\xa4Zero\xa3One\x90";
    hear(&mut peer, &[question]).await;
    peer.answer("s1", json!("One")).await;
    assert_eq!(peer.completion("2").await, "One");
}

fn unbound() -> Value {
    json!({"error": "Failed to invoke 'flip' due to an error on the server."})
}

#[tokio::test(start_paused = true)]
async fn acronyms_follow_dotnet_and_either_name_is_read() {
    let server = HubServer::new(Dotnet);
    for (encoding, low, high) in [
        (Encoding::Json, json!(0), json!(1)),
        (Encoding::MessagePack, json!("Zero"), json!("One")),
    ] {
        let camel = json!({"url": 1, "urlValue": high, "ipAddress": [low]});
        let pascal = json!({"URL": 1, "URLValue": high, "IpAddress": [low]});
        let mut peer = Peer::connect_in(encoding, &server).await;
        let written = if encoding == Encoding::Json {
            &camel
        } else {
            &pascal
        };
        for names in [&camel, &pascal] {
            assert_eq!(&peer.invoke("acronyms", json!([names])).await, written);
        }
    }
}
