//! The first message in each direction (section 3); JSON whatever protocol follows.

use std::fmt;

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::HubProtocol;
use crate::error::Error;
#[cfg(feature = "client")]
use crate::error::Kind;

/// The answer that accepts: `{}` and a separator.
pub(crate) const ACCEPTED: &[u8] = b"{}\x1e";

/// The highest version of the hub protocol; zero and negative numbers pass too (HP-6).
const MAX_VERSION: i32 = 2;

pub(crate) const CANCELED: &str = "Handshake was canceled.";
pub(crate) const UNEXPECTED: &str = "An unexpected error occurred during connection handshake.";

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) protocol: String,
    pub(crate) version: i32,
}

/// What a client says first; JSON whatever protocol follows.
#[cfg(feature = "client")]
pub(crate) fn request(protocol: HubProtocol, version: i32) -> String {
    format!(
        "{{\"protocol\":\"{}\",\"version\":{version}}}\x1e",
        protocol.name()
    )
}

/// Reads a server's answer from a frame without its separator.
///
/// # Errors
/// The server refuses, or this is no answer: not JSON, or a message of the hub protocol.
#[cfg(feature = "client")]
pub(crate) fn read_answer(frame: &[u8]) -> Result<(), Error> {
    #[derive(serde::Deserialize)]
    struct Answer {
        error: Option<String>,
        #[serde(rename = "type")]
        kind: Option<serde::de::IgnoredAny>,
    }
    let answer: Answer = serde_json::from_slice(frame)
        .map_err(|_| Error::protocol("The server's answer to the handshake cannot be read."))?;
    match answer {
        Answer { kind: Some(_), .. } => Err(Error::protocol(
            "Expected a handshake response from the server, but got a hub message.",
        )),
        Answer {
            error: Some(text), ..
        } => Err(Kind::HandshakeRefused(text).into()),
        Answer { .. } => Ok(()),
    }
}

/// Why a handshake is refused, as the client reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) String);

impl Refusal {
    /// The answer that refuses, separator included. The text is escaped, so a protocol name cannot forge an answer (G138).
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(br#"{"error":"#);
        serde_json::to_writer(&mut *out, &self.0).expect("a string can be written to memory");
        out.extend_from_slice(b"}\x1e");
    }
}

/// What a connection speaks from here on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spoken {
    pub(crate) protocol: HubProtocol,
    /// Whether the client may acknowledge and repeat messages, if that was negotiated: version 2.
    pub(crate) repeats: bool,
}

/// Checks a request in the order of section 3.3: readable, protocol known and offered, version.
///
/// `binary` says whether the transport carries binary data.
pub(crate) fn accept(
    frame: &[u8],
    offered: &[HubProtocol],
    binary: bool,
    detailed: bool,
) -> Result<Spoken, Refusal> {
    let request = read(frame).map_err(|error| {
        Refusal(if detailed {
            format!("{UNEXPECTED} InvalidDataException: {error}")
        } else {
            UNEXPECTED.to_owned()
        })
    })?;
    let Request { protocol, version } = request;
    let found = HubProtocol::find(&protocol)
        .filter(|found| offered.contains(found))
        .ok_or_else(|| Refusal(format!("The protocol '{protocol}' is not supported.")))?;
    if version > MAX_VERSION {
        return Err(Refusal(format!(
            "The server does not support version {version} of the '{protocol}' protocol."
        )));
    }
    if found.is_binary() && !binary {
        return Err(Refusal(format!(
            "Cannot use the '{}' protocol on the current transport. The transport does not support 'Binary' transfer format.",
            found.name()
        )));
    }
    Ok(Spoken {
        protocol: found,
        repeats: version >= MAX_VERSION,
    })
}

/// Reads a request from a frame without its separator; what follows the closing brace is ignored.
pub(crate) fn read(frame: &[u8]) -> Result<Request, Error> {
    let text = std::str::from_utf8(frame).map_err(|_| unreadable())?;
    if let Some(kind) = not_an_object(text) {
        return Err(Error::protocol(format!(
            "Unexpected JSON Token Type '{kind}'. Expected a JSON Object."
        )));
    }
    let mut error = None;
    let fields = (&mut serde_json::Deserializer::from_str(text))
        .deserialize_map(RequestVisitor { error: &mut error })
        .map_err(|_| error.unwrap_or_else(unreadable))?;
    let missing = |name: &str| {
        Error::protocol(format!(
            "Missing required property '{name}'. Message content: {text}"
        ))
    };
    Ok(Request {
        protocol: fields.protocol.ok_or_else(|| missing("protocol"))?,
        version: fields.version.ok_or_else(|| missing("version"))?,
    })
}

fn unreadable() -> Error {
    Error::protocol("Error reading JSON.")
}

fn not_an_object(text: &str) -> Option<&'static str> {
    match text.trim_start().as_bytes().first()? {
        b'[' => Some("Array"),
        b'"' => Some("String"),
        b'-' | b'0'..=b'9' => Some("Number"),
        b'n' => Some("Null"),
        b't' => Some("True"),
        b'f' => Some("False"),
        _ => None,
    }
}

#[derive(Default)]
struct Fields {
    protocol: Option<String>,
    version: Option<i32>,
}

impl Fields {
    fn set(&mut self, name: &str, json: &str) -> Result<(), Error> {
        match name {
            "protocol" => {
                let text = serde_json::from_str(json)
                    .map_err(|_| Error::protocol("Expected 'protocol' to be of type String."))?;
                self.protocol = Some(text);
            }
            "version" if json == "null" => self.version = None,
            "version" => {
                let number = json
                    .parse()
                    .map_err(|_| Error::protocol("Expected 'version' to be of type Number."))?;
                self.version = Some(number);
            }
            _ => {}
        }
        Ok(())
    }
}

struct RequestVisitor<'e> {
    error: &'e mut Option<Error>,
}

impl<'de> Visitor<'de> for RequestVisitor<'_> {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a handshake request")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::default();
        while let Some(name) = map.next_key_seed(super::json::read::TextSeed)? {
            let raw = map.next_value::<&RawValue>()?;
            if let Err(error) = fields.set(&name, raw.get()) {
                *self.error = Some(error);
                return Err(A::Error::custom(""));
            }
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(protocol: &str, version: i32) -> Request {
        Request {
            protocol: protocol.to_owned(),
            version,
        }
    }

    #[test]
    fn vectors_h_01_to_h_11_are_read() {
        for (frame, expected) in [
            (r#"{"protocol":"json","version":1}"#, request("json", 1)),
            (
                r#"{"protocol":"messagepack","version":1}"#,
                request("messagepack", 1),
            ),
            (r#"{"protocol":"dummy","version":1}"#, request("dummy", 1)),
            (r#"{"protocol":"","version":10}"#, request("", 10)),
            (
                r#"{"protocol":"","version":10,"unknown":null}"#,
                request("", 10),
            ),
            (
                r#"{"protocol":"firstProtocol","protocol":"secondProtocol","version":1}"#,
                request("secondProtocol", 1),
            ),
            (
                r#"{"protocol":"firstProtocol","protocol":"secondProtocol","version":1,"version":75}"#,
                request("secondProtocol", 75),
            ),
            (
                r#"{"protocol":"dummy","version":1,"ignoredField":99}"#,
                request("dummy", 1),
            ),
            (
                r#"{"protocol":"dummy","version":1}{"protocol":"wrong","version":99}"#,
                request("dummy", 1),
            ),
            (
                r#"{"protocol":"\u0064ummy","version":1}"#,
                request("dummy", 1),
            ),
            (
                r#"{"\u0070rotoco\u006c":"\u0064ummy","version":1}"#,
                request("dummy", 1),
            ),
        ] {
            assert_eq!(read(frame.as_bytes()).expect(frame), expected);
        }
    }

    #[test]
    fn unreadable_requests_have_the_texts_of_section_3_3() {
        for (frame, text) in [
            (
                "42",
                "Unexpected JSON Token Type 'Number'. Expected a JSON Object.",
            ),
            (
                r#""42""#,
                "Unexpected JSON Token Type 'String'. Expected a JSON Object.",
            ),
            (
                "null",
                "Unexpected JSON Token Type 'Null'. Expected a JSON Object.",
            ),
            (
                "[]",
                "Unexpected JSON Token Type 'Array'. Expected a JSON Object.",
            ),
            (
                "{}",
                "Missing required property 'protocol'. Message content: {}",
            ),
            (
                r#"{"protocol":"json"}"#,
                r#"Missing required property 'version'. Message content: {"protocol":"json"}"#,
            ),
            (
                r#"{"version":1}"#,
                r#"Missing required property 'protocol'. Message content: {"version":1}"#,
            ),
            (
                r#"{"version":"123"}"#,
                "Expected 'version' to be of type Number.",
            ),
            (
                r#"{"protocol":null,"version":123}"#,
                "Expected 'protocol' to be of type String.",
            ),
            (
                r#"{"type":4,"invocationId":"42","target":"foo","arguments":{}}"#,
                r#"Missing required property 'protocol'. Message content: {"type":4,"invocationId":"42","target":"foo","arguments":{}}"#,
            ),
            ("", "Error reading JSON."),
            ("{", "Error reading JSON."),
        ] {
            assert_eq!(read(frame.as_bytes()).expect_err(frame).to_string(), text);
        }
    }

    fn check(frame: &str, detailed: bool) -> Result<HubProtocol, String> {
        let accepted = accept(frame.as_bytes(), HubProtocol::ALL, true, detailed);
        accepted
            .map(|spoken| spoken.protocol)
            .map_err(|refusal| refusal.0)
    }

    #[test]
    fn versions_up_to_two_pass() {
        for version in [-1, 0, 1, 2] {
            let frame = format!(r#"{{"protocol":"JSON","version":{version}}}"#);
            assert_eq!(check(&frame, false), Ok(HubProtocol::Json));
        }
        assert_eq!(
            check(r#"{"protocol":"json","version":3}"#, false),
            Err("The server does not support version 3 of the 'json' protocol.".to_owned())
        );
    }

    #[test]
    fn unknown_and_unoffered_protocols_are_refused_alike() {
        assert_eq!(
            check(r#"{"protocol":"x","version":9}"#, false),
            Err("The protocol 'x' is not supported.".to_owned())
        );
        let refusal = accept(br#"{"protocol":"json","version":1}"#, &[], true, false);
        assert_eq!(
            refusal.expect_err("not offered").0,
            "The protocol 'json' is not supported."
        );
    }

    #[test]
    fn details_need_the_option() {
        assert_eq!(check("42", false), Err(UNEXPECTED.to_owned()));
        assert_eq!(
            check("42", true),
            Err(format!(
                "{UNEXPECTED} InvalidDataException: Unexpected JSON Token Type 'Number'. Expected a JSON Object."
            ))
        );
    }

    #[test]
    fn refusal_text_cannot_break_out_of_its_string() {
        let mut out = Vec::new();
        Refusal("The protocol '\"}\u{1e}' is not supported.".to_owned()).write(&mut out);
        assert_eq!(
            out,
            b"{\"error\":\"The protocol '\\\"}\\u001e' is not supported.\"}\x1e"
        );
    }
}
