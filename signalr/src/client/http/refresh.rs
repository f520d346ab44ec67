//! The request that shows a server new credentials.

use std::{sync::Arc, time::Duration};

use http::Uri;
use serde_json::Value;

use super::{
    answer::{lifetime, text, unexpected},
    requests::Requests,
};
use crate::{
    client::refresh,
    error::{Error, Kind},
};

const WHAT: &str = "the authentication refresh";

/// What a server says to new credentials that it takes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answer {
    lifetime: Option<Duration>,
    /// For the transport, where somebody else than this server carries it.
    access_token: Option<String>,
}

impl Answer {
    /// Reads an answer; an empty one says nothing.
    ///
    /// # Errors
    /// What is wrong.
    fn read(body: &[u8]) -> Result<Self, String> {
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let value: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let Value::Object(answer) = value else {
            return Err(unexpected(&value, "Object"));
        };
        Ok(Self {
            lifetime: lifetime(&answer),
            access_token: text(&answer, "accessToken")?.filter(|token| !token.is_empty()),
        })
    }
}

/// The request for one connection, to be sent any number of times.
pub(super) fn request(requests: &Arc<Requests>, uri: Uri) -> refresh::Request {
    let requests = Arc::clone(requests);
    Box::new(move || {
        let (requests, uri) = (Arc::clone(&requests), uri.clone());
        Box::pin(async move { send(&requests, &uri).await })
    })
}

async fn send(requests: &Requests, uri: &Uri) -> Result<Option<Duration>, Error> {
    let token = requests.tokens.asked_anew().await?;
    let (_, body) = requests.post(WHAT, uri, token.as_ref()).await?;
    let answer = Answer::read(&body).map_err(|text| Kind::ConnectBy {
        what: "Invalid authentication refresh response received.".to_owned(),
        source: text.into(),
    })?;
    match &answer.access_token {
        Some(token) => requests.tokens.replace(token).await?,
        // A refused token never gets here: polls that had it would pass by the refusal.
        None => requests.tokens.taken(token).await,
    }
    Ok(answer.lifetime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_objects_or_empty() {
        for (body, seconds, token) in [
            ("", None, None),
            ("\r\n", None, None),
            ("{}", None, None),
            (r#"{"tokenLifetimeSeconds":60}"#, Some(60), None),
            (
                r#"{"accessToken":"a","tokenLifetimeSeconds":60,"more":[1]}"#,
                Some(60),
                Some("a"),
            ),
            (
                r#"{"accessToken":"","tokenLifetimeSeconds":-1}"#,
                None,
                None,
            ),
            (r#"{"accessToken":null}"#, None, None),
        ] {
            let answer = Answer {
                lifetime: seconds.map(Duration::from_secs),
                access_token: token.map(str::to_owned),
            };
            assert_eq!(Answer::read(body.as_bytes()), Ok(answer), "{body}");
        }
        for (body, text) in [
            ("<html>", "expected value at line 1 column 1"),
            (
                "[]",
                "Unexpected JSON Token Type 'Array'. Expected a JSON Object.",
            ),
            (
                r#"{"accessToken":7}"#,
                "Expected 'accessToken' to be of type String.",
            ),
        ] {
            assert_eq!(Answer::read(body.as_bytes()), Err(text.to_owned()));
        }
    }
}
