//! Every form of type that .NET's names can be put on, and every attribute of serde that stays in force.

use std::{collections::HashMap, marker::PhantomData};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{from_str, to_string};
use signalr::dotnet;

#[dotnet]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    pub order_id: u32,
    r#type: Option<String>,
    #[dotnet(name = "URLValue")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) url: String,
    #[dotnet(name = "Note", json = "a note")]
    note: Option<String>,
    #[signalr::dotnet(json = "id")]
    #[serde(alias = "key")]
    id: u8,
    #[serde(skip)]
    hidden: u8,
    #[serde(with = "doubled")]
    twice: u8,
}

mod doubled {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    pub fn serialize<S: Serializer>(value: &u8, serializer: S) -> Result<S::Ok, S::Error> {
        (value * 2).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
        u8::deserialize(deserializer).map(|value| value / 2)
    }
}

/// A tree of its own kind, by either of its names.
#[dotnet]
#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Node {
    child_nodes: Vec<Self>,
    parent_of: Option<Box<Node>>,
}

#[dotnet]
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Empty {}

/// What is in it counts as its own fields.
#[dotnet]
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Whole {
    own_part: u8,
    #[serde(flatten)]
    other_part: Part,
    #[serde(flatten)]
    rest: HashMap<String, String>,
}

#[dotnet]
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Part {
    inner_name: Level,
}

#[dotnet]
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "Kind", tag = "$type", expecting = "a part")]
struct Tagged {
    inner_name: Level,
}

/// An enum with data is serde's; what its variants hold is not.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "$type")]
enum Shape {
    Part(Part),
    Node(Node),
}

#[dotnet]
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Page<T = u8, const N: usize = 1>
where
    T: Clone,
{
    all_rows: Vec<T>,
    #[serde(default)]
    next_page: Option<Box<Self>>,
    first_row: T,
}

#[dotnet]
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Filled<T> {
    only_row: T,
}

trait Table {
    type Row;
}

struct Numbers;

impl Table for Numbers {
    type Row = u8;
}

#[dotnet]
#[derive(Serialize, Deserialize)]
#[serde(bound(
    serialize = "T::Row: Serialize",
    deserialize = "T::Row: DeserializeOwned"
))]
struct Rows<T: Table> {
    all_rows: Vec<T::Row>,
    #[serde(skip)]
    of_table: PhantomData<T>,
}

/// What only travels one way.
#[dotnet]
#[derive(Serialize)]
struct Said<'a> {
    user_name: &'a str,
}

#[dotnet]
#[derive(Deserialize)]
struct Heard {
    user_name: String,
}

#[dotnet]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Level {
    Low,
    #[dotnet(name = "MIDDLE")]
    Middle = 10,
    High,
    Negative = -1,
}

/// Neither `Copy` nor small; unknown numbers are read as well.
#[dotnet]
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[repr(u64)]
enum Wide {
    Most = u64::MAX,
    #[serde(other)]
    Unknown = 0,
}

#[dotnet]
#[derive(Deserialize)]
enum ReadOnly {
    r#Self_,
}

#[dotnet]
#[derive(Serialize)]
enum WriteOnly {
    #[cfg(any())]
    Absent,
    #[cfg(all())]
    Present,
}

#[dotnet]
#[derive(Serialize, Deserialize)]
struct Conditional {
    #[cfg(any())]
    absent: NoSuchType,
    #[cfg(all())]
    #[serde(default)]
    present: u8,
    #[cfg(any())]
    either: u8,
    #[cfg(all())]
    either: u16,
}

#[dotnet]
#[cfg(any())]
#[derive(Serialize)]
struct Absent {
    absent: NoSuchType,
}

macro_rules! message {
    ($name:ident { $($field:ident: $ty:ty),* }) => {
        #[signalr::dotnet]
        #[derive(Serialize, Deserialize)]
        pub struct $name { $($field: $ty),* }
    };
}

message!(FromMacro { some_text: Option<String> });

#[allow(non_camel_case_types)]
#[dotnet]
#[derive(Serialize, Deserialize)]
struct r#struct {
    r#fn: u8,
}

fn both_ways<T: Serialize + DeserializeOwned>(value: &T, json: &str) {
    assert_eq!(to_string(value).unwrap(), json);
    assert_eq!(to_string(&from_str::<T>(json).unwrap()).unwrap(), json);
}

fn main() {
    let options = Options {
        order_id: 7,
        twice: 4,
        ..Options::default()
    };
    both_ways(
        &options,
        r#"{"orderId":7,"type":null,"a note":null,"id":0,"twice":8}"#,
    );
    let read = r#"{"OrderId":7,"Type":null,"Note":null,"key":0,"twice":8}"#;
    assert_eq!(from_str::<Options>(read).unwrap(), options);
    assert_eq!(from_str::<Options>(r#"{"urlValue":"u"}"#).unwrap().url, "u");
    assert!(from_str::<Options>(r#"{"order_id":7}"#).is_err());

    let node = |child_nodes| Node {
        child_nodes,
        parent_of: None,
    };
    both_ways(
        &node(vec![node(vec![])]),
        r#"{"childNodes":[{"childNodes":[],"parentOf":null}],"parentOf":null}"#,
    );
    both_ways(&Empty {}, "{}");
    let part = Part {
        inner_name: Level::High,
    };
    let whole = Whole {
        own_part: 1,
        other_part: part,
        rest: HashMap::new(),
    };
    both_ways(&whole, r#"{"ownPart":1,"innerName":11}"#);
    let tagged = Tagged {
        inner_name: Level::Low,
    };
    both_ways(&tagged, r#"{"$type":"Kind","innerName":0}"#);
    let shape = Shape::Node(node(vec![]));
    both_ways(
        &shape,
        r#"{"$type":"Node","childNodes":[],"parentOf":null}"#,
    );
    let page = Page::<u8> {
        all_rows: vec![1],
        next_page: None,
        first_row: 1,
    };
    both_ways(&page, r#"{"allRows":[1],"nextPage":null,"firstRow":1}"#);
    assert_eq!(
        from_str::<Filled<u8>>("{}").unwrap(),
        Filled { only_row: 0 }
    );
    let rows = Rows::<Numbers> {
        all_rows: vec![1],
        of_table: PhantomData,
    };
    both_ways(&rows, r#"{"allRows":[1]}"#);
    assert_eq!(
        to_string(&Said { user_name: "ann" }).unwrap(),
        r#"{"userName":"ann"}"#
    );
    assert_eq!(
        from_str::<Heard>(r#"{"userName":"ann"}"#)
            .unwrap()
            .user_name,
        "ann"
    );

    both_ways(
        &[Level::Low, Level::Middle, Level::High, Level::Negative],
        "[0,10,11,-1]",
    );
    both_ways(&[Wide::Most, Wide::Unknown], "[18446744073709551615,0]");
    assert_eq!(from_str::<Wide>("7").unwrap(), Wide::Unknown);
    assert!(matches!(from_str::<ReadOnly>("0"), Ok(ReadOnly::Self_)));
    assert_eq!(to_string(&WriteOnly::Present).unwrap(), "0");
    both_ways(
        &Conditional {
            present: 1,
            either: 2,
        },
        r#"{"present":1,"either":2}"#,
    );
    both_ways(&FromMacro { some_text: None }, r#"{"someText":null}"#);
    both_ways(&r#struct { r#fn: 1 }, r#"{"fn":1}"#);

    #[dotnet]
    #[derive(Serialize)]
    struct Local {
        is_here: bool,
    }
    assert_eq!(
        to_string(&Local { is_here: true }).unwrap(),
        r#"{"isHere":true}"#
    );
}
