//! The reader of usual messages against the general one: what it answers, the general one answers too.

use proptest::{prelude::*, sample::select};

use super::{ERRORS, MESSAGES, READ_ONLY};
use crate::protocol::json::{read::general, scan};

/// Whether the reader of usual messages has answered.
fn compare(text: &str) -> bool {
    let Some(message) = scan::message(text) else {
        return false;
    };
    let expected = general(text).map_err(|error| error.to_string());
    assert_eq!(expected, Ok(Some(message)), "{text}");
    true
}

/// The reference's vectors.
fn vectors() -> impl Iterator<Item = &'static str> {
    let lines = MESSAGES.lines().chain(READ_ONLY.lines());
    lines
        .chain(ERRORS.lines())
        .filter_map(|line| line.split('\t').nth(1))
}

#[test]
fn messages_of_official_clients_are_usual() {
    for text in [
        r#"{"type":1,"invocationId":"0","target":"Echo","arguments":["some text",1,-0.5e3,true,null]}"#,
        r#"{"arguments":[{"a":[],"b":{}}],"invocationId":"0","target":"Echo","type":1}"#,
        r#"{"arguments":[],"target":"Send","type":1}"#,
        r#"{"arguments":[],"streamIds":["1","2"],"target":"Send","type":1}"#,
        r#"{"type":1,"target":"Send","arguments":["a \"quoted\" \\ \u00e9 line\n"],"streamIds":[]}"#,
        r#"{"arguments":[1],"invocationId":"1","streamIds":[],"target":"Count","type":4}"#,
        r#"{"type":2,"invocationId":"2","item":"äöü, which takes two bytes each"}"#,
        r#"{"type":3,"invocationId":"2"}"#,
        r#"{"type":3,"invocationId":"2","result":null}"#,
        r#"{"type":3,"invocationId":"2","error":"it failed"}"#,
        r#"{"type":5,"invocationId":"2"}"#,
        r#"{"type": 6}"#,
        r#"{"type": 1, "target": "Send", "arguments": ["a", { "b" : [ 1 , 2 ] }]}"#,
    ] {
        assert!(compare(text), "{text}");
    }
}

#[test]
fn what_is_unusual_is_left_to_the_general_reader() {
    for text in [
        r#"{"type":1,"target":"a\u0062","arguments":[]}"#,
        r#"{"type":1,"target":"a","target":"b","arguments":[]}"#,
        r#"{"type":1,"target":"a","arguments":[],"more":1}"#,
        r#"{"type":1,"target":"a","arguments":[],"headers":{}}"#,
        r#"{"type":1,"target":"a","arguments":{}}"#,
        r#"{"type":1,"target":"a","arguments":[]}x"#,
        r#"{"type":1,"target":"a","arguments":[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]}"#,
        r#"{"type":10,"target":"a","arguments":[]}"#,
        r#"{"type" :6}"#,
        r#"{"type":6 }"#,
        r#"{"type":6}{"#,
        r#"{"type":6,}"#,
        r#"{"type":null}"#,
        "",
    ] {
        assert!(!compare(text), "{text}");
    }
}

#[test]
fn they_agree_on_the_reference_s_vectors_and_on_their_neighbours() {
    let mut usual = 0;
    for text in vectors() {
        usual += usize::from(compare(text));
        for (at, _) in text.char_indices() {
            let (front, back) = text.split_at(at);
            compare(front);
            for other in ["", "\"", "\\", "0", ",", " ", "]", "}", "\n", "e", "."] {
                compare(&[front, other, back].concat());
                if back.is_char_boundary(1) {
                    compare(&[front, other, &back[1..]].concat());
                }
            }
        }
    }
    assert!(usual > 20, "{usual}");
}

/// JSON, or nearly.
fn value() -> impl Strategy<Value = String> {
    let leaf = select(vec![
        "1",
        "-1",
        "0",
        "-0",
        "01",
        "1.",
        "1.5",
        ".5",
        "1e5",
        "1E+5",
        "1e",
        "-",
        "+1",
        "true",
        "false",
        "null",
        "nul",
        "\"\"",
        "\"1\"",
        "\"a name\"",
        "\"\\n\\u00e4\"",
        "\"\\u00e\"",
        "\"\\x\"",
        "\"\t\"",
        "\"\u{7f}äß\u{10ffff}\"",
        "\"",
        "[]",
        "{}",
        "[1,]",
        "{\"a\":1,}",
        "{1:1}",
        "[1 2]",
        "",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(inner, 0..3).prop_map(|items| {
                let pairs: Vec<_> = items.iter().map(|item| format!("\"k\" :{item}")).collect();
                format!("{{{}}}", pairs.join(" , "))
            }),
        ]
    })
}

fn property() -> impl Strategy<Value = String> {
    let usual = select(vec![
        r#""type":1"#,
        r#""type":2"#,
        r#""type":3"#,
        r#""type":4"#,
        r#""invocationId":"1""#,
        r#""target":"x""#,
        r#""arguments":[1]"#,
        r#""item":1"#,
        r#""result":1"#,
        r#""error":"x""#,
        r#""streamIds":["1"]"#,
    ])
    .prop_map(str::to_owned);
    let name = select(vec![
        "type",
        "invocationId",
        "target",
        "arguments",
        "streamIds",
        "item",
        "result",
        "error",
        "headers",
        "allowReconnect",
        "sequenceId",
        "other",
        "typ",
        "types",
    ]);
    let space = select(vec!["", "", "", " ", "\t", "\r\n", "\u{a0}"]);
    let any = (name, space.clone(), value(), space).prop_map(|(name, before, value, behind)| {
        format!("{before}\"{name}\"{before}:{behind}{value}{behind}")
    });
    prop_oneof![4 => usual, 1 => any]
}

proptest! {
    #[test]
    fn they_agree_on_any_properties(properties in prop::collection::vec(property(), 0..7)) {
        compare(&format!("{{{}}}", properties.join(",")));
    }

    #[test]
    fn they_agree_on_any_value(value in value(), tail in ".{0,9}") {
        compare(&format!("{{\"type\":2,\"invocationId\":\"1\",\"item\":{value}}}"));
        compare(&format!("{{\"type\":2,\"invocationId\":\"1\",\"item\":\"{tail}\"}}"));
        compare(&format!("{{\"type\":2,\"invocationId\":\"1\",\"item\":{value}}}{tail}"));
    }
}
