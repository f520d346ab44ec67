//! Values of Rust types, byte for byte in both encodings, and what binds to which type (sections 5.4 and 6.4).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::{bytes, value as read, written};
use crate::protocol::{Blob, HubProtocol, OffsetTimestamp, Payload, Timestamp};

pub(super) fn json<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    read(Payload::Json(text))
}

pub(super) fn pack<T: DeserializeOwned>(hex: &str) -> Result<T, String> {
    read(Payload::MessagePack(&bytes(hex)))
}

pub(super) fn hex(value: &(impl Serialize + ?Sized)) -> String {
    let bytes = written(HubProtocol::MessagePack, value);
    let bytes: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

pub(super) fn text(value: &(impl Serialize + ?Sized)) -> String {
    String::from_utf8(written(HubProtocol::Json, value)).expect("UTF-8")
}

/// The value is written so in MessagePack and so in JSON, and read back from both.
#[track_caller]
pub(super) fn both<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    value: T,
    packed: &str,
    plain: &str,
) {
    assert_eq!(hex(&value), packed);
    assert_eq!(text(&value), plain);
    assert_eq!(pack(packed).as_ref(), Ok(&value));
    assert_eq!(json(plain), Ok(value));
}

#[test]
fn integers_have_their_smallest_form() {
    both(0u8, "00", "0");
    both(127i64, "7f", "127");
    both(128u64, "cc 80", "128");
    both(255u8, "cc ff", "255");
    both(256i32, "cd 01 00", "256");
    both(65_535u16, "cd ff ff", "65535");
    both(65_536i64, "ce 00 01 00 00", "65536");
    both(u32::MAX, "ce ff ff ff ff", "4294967295");
    both(1i64 << 32, "cf 00 00 00 01 00 00 00 00", "4294967296");
    both(
        i64::MAX,
        "cf 7f ff ff ff ff ff ff ff",
        "9223372036854775807",
    );
    both(
        u64::MAX,
        "cf ff ff ff ff ff ff ff ff",
        "18446744073709551615",
    );
    both(-1i8, "ff", "-1");
    both(-32i64, "e0", "-32");
    both(-33i64, "d0 df", "-33");
    both(-128i8, "d0 80", "-128");
    both(-129i64, "d1 ff 7f", "-129");
    both(i16::MIN, "d1 80 00", "-32768");
    both(-32_769i64, "d2 ff ff 7f ff", "-32769");
    both(i32::MIN, "d2 80 00 00 00", "-2147483648");
    both(
        i64::MIN,
        "d3 80 00 00 00 00 00 00 00",
        "-9223372036854775808",
    );
}

#[test]
fn floats_are_never_narrowed() {
    // M-22 and M-33 carry the first.
    both(42.0f32, "ca 42 28 00 00", "42");
    both(42.0f64, "cb 40 45 00 00 00 00 00 00", "42");
    both(1.5f32, "ca 3f c0 00 00", "1.5");
    both(-0.1f64, "cb bf b9 99 99 99 99 99 9a", "-0.1");
    both(
        f64::MAX,
        "cb 7f ef ff ff ff ff ff ff",
        "1.7976931348623157e+308",
    );
    assert_eq!(hex(&f64::INFINITY), "cb 7f f0 00 00 00 00 00 00");
    assert_eq!(hex(&f32::NAN), "ca 7f c0 00 00");
    assert!(pack::<f64>("cb 7f f8 00 00 00 00 00 00").is_ok_and(f64::is_nan));
}

#[test]
fn integers_bind_to_floats_and_floats_never_to_integers() {
    for wire in [
        "2a",
        "cc 2a",
        "cd 00 2a",
        "cf 00 00 00 00 00 00 00 2a",
        "d3 00 00 00 00 00 00 00 2a",
    ] {
        assert_eq!(pack(wire), Ok(42.0f64), "{wire}");
        assert_eq!(pack(wire), Ok(42.0f32), "{wire}");
        // And any width to any integer that holds it.
        assert_eq!(pack(wire), Ok(42u8), "{wire}");
        assert_eq!(pack(wire), Ok(42i64), "{wire}");
    }
    assert_eq!(pack("ca 3f c0 00 00"), Ok(1.5f64));
    assert_eq!(pack("cb 3f f8 00 00 00 00 00 00"), Ok(1.5f32));
    assert_eq!(pack("ff"), Ok(-1.0f64));
    for float in ["ca 42 28 00 00", "cb 40 45 00 00 00 00 00 00"] {
        pack::<i32>(float).expect_err("a float");
        pack::<u64>(float).expect_err("a float");
    }
    for text in ["128", "-129", "1.0", "1e0", "\"1\""] {
        json::<i8>(text).expect_err(text);
    }
    for wire in ["cc 80", "d1 ff 7f", "cf ff ff ff ff ff ff ff ff", "a1 31"] {
        pack::<i8>(wire).expect_err(wire);
    }
    pack::<i64>("cf ff ff ff ff ff ff ff ff").expect_err("out of range");
    pack::<u64>("ff").expect_err("negative");
    pack::<u8>("cd 01 00").expect_err("out of range");
}

#[test]
fn nil_binds_to_what_may_be_missing_alone() {
    both(None::<u8>, "c0", "null");
    both(Some(7u8), "07", "7");
    both((), "c0", "null");
    both(
        vec![None, Some("x".to_owned())],
        "92 c0 a1 78",
        r#"[null,"x"]"#,
    );
    pack::<u8>("c0").expect_err("nil");
    pack::<f64>("c0").expect_err("nil");
    pack::<String>("c0").expect_err("nil");
    pack::<Vec<u8>>("c0").expect_err("nil");
    pack::<bool>("c0").expect_err("nil");
    pack::<bool>("01").expect_err("a number");
    pack::<u8>("a1 37").expect_err("a text");
    pack::<String>("07").expect_err("a number");
}

#[test]
fn texts_lists_and_maps_have_their_shortest_head() {
    both(true, "c3", "true");
    both("é\u{1e}".to_owned(), "a3 c3 a9 1e", "\"é\\u001e\"");
    both('ß', "a2 c3 9f", "\"ß\"");
    for (length, head) in [
        (31, "bf"),
        (32, "d9 20"),
        (255, "d9 ff"),
        (256, "da 01 00"),
        (65_536, "db 00 01 00 00"),
    ] {
        let text = "x".repeat(length);
        assert!(hex(&text).starts_with(head), "{length}");
        assert_eq!(pack(&hex(&text)), Ok(text));
    }
    for (length, list, map) in [
        (15, "9f", "8f"),
        (16, "dc 00 10", "de 00 10"),
        (65_535, "dc ff ff", "de ff ff"),
        (65_536, "dd 00 01 00 00", "df 00 01 00 00"),
    ] {
        let numbers: Vec<u32> = (0..length).collect();
        assert!(hex(&numbers).starts_with(list), "{length}");
        let squares: BTreeMap<_, _> = numbers.iter().map(|number| (*number, *number)).collect();
        assert!(hex(&squares).starts_with(map), "{length}");
        assert_eq!(pack(&hex(&numbers)), Ok(numbers));
        assert_eq!(pack(&hex(&squares)), Ok(squares));
    }
}

#[test]
fn tuples_and_sets_are_lists() {
    both(
        (1u8, "x".to_owned(), None::<bool>),
        "93 01 a1 78 c0",
        r#"[1,"x",null]"#,
    );
    both([[1u8, 2], [3, 4]], "92 92 01 02 92 03 04", "[[1,2],[3,4]]");
    both(BTreeSet::from([2u8, 1]), "92 01 02", "[1,2]");
    pack::<(u8, u8)>("91 01").expect_err("too short");
}

#[test]
fn keys_of_maps_are_unchanged_and_need_not_be_texts_in_messagepack() {
    let nested = BTreeMap::from([("KeyOne".to_owned(), BTreeMap::from([(7i64, vec![true])]))]);
    both(
        nested,
        "81 a6 4b 65 79 4f 6e 65 81 07 91 c3",
        r#"{"KeyOne":{"7":[true]}}"#,
    );
    both(
        BTreeMap::from([(-1i32, 'x')]),
        "81 ff a1 78",
        r#"{"-1":"x"}"#,
    );
    both(BTreeMap::from([(true, 1u8)]), "81 c3 01", r#"{"true":1}"#);
    let pairs = BTreeMap::from([((1u8, 2u8), BTreeMap::from([(None::<u8>, 3u8)]))]);
    assert_eq!(hex(&pairs), "81 92 01 02 81 c0 03");
    assert_eq!(pack(&hex(&pairs)), Ok(pairs));
}

#[derive(Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
struct Point {
    left_edge: i32,
    label: Option<String>,
}

impl Default for Point {
    fn default() -> Self {
        Self {
            left_edge: -1,
            label: None,
        }
    }
}

#[derive(Debug, PartialEq, Deserialize, Serialize)]
struct Meters(f64);

#[derive(Debug, PartialEq, Deserialize, Serialize)]
enum Shape {
    Nothing,
    Circle(Meters),
    Pair(u8, u8),
    Named { name: String },
}

#[test]
fn structs_are_maps_with_readable_names() {
    let point = Point {
        left_edge: 7,
        label: None,
    };
    both(
        point,
        "82 a8 4c 65 66 74 45 64 67 65 07 a5 4c 61 62 65 6c c0",
        r#"{"LeftEdge":7,"Label":null}"#,
    );
    // What is unknown is ignored, whatever it is; what is missing keeps its default; another letter case is unknown.
    for wire in [
        "80",
        "81 a1 78 d6 ff 00 00 00 00",
        "81 a8 6c 65 66 74 45 64 67 65 07",
        "82 a5 4c 61 62 65 6c c0 a1 78 81 c0 c4 01 00",
    ] {
        assert_eq!(pack(wire), Ok(Point::default()), "{wire}");
    }
    both(Meters(1.5), "cb 3f f8 00 00 00 00 00 00", "1.5");
}

#[test]
fn enums_are_their_names() {
    both(Shape::Nothing, "a7 4e 6f 74 68 69 6e 67", r#""Nothing""#);
    both(
        Shape::Circle(Meters(2.0)),
        "81 a6 43 69 72 63 6c 65 cb 40 00 00 00 00 00 00 00",
        r#"{"Circle":2}"#,
    );
    both(
        Shape::Pair(1, 2),
        "81 a4 50 61 69 72 92 01 02",
        r#"{"Pair":[1,2]}"#,
    );
    both(
        Shape::Named { name: "x".into() },
        "81 a5 4e 61 6d 65 64 81 a4 6e 61 6d 65 a1 78",
        r#"{"Named":{"name":"x"}}"#,
    );
    pack::<Shape>("a7 6e 6f 74 68 69 6e 67").expect_err("another letter case");
}

#[test]
fn bytes_are_bin_and_base64() {
    let three = "c4 03 01 02 03";
    both(Blob::from(vec![1, 2, 3]), three, r#""AQID""#);
    both(Blob::default(), "c4 00", r#""""#);
    both(Blob::from(vec![0xff, 0xfe]), "c4 02 ff fe", r#""//4=""#);
    both(
        vec![Some(Blob::from(vec![7])), None],
        "92 c4 01 07 c0",
        r#"["Bw==",null]"#,
    );
    for (length, head) in [
        (255, "c4 ff"),
        (256, "c5 01 00"),
        (65_536, "c6 00 01 00 00"),
    ] {
        let blob = Blob::from(vec![7; length]);
        assert!(hex(&blob).starts_with(head), "{length}");
        assert_eq!(pack(&hex(&blob)).as_ref(), Ok(&blob));
        assert_eq!(json(&text(&blob)), Ok(blob));
    }
    // Java's array of numbers in JSON; anything else is no bytes.
    assert_eq!(json("[1,2,3]"), Ok(Blob::from(vec![1, 2, 3])));
    for wrong in ["[256]", "[-1]", "1", "null", r#""AQI""#, r#""A*==""#, "{}"] {
        json::<Blob>(wrong).expect_err(wrong);
    }
    for wrong in ["07", "c0", "80", "d6 ff 00 00 00 00", "c4 03 01 02"] {
        pack::<Blob>(wrong).expect_err(wrong);
    }
    // Numbers stay numbers where nobody says `Blob`.
    both(vec![1u8, 2, 3], "93 01 02 03", "[1,2,3]");
}

#[test]
fn ids_are_texts_of_36_letters() {
    let id = Uuid::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
    let letters = "00112233-4455-6677-8899-aabbccddeeff";
    let packed = format!("d9 24 {}", hex(letters).split_at(6).1);
    both(id, &packed, &format!("\"{letters}\""));
    both(
        BTreeMap::from([(id, 1u8)]),
        &format!("81 {packed} 01"),
        &format!("{{\"{letters}\":1}}"),
    );
    pack::<Uuid>("c4 02 01 02").expect_err("no id");
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_as_values_or_refused(bytes in proptest::collection::vec(proptest::arbitrary::any::<u8>(), 0..40)) {
        let payload = Payload::MessagePack(&bytes);
        let _ = read::<Timestamp>(payload);
        let _ = read::<OffsetTimestamp>(payload);
        let _ = read::<Blob>(payload);
        let _ = read::<Shape>(payload);
        let _ = read::<serde_json::Value>(payload);
    }
}
