//! Values of every kind through a server and back, byte for byte in both encodings: as arguments and results, as items of streams in
//! either direction, in calls to clients and in their answers.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use futures_util::{Stream, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::json;
use signalr::{Blob, Context, HubError, HubServer, OffsetTimestamp, Receiver, Timestamp, hub};
use uuid::Uuid;

use crate::support::{
    Encoding, Peer,
    msgpack::{bytes, framed},
};

#[derive(Deserialize, Serialize)]
enum Shape {
    Nothing,
    Circle(f64),
    Named { name: String, id: Uuid },
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    order_id: Uuid,
    placed: Timestamp,
    lines: Vec<(u16, Box<str>)>,
    photo: Option<Blob>,
}

struct Echo;

/// One method for each type: what it takes it gives back.
macro_rules! echo {
    ($($name:ident: $type:ty,)*) => {
        #[hub]
        impl Echo {
            $(
                pub fn $name(&self, value: $type) -> $type {
                    value
                }
            )*

            pub fn back(&self, items: Receiver<Order>) -> impl Stream<Item = Result<Order, HubError>> + use<> {
                items.map(|item| Ok(item?))
            }

            pub async fn ask(&self, cx: &Context<Self>, order: Order) -> Result<Order, HubError> {
                Ok(cx.clients().caller().invoke("order", (order, Shape::Nothing)).await?)
            }
        }
    };
}

echo! {
    signed: i64,
    unsigned: u64,
    float: f64,
    single: f32,
    option: Option<Vec<Option<u8>>>,
    tuple: (u8, String, (bool, char)),
    map: BTreeMap<i32, HashMap<String, Vec<u8>>>,
    shapes: Vec<Shape>,
    id: Uuid,
    blob: Blob,
    moment: Timestamp,
    with_offset: OffsetTimestamp,
    utc: DateTime<Utc>,
    with_zone: DateTime<FixedOffset>,
    date: NaiveDate,
}

/// Method, value in JSON, value in MessagePack.
const VALUES: &[(&str, &str, &str)] = &[
    (
        "signed",
        "-9223372036854775808",
        "d3 80 00 00 00 00 00 00 00",
    ),
    (
        "signed",
        "9223372036854775807",
        "cf 7f ff ff ff ff ff ff ff",
    ),
    (
        "unsigned",
        "18446744073709551615",
        "cf ff ff ff ff ff ff ff ff",
    ),
    ("unsigned", "0", "00"),
    ("float", "0.1", "cb 3f b9 99 99 99 99 99 9a"),
    ("float", "-2", "cb c0 00 00 00 00 00 00 00"),
    ("single", "1.5", "ca 3f c0 00 00"),
    ("option", "null", "c0"),
    ("option", "[1,null]", "92 01 c0"),
    (
        "tuple",
        r#"[1,"x",[true,"ß"]]"#,
        "93 01 a1 78 92 c3 a2 c3 9f",
    ),
    (
        "map",
        r#"{"-1":{"KeptAsIs":[1,2]}}"#,
        "81 ff 81 a8 4b 65 70 74 41 73 49 73 92 01 02",
    ),
    (
        "shapes",
        r#"["Nothing",{"Circle":1.5},{"Named":{"name":"x","id":"00112233-4455-6677-8899-aabbccddeeff"}}]"#,
        "93 a7 4e 6f 74 68 69 6e 67 81 a6 43 69 72 63 6c 65 cb 3f f8 00 00 00 00 00 00 \
         81 a5 4e 61 6d 65 64 82 a4 6e 61 6d 65 a1 78 a2 69 64 d9 24 \
         30 30 31 31 32 32 33 33 2d 34 34 35 35 2d 36 36 37 37 2d 38 38 39 39 2d 61 61 62 62 63 63 64 64 65 65 66 66",
    ),
    (
        "id",
        r#""00112233-4455-6677-8899-aabbccddeeff""#,
        "d9 24 30 30 31 31 32 32 33 33 2d 34 34 35 35 2d 36 36 37 37 2d 38 38 39 39 2d 61 61 62 62 63 63 64 64 65 65 66 66",
    ),
    ("blob", r#""AQID""#, "c4 03 01 02 03"),
    ("blob", r#""""#, "c4 00"),
    ("moment", r#""2018-01-01T11:24:00Z""#, "d6 ff 5a 4a 1a 50"),
    (
        "moment",
        r#""2018-01-01T11:24:00.5Z""#,
        "d7 ff 77 35 94 00 5a 4a 1a 50",
    ),
    (
        "moment",
        r#""0001-01-01T00:00:00Z""#,
        "c7 0c ff 00 00 00 00 ff ff ff f1 88 6e 09 00",
    ),
    (
        "withOffset",
        r#""2018-04-09T00:00:00+10:00""#,
        "92 d6 ff 5a ca ad 00 cd 02 58",
    ),
    (
        "utc",
        r#""2018-01-01T11:24:00Z""#,
        "b4 32 30 31 38 2d 30 31 2d 30 31 54 31 31 3a 32 34 3a 30 30 5a",
    ),
    (
        "withZone",
        r#""2016-05-10T13:51:20+12:34""#,
        "b9 32 30 31 36 2d 30 35 2d 31 30 54 31 33 3a 35 31 3a 32 30 2b 31 32 3a 33 34",
    ),
    (
        "date",
        r#""2018-04-09""#,
        "aa 32 30 31 38 2d 30 34 2d 30 39",
    ),
];

/// A message in one of the encodings, built around a value.
struct Wire(Encoding);

impl Wire {
    /// The frame of `message`, which has the text `here` where the value belongs.
    fn frame(&self, message: &str, json: &str, packed: &str) -> Vec<u8> {
        match self.0 {
            Encoding::Json => self.0.frame(&message.replace(r#""here""#, json)),
            Encoding::MessagePack => {
                let frame = self.0.frame(message);
                // One byte of length: the values are short, and so is all that is around them.
                let (body, place) = (&frame[1..], b"\xa4here");
                let at = body.windows(5).position(|five| five == place);
                let (head, tail) = body.split_at(at.expect("a place for the value"));
                framed(&[head, &bytes(packed), &tail[5..]].concat())
            }
        }
    }
}

impl Peer {
    /// The next frame is exactly this.
    async fn expect_frame(&mut self, encoding: Encoding, expected: &[u8]) {
        let body = self.body().await.expect("the connection is open");
        let frame = match encoding {
            Encoding::Json => [&body[..], &[0x1e]].concat(),
            Encoding::MessagePack => framed(&body),
        };
        assert!(
            frame == expected,
            "{} instead of {}",
            String::from_utf8_lossy(&frame),
            String::from_utf8_lossy(expected)
        );
    }
}

#[apply(both_encodings)]
async fn arguments_come_back_as_results_byte_for_byte() {
    let encoding = Encoding::of_this_test();
    let wire = Wire(encoding);
    let mut peer = Peer::connect(&HubServer::new(Echo)).await;
    for (method, json, packed) in VALUES {
        let call =
            format!(r#"{{"type":1,"invocationId":"1","target":"{method}","arguments":["here"]}}"#);
        peer.send_bytes(&wire.frame(&call, json, packed)).await;
        let result = r#"{"type":3,"invocationId":"1","result":"here"}"#;
        let result = wire.frame(result, json, packed);
        peer.expect_frame(encoding, &result).await;
    }
}

const ORDER: &str = r#"{"orderId":"00112233-4455-6677-8899-aabbccddeeff","placed":"2018-01-01T11:24:00Z","lines":[[2,"tea"]],"photo":"AQID"}"#;
const ORDER_PACKED: &str = "84 a7 6f 72 64 65 72 49 64 d9 24 \
    30 30 31 31 32 32 33 33 2d 34 34 35 35 2d 36 36 37 37 2d 38 38 39 39 2d 61 61 62 62 63 63 64 64 65 65 66 66 \
    a6 70 6c 61 63 65 64 d6 ff 5a 4a 1a 50 a5 6c 69 6e 65 73 91 92 02 a3 74 65 61 \
    a5 70 68 6f 74 6f c4 03 01 02 03";

#[apply(both_encodings)]
async fn items_go_up_and_come_down_byte_for_byte() {
    let encoding = Encoding::of_this_test();
    let wire = Wire(encoding);
    let mut peer = Peer::connect(&HubServer::new(Echo)).await;
    peer.send(r#"{"type":4,"invocationId":"s","target":"back","arguments":[],"streamIds":["u"]}"#)
        .await;
    let item = |id| {
        let item = format!(r#"{{"type":2,"invocationId":"{id}","item":"here"}}"#);
        wire.frame(&item, ORDER, ORDER_PACKED)
    };
    for _ in 0..3 {
        peer.send_bytes(&item("u")).await;
        peer.expect_frame(encoding, &item("s")).await;
    }
    peer.end_of("u").await;
    assert_eq!(peer.text().await, r#"{"type":3,"invocationId":"s"}"#);
}

#[apply(both_encodings)]
async fn clients_are_asked_and_answer_byte_for_byte() {
    let encoding = Encoding::of_this_test();
    let wire = Wire(encoding);
    let frame = |message| wire.frame(message, ORDER, ORDER_PACKED);
    let mut peer = Peer::connect(&HubServer::new(Echo)).await;
    peer.send_bytes(&frame(
        r#"{"type":1,"invocationId":"1","target":"ask","arguments":["here"]}"#,
    ))
    .await;
    let question =
        r#"{"type":1,"invocationId":"s1","target":"order","arguments":["here","Nothing"]}"#;
    peer.expect_frame(encoding, &frame(question)).await;
    peer.send_bytes(&frame(r#"{"type":3,"invocationId":"s1","result":"here"}"#))
        .await;
    peer.expect_frame(
        encoding,
        &frame(r#"{"type":3,"invocationId":"1","result":"here"}"#),
    )
    .await;
}

#[test]
fn no_number_is_a_number_in_messagepack() {
    Encoding::MessagePack.run(async {
        let mut peer = Peer::connect(&HubServer::new(Echo)).await;
        for (method, packed) in [
            ("float", "cb 7f f8 00 00 00 00 00 00"),
            ("float", "cb ff f0 00 00 00 00 00 00"),
            ("single", "ca 7f c0 00 00"),
        ] {
            let call = format!(
                r#"{{"type":1,"invocationId":"1","target":"{method}","arguments":["here"]}}"#
            );
            let call = Wire(Encoding::MessagePack).frame(&call, "", packed);
            peer.send_bytes(&call).await;
            let result = [b"\x95\x03\x80\xa11\x03", &bytes(packed)[..]].concat();
            peer.expect_frame(Encoding::MessagePack, &framed(&result))
                .await;
        }
        peer.call("1", "moment", json!([1])).await;
        assert!(peer.completion("1").await["error"].is_string());
    });
}
