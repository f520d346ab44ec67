//! The negotiate response (transports reference, section 2).

use serde::Serialize;
use serde_json::value::RawValue;

/// The highest version of the negotiation.
pub(crate) const MAX_VERSION: i32 = 1;

/// Which version to answer with.
///
/// # Errors
/// The exact text of section 2.3.
pub(crate) fn version(requested: Option<&str>, minimum: i32) -> Result<i32, String> {
    let number: i32 = match requested {
        None => 0,
        Some(requested) => requested
            .parse()
            .map_err(|_| "The client requested a non-integer protocol version.".to_owned())?,
    };
    if number < minimum {
        return Err(format!(
            "The client requested version '{number}', but the server does not support this version."
        ));
    }
    Ok(number.min(MAX_VERSION))
}

/// A transport that a client may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Offer {
    pub(crate) transport: &'static str,
    pub(crate) transfer_formats: &'static [&'static str],
}

impl Offer {
    pub(crate) fn new(transport: &'static str, binary: bool) -> Self {
        let formats: &[_] = if binary {
            &["Text", "Binary"]
        } else {
            &["Text"]
        };
        Self {
            transport,
            transfer_formats: formats,
        }
    }
}

/// What is offered, written once for all clients.
pub(crate) fn offers(offers: &[Offer]) -> Box<RawValue> {
    serde_json::value::to_raw_value(offers).expect("plain strings can be written")
}

/// The answer that opens a connection, in the property order of section 2.2.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Accepted<'a> {
    /// Said only where it is true.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) use_stateful_reconnect: bool,
    pub(crate) negotiate_version: i32,
    pub(crate) connection_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) connection_token: Option<&'a str>,
    /// A list of [`Offer`]s.
    pub(crate) available_transports: &'a RawValue,
}

/// The answer that refuses; its status is 200 all the same.
#[derive(Debug, Serialize)]
pub(crate) struct Refused {
    pub(crate) error: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_section_2_3() {
        let unsupported =
            "The client requested version '-1', but the server does not support this version.";
        for (requested, outcome) in [
            (None, Ok(0)),
            (Some("0"), Ok(0)),
            (Some("1"), Ok(1)),
            (Some("2"), Ok(1)),
            (Some("123"), Ok(1)),
            (Some("-1"), Err(unsupported)),
            (
                Some("a"),
                Err("The client requested a non-integer protocol version."),
            ),
            (
                Some(""),
                Err("The client requested a non-integer protocol version."),
            ),
            (
                Some("1.0"),
                Err("The client requested a non-integer protocol version."),
            ),
        ] {
            assert_eq!(
                version(requested, 0),
                outcome.map_err(str::to_owned),
                "{requested:?}"
            );
        }
    }

    #[test]
    fn a_minimum_refuses_version_0_stated_or_missing() {
        let unsupported =
            "The client requested version '0', but the server does not support this version.";
        for requested in [None, Some("0")] {
            assert_eq!(version(requested, 1), Err(unsupported.to_owned()));
        }
        assert_eq!(version(Some("1"), 1), Ok(1));
    }

    #[test]
    fn property_order_of_section_2_2() {
        let mut answer = Accepted {
            use_stateful_reconnect: false,
            negotiate_version: 1,
            connection_id: "I",
            connection_token: Some("T"),
            available_transports: &offers(&[
                Offer::new("WebSockets", true),
                Offer::new("ServerSentEvents", false),
            ]),
        };
        assert_eq!(
            serde_json::to_string(&answer).expect("plain strings"),
            r#"{"negotiateVersion":1,"connectionId":"I","connectionToken":"T","availableTransports":[{"transport":"WebSockets","transferFormats":["Text","Binary"]},{"transport":"ServerSentEvents","transferFormats":["Text"]}]}"#
        );
        answer.use_stateful_reconnect = true;
        let json = serde_json::to_string(&answer).expect("plain strings");
        assert!(
            json.starts_with(r#"{"useStatefulReconnect":true,"negotiateVersion":1,"#),
            "{json}"
        );
    }
}
