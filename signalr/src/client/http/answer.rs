//! The answer to a negotiation, as a client reads it (transports reference, section 2.4).

use std::time::Duration;

use serde_json::{Map, Value};

/// What a server says to a client that wants a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Ask there.
    Redirect {
        url: String,
        access_token: Option<String>,
        lifetime: Option<Duration>,
    },
    /// There is a connection.
    Accepted(Accepted),
    /// There will be none, and why.
    Refused(String),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Accepted {
    /// May be shown.
    pub(super) id: String,
    /// What requests name the connection by.
    pub(super) token: String,
    pub(super) offers: Vec<Offer>,
    /// Whether the connection may outlive its WebSocket.
    pub(super) is_stateful: bool,
    /// In place of the provider's.
    pub(super) access_token: Option<String>,
    /// How long the credentials of the request are valid, if they expire.
    pub(super) lifetime: Option<Duration>,
    /// Whether there may be new credentials later: not with old servers, whose token is no secret.
    pub(super) is_refreshable: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) transport: String,
    pub(super) formats: Vec<String>,
}

/// Bytes of an answer that matters: to negotiation, and to a refresh.
pub(super) const ANSWER_SIZE: usize = 64 * 1024;
/// Seconds of a lifetime, as many as .NET's numbers have. Whoever adds it to the time of today stays within all clocks.
const LONGEST: u64 = i32::MAX as u64;

const OLD_SERVER: &str = "Detected a connection attempt to an ASP.NET SignalR Server. This client only supports connecting to an \
                          ASP.NET Core SignalR Server. See https://aka.ms/signalr-core-differences for details.";

impl Answer {
    /// Reads an answer: any order, unknown properties are skipped, of repeated ones the last counts.
    ///
    /// # Errors
    /// What is wrong, in the words of .NET's client.
    pub(super) fn read(body: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let Value::Object(answer) = value else {
            return Err(unexpected(&value, "Object"));
        };
        if answer.contains_key("ProtocolVersion") {
            return Ok(Self::Refused(OLD_SERVER.to_owned()));
        }
        if let Some(error) = text(&answer, "error")? {
            return Ok(Self::Refused(error));
        }
        let access_token = text(&answer, "accessToken")?;
        if let Some(url) = text(&answer, "url")? {
            return Ok(Self::Redirect {
                url,
                access_token,
                lifetime: lifetime(&answer),
            });
        }
        let version = match answer.get("negotiateVersion") {
            None => 0,
            Some(version) => version
                .as_i64()
                .ok_or("Expected 'negotiateVersion' to be of type Number.")?,
        };
        let id = required(&answer, "connectionId")?;
        let token = match version > 0 {
            true => required(&answer, "connectionToken")?,
            false => id.clone(),
        };
        let offers = list(&answer, "availableTransports")?;
        Ok(Self::Accepted(Accepted {
            id,
            token,
            offers: offers.iter().map(Offer::read).collect::<Result<_, _>>()?,
            is_stateful: flag(&answer, "useStatefulReconnect")?,
            access_token,
            lifetime: lifetime(&answer),
            is_refreshable: version > 0,
        }))
    }
}

impl Offer {
    fn read(value: &Value) -> Result<Self, String> {
        let Value::Object(offer) = value else {
            return Err(unexpected(value, "Object"));
        };
        let transport = required(offer, "transport")?;
        let formats = list(offer, "transferFormats")?.iter();
        Ok(Self {
            transport,
            formats: formats
                .map(|format| {
                    let format = format.as_str().map(str::to_owned);
                    format.ok_or_else(|| wrong_type("transferFormats"))
                })
                .collect::<Result<_, _>>()?,
        })
    }
}

/// A text that may be missing, or null.
pub(super) fn text(object: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(wrong_type(name)),
    }
}

/// How long credentials are valid. What is no whole number of seconds above zero says nothing: the connection does without.
pub(super) fn lifetime(object: &Map<String, Value>) -> Option<Duration> {
    let told = object.get("tokenLifetimeSeconds")?;
    let Some(seconds) = told.as_u64().filter(|seconds| *seconds > 0) else {
        tracing::debug!("the server's `tokenLifetimeSeconds` is no number of seconds");
        return None;
    };
    Some(Duration::from_secs(seconds.min(LONGEST)))
}

/// One that may be missing.
fn flag(object: &Map<String, Value>, name: &str) -> Result<bool, String> {
    let expected = || format!("Expected '{name}' to be true or false.");
    let flag = object.get(name).map_or(Some(false), Value::as_bool);
    flag.ok_or_else(expected)
}

fn required(object: &Map<String, Value>, name: &str) -> Result<String, String> {
    match object.get(name) {
        None => Err(missing(name)),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(wrong_type(name)),
    }
}

fn list<'a>(object: &'a Map<String, Value>, name: &str) -> Result<&'a [Value], String> {
    match object.get(name) {
        None => Err(missing(name)),
        Some(Value::Array(items)) => Ok(items),
        Some(other) => Err(unexpected(other, "Array")),
    }
}

fn missing(name: &str) -> String {
    format!("Missing required property '{name}'.")
}

fn wrong_type(name: &str) -> String {
    format!("Expected '{name}' to be of type String.")
}

pub(super) fn unexpected(value: &Value, expected: &str) -> String {
    let found = match value {
        Value::Null => "Null",
        Value::Bool(true) => "True",
        Value::Bool(false) => "False",
        Value::Number(_) => "Number",
        Value::String(_) => "String",
        Value::Array(_) => "Array",
        Value::Object(_) => "Object",
    };
    format!("Unexpected JSON Token Type '{found}'. Expected a JSON {expected}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(body: &str) -> Accepted {
        match Answer::read(body.as_bytes()) {
            Ok(Answer::Accepted(accepted)) => accepted,
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn vectors_n_are_read() {
        for (body, id, token) in [
            (
                r#"{"connectionId":"123","availableTransports":[]}"#,
                "123",
                "123",
            ),
            (r#"{"connectionId":"","availableTransports":[]}"#, "", ""),
            (
                r#"{"negotiateVersion":123,"connectionId":"123","connectionToken":"789","availableTransports":[]}"#,
                "123",
                "789",
            ),
            (
                r#"{"negotiateVersion":123,"negotiateVersion":321, "connectionToken":"789","connectionId":"123","availableTransports":[]}"#,
                "123",
                "789",
            ),
            (
                r#"{"ignore":123,"negotiateVersion":123, "connectionToken":"789","connectionId":"123","availableTransports":[]}"#,
                "123",
                "789",
            ),
            (
                r#"{"connectionId":"123","connectionToken":"789","availableTransports":[]}"#,
                "123",
                "123",
            ),
            (
                r#"{"connectionToken":"789","connectionId":"123","availableTransports":[],"negotiateVersion":123, "connectionToken":"987"}"#,
                "123",
                "987",
            ),
        ] {
            let accepted = accepted(body);
            assert_eq!((&*accepted.id, &*accepted.token), (id, token), "{body}");
            assert_eq!(accepted.offers, []);
        }
        for body in [
            r#"{"connectionId":"123","availableTransports":[{"transport":"test","transferFormats":["Text","odd"]}]}"#,
            r#"{"connectionId":"123","availableTransports":[{"\u0074ransport":"test","transferFormats":["Text","odd"],"x":{}}],"more":[1]}"#,
        ] {
            let offers = accepted(body).offers;
            assert_eq!(offers[0].transport, "test");
            assert_eq!(offers[0].formats, ["Text", "odd"]);
        }
        for (flag, is_stateful) in [
            ("", false),
            (r#","useStatefulReconnect":false"#, false),
            (r#","useStatefulReconnect":true"#, true),
        ] {
            let body = format!(r#"{{"connectionId":"123","availableTransports":[]{flag}}}"#);
            assert_eq!(accepted(&body).is_stateful, is_stateful, "{body}");
        }
        for (body, token) in [
            (r#"{"url": "https://example.test/chat"}"#, None),
            (
                r#"{"url": "https://example.test/chat", "accessToken": "token"}"#,
                Some("token"),
            ),
            (
                r#"{"url": "https://example.test/chat", "accessToken": null, "availableTransports": []}"#,
                None,
            ),
        ] {
            let redirect = Answer::Redirect {
                url: "https://example.test/chat".to_owned(),
                access_token: token.map(str::to_owned),
                lifetime: None,
            };
            assert_eq!(Answer::read(body.as_bytes()), Ok(redirect));
        }
    }

    #[test]
    fn a_lifetime_is_a_whole_number_of_seconds_or_none() {
        for (told, seconds) in [
            ("1", Some(1)),
            ("3600", Some(3600)),
            ("2147483648", Some(LONGEST)),
            ("18446744073709551615", Some(LONGEST)),
            ("0", None),
            ("-1", None),
            ("-9223372036854775808", None),
            ("18446744073709551616", None),
            ("1e300", None),
            ("0.5", None),
            ("\"3600\"", None),
            ("null", None),
            ("[3600]", None),
        ] {
            let body = format!(
                r#"{{"connectionId":"1","availableTransports":[],"tokenLifetimeSeconds":{told}}}"#
            );
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(accepted(&body).lifetime, expected, "{told}");
            let body = format!(r#"{{"url":"http://h/","tokenLifetimeSeconds":{told}}}"#);
            match Answer::read(body.as_bytes()) {
                Ok(Answer::Redirect { lifetime, .. }) => assert_eq!(lifetime, expected, "{told}"),
                other => panic!("{body}: {other:?}"),
            }
        }
    }

    #[test]
    fn errors_and_old_servers_refuse() {
        let refused = Answer::read(br#"{"error":"not today","url":"http://h/"}"#);
        assert_eq!(refused, Ok(Answer::Refused("not today".to_owned())));
        let old = Answer::read(br#"{"Url":"/signalr","ProtocolVersion":"1.5"}"#);
        assert_eq!(old, Ok(Answer::Refused(OLD_SERVER.to_owned())));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (body, text) in [
            (
                "null",
                "Unexpected JSON Token Type 'Null'. Expected a JSON Object.",
            ),
            (
                "[]",
                "Unexpected JSON Token Type 'Array'. Expected a JSON Object.",
            ),
            ("{}", "Missing required property 'connectionId'."),
            (
                r#"{"availableTransports":[]}"#,
                "Missing required property 'connectionId'.",
            ),
            (
                r#"{"connectionId":123,"availableTransports":[]}"#,
                "Expected 'connectionId' to be of type String.",
            ),
            (
                r#"{"connectionId":"123"}"#,
                "Missing required property 'availableTransports'.",
            ),
            (
                r#"{"connectionId":"123","availableTransports":null}"#,
                "Unexpected JSON Token Type 'Null'. Expected a JSON Array.",
            ),
            (
                r#"{"connectionId":"123","availableTransports":[{"transferFormats":[]}]}"#,
                "Missing required property 'transport'.",
            ),
            (
                r#"{"connectionId":"123","availableTransports":[{"transport":"test"}]}"#,
                "Missing required property 'transferFormats'.",
            ),
            (
                r#"{"connectionId":"123","availableTransports":["test"]}"#,
                "Unexpected JSON Token Type 'String'. Expected a JSON Object.",
            ),
            (
                r#"{"connectionId":"123","negotiateVersion":123,"availableTransports":[]}"#,
                "Missing required property 'connectionToken'.",
            ),
            (
                r#"{"connectionId":"123","negotiateVersion":"1","availableTransports":[]}"#,
                "Expected 'negotiateVersion' to be of type Number.",
            ),
            (r#"{"error":{}}"#, "Expected 'error' to be of type String."),
            (
                r#"{"connectionId":"123","availableTransports":[],"useStatefulReconnect":"yes"}"#,
                "Expected 'useStatefulReconnect' to be true or false.",
            ),
        ] {
            assert_eq!(
                Answer::read(body.as_bytes()),
                Err(text.to_owned()),
                "{body}"
            );
        }
        let html = Answer::read(b"<html>").expect_err("no JSON");
        assert_eq!(html, "expected value at line 1 column 1");
    }
}
