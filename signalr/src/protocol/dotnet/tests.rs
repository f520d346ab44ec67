//! The reference's values of section 13, each from one type in both encodings, and what enums refuse.

use std::fmt::Debug;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::super::{
    Blob, HubProtocol, Message, Outcome, Payload, Timestamp, json,
    msgpack::{
        self,
        tests::{value as read, written},
    },
    write_variant,
};

#[signalr::dotnet]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct CustomObject {
    string_prop: String,
    double_prop: f64,
    int_prop: i32,
    date_time_prop: Timestamp,
    null_prop: Option<u8>,
    byte_arr_prop: Blob,
}

#[signalr::dotnet]
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum TestEnum {
    Zero,
    One,
}

#[signalr::dotnet]
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[repr(u64)]
enum Unsigned {
    Most = u64::MAX,
    #[serde(other)]
    Unknown = 0,
}

#[signalr::dotnet]
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[repr(i64)]
enum Signed {
    Least = i64::MIN,
    #[dotnet(name = "ALMOST_NONE")]
    AlmostNone = -1,
}

/// Property names that .NET's camel case treats in its own way.
#[signalr::dotnet]
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Acronyms {
    #[dotnet(name = "URL")]
    url: u8,
    #[dotnet(name = "URLValue")]
    url_value: u8,
    #[dotnet(name = "IPAddress")]
    ip_address: u8,
    #[dotnet(name = "ID")]
    id: u8,
    #[dotnet(name = "AB1")]
    ab1: u8,
    #[dotnet(name = "aB")]
    ab: u8,
}

#[expect(clippy::approx_constant, reason = "the reference's digits")]
const DOUBLE: f64 = 6.283_185_307_1;

/// `CO` of section 13.
fn custom_object() -> CustomObject {
    CustomObject {
        string_prop: "SignalR!".into(),
        double_prop: DOUBLE,
        int_prop: 42,
        date_time_prop: "2017-04-11T00:00:00Z".parse().expect("a moment"),
        null_prop: None,
        byte_arr_prop: vec![1, 2, 3].into(),
    }
}

/// The body of a vector, and its protocol.
fn vector(id: &str) -> (HubProtocol, Vec<u8>) {
    let find = |messages: &'static str| {
        let mut lines = messages.lines().filter_map(|line| line.split_once('\t'));
        lines.find(|(name, _)| *name == id).expect(id).1
    };
    match id.starts_with('J') {
        true => (HubProtocol::Json, find(json::tests::MESSAGES).into()),
        false => {
            let frame = msgpack::tests::bytes(find(msgpack::tests::MESSAGES));
            (HubProtocol::MessagePack, msgpack::tests::body(&frame))
        }
    }
}

fn payload<'a>(message: &Message<'a>) -> Payload<'a> {
    match message {
        Message::Invocation(call) => call.arguments,
        Message::StreamItem { item, .. } => *item,
        Message::Completion {
            outcome: Outcome::Result(result),
            ..
        } => *result,
        other => panic!("{other:?} carries no value"),
    }
}

/// What the vector carries is read as this value, and this value is written as the vector has it.
#[track_caller]
fn carries<T: Serialize + DeserializeOwned + PartialEq + Debug>(id: &str, value: &T) {
    let (protocol, body) = vector(id);
    let message = protocol.decode(&body).expect(id).expect(id);
    let payload = payload(&message);
    assert_eq!(read::<T>(payload).as_ref(), Ok(value), "{id}");
    assert_eq!(
        written(protocol, value),
        written(protocol, &payload),
        "{id}"
    );
}

#[test]
fn the_custom_object_of_all_vectors_is_one_type() {
    let object = custom_object();
    for id in ["J-16", "J-22", "J-30", "J-31", "M-27", "M-38"] {
        carries(id, &object);
    }
    for id in ["J-11", "J-39"] {
        carries(id, &[custom_object()]);
    }
    for id in ["M-10", "M-20"] {
        carries(id, &(42, "string".to_owned(), object.clone()));
    }
    for id in ["M-11", "M-12", "M-39"] {
        let (protocol, body) = vector(id);
        let message = protocol.decode(&body).expect(id).expect(id);
        let pair = [object.clone(), object.clone()];
        assert_eq!(read(payload(&message)), Ok(pair.clone()), "{id}");
        carries(id, &pair);
    }
}

#[test]
fn the_enum_of_all_vectors_is_a_name_in_message_pack_and_a_number_in_json() {
    carries("M-06", &(42, TestEnum::One));
    carries("M-16", &[TestEnum::One]);
    for id in ["M-26", "M-37"] {
        carries(id, &TestEnum::One);
    }
    let both = [TestEnum::Zero, TestEnum::One];
    assert_eq!(written(HubProtocol::Json, &both), b"[0,1]");
    assert_eq!(read(Payload::Json("[0,1]")), Ok(both));
}

#[test]
fn enums_are_read_exactly() {
    let json = |text| read::<TestEnum>(Payload::Json(text)).expect_err(text);
    assert!(json("2").starts_with("invalid value: integer `2`, expected one of 0, 1"));
    assert!(json("-1").starts_with("invalid value: integer `-1`, expected one of 0, 1"));
    assert!(json(r#""One""#).starts_with("invalid type: string \"One\", expected one of 0, 1"));
    for text in [
        "1.0",
        "1e0",
        "true",
        "null",
        "[1]",
        "{\"One\":null}",
        "99999999999999999999",
    ] {
        json(text);
    }
    let pack = |bytes: &[u8]| read::<TestEnum>(Payload::MessagePack(bytes)).expect_err("refused");
    let expected = "invalid type: integer `1`, expected one of `Zero`, `One`";
    assert_eq!(pack(&[1]), expected);
    let expected = "invalid value: string \"one\", expected one of `Zero`, `One`";
    assert_eq!(pack(b"\xa3one"), expected);
    for bytes in [
        &b"\xc0"[..],
        b"\xc4\x03One",
        b"\x81\xa3One\xc0",
        b"\x91\xa3One",
        b"\xa4One",
    ] {
        pack(bytes);
    }
}

#[test]
fn numbers_of_enums_have_up_to_64_bits() {
    let (text, most) = ("18446744073709551615", Unsigned::Most);
    assert_eq!(written(HubProtocol::Json, &most), text.as_bytes());
    assert_eq!(read(Payload::Json(text)), Ok(most));
    let (text, both) = (
        "[-9223372036854775808,-1]",
        [Signed::Least, Signed::AlmostNone],
    );
    assert_eq!(written(HubProtocol::Json, &both), text.as_bytes());
    assert_eq!(read(Payload::Json(text)), Ok(both));
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::new(&mut out);
    let error = write_variant("More", i128::from(u64::MAX) + 1, &mut serializer).expect_err("more");
    assert!(error.to_string().contains("`More` is 18446744073709551616"));
}

#[test]
fn variants_have_the_names_that_they_are_given() {
    let written = written(HubProtocol::MessagePack, &Signed::AlmostNone);
    assert_eq!(written, b"\xabALMOST_NONE");
    let read = |bytes| read::<Signed>(Payload::MessagePack(bytes));
    assert_eq!(read(&written), Ok(Signed::AlmostNone));
    assert!(read(b"\xaaAlmostNone").is_err());
}

#[test]
fn what_is_unknown_is_the_other_value() {
    assert_eq!(read(Payload::Json("7")), Ok(Unsigned::Unknown));
    assert_eq!(read(Payload::MessagePack(b"\xa1x")), Ok(Unsigned::Unknown));
    assert!(read::<Unsigned>(Payload::Json(r#""Most""#)).is_err());
    assert!(read::<Unsigned>(Payload::MessagePack(&[7])).is_err());
}

#[test]
fn acronyms_follow_the_rule_of_dotnet() {
    let names = Acronyms {
        url: 1,
        url_value: 2,
        ip_address: 3,
        id: 4,
        ab1: 5,
        ab: 6,
    };
    let json = r#"{"url":1,"urlValue":2,"ipAddress":3,"id":4,"aB1":5,"aB":6}"#;
    assert_eq!(written(HubProtocol::Json, &names), json.as_bytes());
    let pack = b"\x86\xa3URL\x01\xa8URLValue\x02\xa9IPAddress\x03\xa2ID\x04\xa3AB1\x05\xa2aB\x06";
    assert_eq!(written(HubProtocol::MessagePack, &names), pack);
    assert_eq!(read::<Acronyms>(Payload::Json(json)).as_ref(), Ok(&names));
    assert_eq!(read(Payload::MessagePack(pack)), Ok(names));
}

#[test]
fn the_names_of_the_other_encoding_are_read_too() {
    let value = |bytes| {
        serde_json::json!({
            "stringProp": "SignalR!", "DoubleProp": DOUBLE, "IntProp": 42,
            "dateTimeProp": "2017-04-11T00:00:00Z", "NullProp": null, "byteArrProp": bytes,
        })
    };
    let pack = written(
        HubProtocol::MessagePack,
        &value(serde_json::json!([1, 2, 3])),
    );
    assert_eq!(read(Payload::MessagePack(&pack)), Ok(custom_object()));
    let json = value("AQID".into()).to_string();
    assert_eq!(read(Payload::Json(&json)), Ok(custom_object()));
    let shouted = json.replace("IntProp", "INTPROP");
    let error = read::<CustomObject>(Payload::Json(&shouted)).expect_err("another name");
    assert!(error.starts_with("missing field `intProp`"), "{error}");
}
