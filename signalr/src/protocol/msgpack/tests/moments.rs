//! Moments, in each form that they have on the wire (sections 5.4 and 6.4).

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::values::{both, hex, json, pack, text};
use crate::protocol::{Blob, OffsetTimestamp, Timestamp};

#[test]
fn timestamps_have_three_forms() {
    let moment = |text: &str| text.parse::<Timestamp>().expect("a moment");
    for (plain, packed) in [
        // M-52, M-55; M-84; M-85
        ("2018-01-01T11:24:00Z", "d6 ff 5a 4a 1a 50"),
        ("2018-01-01T11:24:00.5Z", "d7 ff 77 35 94 00 5a 4a 1a 50"),
        (
            "0001-01-01T00:00:00Z",
            "c7 0c ff 00 00 00 00 ff ff ff f1 88 6e 09 00",
        ),
        // The last and the first second of each form.
        ("1970-01-01T00:00:00Z", "d6 ff 00 00 00 00"),
        ("2106-02-07T06:28:15Z", "d6 ff ff ff ff ff"),
        ("2106-02-07T06:28:16Z", "d7 ff 00 00 00 01 00 00 00 00"),
        (
            "1970-01-01T00:00:00.000000001Z",
            "d7 ff 00 00 00 04 00 00 00 00",
        ),
        (
            "2514-05-30T01:53:03.999999999Z",
            "d7 ff ee 6b 27 ff ff ff ff ff",
        ),
        (
            "2514-05-30T01:53:04Z",
            "c7 0c ff 00 00 00 00 00 00 00 04 00 00 00 00",
        ),
        (
            "1969-12-31T23:59:59.75Z",
            "c7 0c ff 2c b4 17 80 ff ff ff ff ff ff ff ff",
        ),
        (
            "9999-12-31T23:59:59.9999999Z",
            "c7 0c ff 3b 9a c9 9c 00 00 00 3a ff f4 41 7f",
        ),
    ] {
        both(moment(plain), packed, &format!("\"{plain}\""));
    }
    // Wider forms than needed are read too, and texts where they stand.
    for packed in [
        "d7 ff 00 00 00 00 5a 4a 1a 50",
        "c7 04 ff 5a 4a 1a 50",
        "c7 08 ff 00 00 00 00 5a 4a 1a 50",
        "c7 0c ff 00 00 00 00 00 00 00 00 5a 4a 1a 50",
    ] {
        assert_eq!(pack(packed), Ok(moment("2018-01-01T11:24:00Z")), "{packed}");
    }
    let in_text = hex("2018-01-01T12:24:00+01:00");
    assert_eq!(pack(&in_text), Ok(moment("2018-01-01T11:24:00Z")));
    for wrong in [
        // Another extension, another length, too many nanoseconds, another century, no extension.
        "d6 05 5a 4a 1a 50",
        "c7 05 ff 5a 4a 1a 50 00",
        "c7 00 ff",
        "d4 ff 00",
        "d7 ff ff ff ff ff 5a 4a 1a 50",
        "c7 0c ff 3b 9a ca 00 00 00 00 00 5a 4a 1a 50",
        "c7 0c ff 00 00 00 00 7f ff ff ff ff ff ff ff",
        "c7 0c ff 00 00 00 00 80 00 00 00 00 00 00 00",
        "07",
        "c0",
        "92 ff c4 04 5a 4a 1a 50",
    ] {
        pack::<Timestamp>(wrong).expect_err(wrong);
    }
}

#[test]
fn moments_with_an_offset_are_pairs() {
    let moment = |text: &str| text.parse::<OffsetTimestamp>().expect("a moment");
    for (plain, packed) in [
        // M-86: what the clock shows, and the minutes that it is ahead.
        ("2018-04-09T00:00:00+10:00", "92 d6 ff 5a ca ad 00 cd 02 58"),
        ("2018-04-09T00:00:00+00:00", "92 d6 ff 5a ca ad 00 00"),
        ("2018-04-09T00:00:00-00:30", "92 d6 ff 5a ca ad 00 e2"),
        ("2018-04-09T00:00:00-14:00", "92 d6 ff 5a ca ad 00 d1 fc b8"),
        (
            "2016-05-10T13:51:20.5+12:34",
            "92 d7 ff 77 35 94 00 57 31 e7 58 cd 02 f2",
        ),
    ] {
        both(moment(plain), packed, &format!("\"{plain}\""));
    }
    for wrong in [
        "d6 ff 5a ca ad 00",
        "91 d6 ff 5a ca ad 00",
        "92 d6 ff 5a ca ad 00 cd 03 49",
        "92 d6 ff 5a ca ad 00 c0",
        "92 00 00",
        "c0",
    ] {
        pack::<OffsetTimestamp>(wrong).expect_err(wrong);
    }
    // One item more than .NET writes is ignored.
    let more = "93 d6 ff 5a ca ad 00 00 c0";
    assert_eq!(pack(more), Ok(moment("2018-04-09T00:00:00Z")));
}

#[test]
fn dates_of_other_libraries_are_texts() {
    let date = NaiveDate::from_ymd_opt(1, 1, 1).expect("a date");
    let midnight = date.and_hms_opt(0, 0, 0).expect("a time");
    let quoted = |text: &str| format!("\"{text}\"");
    let packed = |text: &str| hex(text);
    // As J-14 has it.
    let text = "0001-01-01T00:00:00";
    both(midnight, &packed(text), &quoted(text));
    both(date, &packed("0001-01-01"), &quoted("0001-01-01"));
    let text = "2018-01-01T11:24:00.500Z";
    let utc: DateTime<Utc> = text.parse().expect("a moment");
    both(utc, &packed(text), &quoted(text));
    let text = "2016-05-10T13:51:20+12:34";
    let offset: DateTime<FixedOffset> = text.parse().expect("a moment");
    both(offset, &packed(text), &quoted(text));
    // What .NET and JavaScript write in MessagePack is no text: it goes through `Timestamp`.
    pack::<DateTime<Utc>>("d6 ff 5a 4a 1a 50").expect_err("an extension");
    let moment: Timestamp = pack("d7 ff 77 35 94 00 5a 4a 1a 50").expect("a moment");
    assert_eq!(
        DateTime::<Utc>::from(std::time::SystemTime::from(moment)),
        utc
    );
}

/// Types behind which serde keeps values in between, without knowing what they will be.
#[derive(Debug, PartialEq, Deserialize, Serialize)]
#[serde(tag = "kind")]
enum Event {
    Taken { at: Timestamp, photo: Blob },
    Moved(Box<Move>),
}

#[derive(Debug, PartialEq, Deserialize, Serialize)]
struct Move {
    #[serde(flatten)]
    start: Start,
    by: Guess,
}

#[derive(Debug, PartialEq, Deserialize, Serialize)]
struct Start {
    from: OffsetTimestamp,
    proof: Option<Blob>,
}

#[derive(Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
enum Guess {
    Minutes(i16),
    Until(Timestamp),
}

#[test]
fn moments_and_bytes_keep_their_form_in_types_of_any_kind() {
    both(
        Event::Taken {
            at: "2018-01-01T11:24:00Z".parse().expect("a moment"),
            photo: vec![1, 2, 3].into(),
        },
        "83 a4 6b 69 6e 64 a5 54 61 6b 65 6e a2 61 74 d6 ff 5a 4a 1a 50 a5 70 68 6f 74 6f c4 03 01 02 03",
        r#"{"kind":"Taken","at":"2018-01-01T11:24:00Z","photo":"AQID"}"#,
    );
    both(
        Event::Moved(Box::new(Move {
            start: Start {
                from: "2018-04-09T00:00:00+10:00".parse().expect("a moment"),
                proof: Some(vec![7].into()),
            },
            by: Guess::Until("2018-01-01T11:24:00Z".parse().expect("a moment")),
        })),
        "84 a4 6b 69 6e 64 a5 4d 6f 76 65 64 a4 66 72 6f 6d 92 d6 ff 5a ca ad 00 cd 02 58 \
         a5 70 72 6f 6f 66 c4 01 07 a2 62 79 d6 ff 5a 4a 1a 50",
        r#"{"kind":"Moved","from":"2018-04-09T00:00:00+10:00","proof":"Bw==","by":"2018-01-01T11:24:00Z"}"#,
    );
}

proptest::proptest! {
    #[test]
    fn any_moment_is_written_and_read_alike(seconds in -62_135_596_800i64..253_402_300_800, nanos in 0u32..1_000_000_000) {
        let moment = Timestamp::from_unix(seconds, nanos).expect("within the years");
        proptest::prop_assert_eq!(pack(&hex(&moment)), Ok(moment));
        proptest::prop_assert_eq!(json(&text(&moment)), Ok(moment));
    }
}
