//! From a URL to an open transport: negotiation, and the choice of what the server offers.

use std::{fmt::Write, sync::Arc, time::Duration};

use http::Uri;

use super::{
    PieceLimit,
    answer::{Accepted, Answer, Offer},
    options::{SUPPORTED, check_scheme},
    refresh,
    requests::Requests,
    shown::words,
    url::HubUrl,
    websocket::WebSocket,
};
#[cfg(not(target_arch = "wasm32"))]
use super::{polling::LongPolling, sse::ServerSentEvents};
use crate::{
    client::{
        connector::Connected,
        redial::Redial,
        refresh::{Lifetime, Refresh},
        rt::Instant,
    },
    connection::HttpTransportType,
    error::{Error, Kind},
    transport::Transport,
};

/// Negotiations of one attempt that may lead elsewhere.
const MOST_REDIRECTS: usize = 100;
/// Unusable offers that an error names.
const MOST_UNUSABLE: usize = 8;
const MORE_UNUSABLE: usize = MOST_UNUSABLE + 1;

/// One attempt to connect.
pub(super) struct Attempt {
    pub(super) requests: Arc<Requests>,
    pub(super) url: HubUrl,
    /// Where the user sent us, wherever servers did.
    pub(super) hub: HubUrl,
    /// Of the credentials that the user's server has seen.
    pub(super) lifetime: Option<Lifetime>,
    /// Whether messages are binary.
    pub(super) is_binary: bool,
    pub(super) limit: PieceLimit,
    /// Whether a connection that outlives its WebSocket is wanted.
    pub(super) is_stateful: bool,
}

impl Attempt {
    pub(super) async fn run(mut self) -> Result<Connected, Error> {
        if self.requests.settings.options.skip_negotiation {
            let uri = self.url.connect(None)?;
            let opened = self.open(HttpTransportType::WebSockets, &uri).await?;
            return Ok(Connected { id: None, ..opened });
        }
        let sockets = HttpTransportType::WebSockets;
        let asks = self.requests.settings.options.allows(sockets);
        let first = self.negotiate(asks).await?;
        self.choose(first).await
    }

    /// Tries what the server offers, in its order.
    async fn choose(&mut self, mut first: Accepted) -> Result<Connected, Error> {
        let offers = std::mem::take(&mut first.offers);
        let (mut negotiated, mut failures, mut tried) =
            (Some(first), Failures::default(), Vec::new());
        for offer in &offers {
            let transport = match self.usable(offer) {
                Ok(transport) if tried.contains(&transport) => continue,
                Ok(transport) => transport,
                Err(text) => {
                    failures.add_unusable(&offer.transport, &text);
                    continue;
                }
            };
            tried.push(transport);
            // What an earlier transport was opened with is spent.
            let accepted = match negotiated.take() {
                Some(accepted) => Ok(accepted),
                None => {
                    let sockets = transport == HttpTransportType::WebSockets;
                    self.negotiate(sockets).await
                }
            };
            let opened = match accepted {
                Ok(accepted) => {
                    let uri = self.url.connect(Some(&accepted.token))?;
                    let refresh = self.refresh(&accepted)?;
                    let opened = self.open(transport, &uri).await;
                    let outlives = self.is_stateful
                        && accepted.is_stateful
                        && transport == HttpTransportType::WebSockets;
                    opened.map(|opened| Connected {
                        id: Some(accepted.id.into()),
                        redial: outlives.then(|| self.redial(&uri)),
                        refresh,
                        ..opened
                    })
                }
                Err(error) => Err(error),
            };
            match opened {
                Ok(opened) => return Ok(opened),
                Err(error) => failures.add_error(transport, &error),
            }
        }
        Err(failures.into())
    }

    /// Asks for a connection, wherever the server sends us; `sockets`: it may be one over WebSockets.
    async fn negotiate(&mut self, sockets: bool) -> Result<Accepted, Error> {
        let stateful = self.is_stateful && sockets;
        if self.url == self.hub {
            self.lifetime = None;
        }
        for _ in 0..MOST_REDIRECTS {
            let (url, access_token) = match self.ask(stateful).await? {
                Answer::Refused(text) => return Err(Kind::Connect(words(&text).into()).into()),
                Answer::Accepted(accepted) => {
                    self.learn(accepted.lifetime);
                    if let Some(token) = &accepted.access_token {
                        self.requests.tokens.replace(token).await?;
                    }
                    return Ok(accepted);
                }
                Answer::Redirect {
                    url,
                    access_token,
                    lifetime,
                } => {
                    self.learn(lifetime);
                    (url, access_token)
                }
            };
            if let Some(token) = access_token {
                self.requests.tokens.replace(&token).await?;
            }
            self.url = self.redirected(&url)?;
        }
        Err(Kind::Connect("Negotiate redirection limit exceeded.".into()).into())
    }

    /// Of a chain the first word counts: refreshed is what the user's server knows.
    fn learn(&mut self, lifetime: Option<Duration>) {
        let told = Instant::now();
        let lifetime = lifetime.map(|length| Lifetime { length, told });
        self.lifetime = self.lifetime.or(lifetime);
    }

    /// How the connection gets new credentials: at the user's server, with the user's tokens.
    fn refresh(&self, accepted: &Accepted) -> Result<Option<Refresh>, Error> {
        if !accepted.is_refreshable {
            return Ok(None);
        }
        let uri = self.hub.refresh(&accepted.token)?;
        Ok(Some(Refresh {
            request: refresh::request(&self.requests, uri),
            before: self.requests.settings.options.refresh_before,
            lifetime: self.lifetime,
        }))
    }

    fn redirected(&self, url: &str) -> Result<HubUrl, Error> {
        let from = &self.url;
        let wrong = |rule: String| {
            Error::from(Kind::Connect(
                format!("the URL that {from} redirects to {rule}").into(),
            ))
        };
        let url = HubUrl::parse(url).map_err(wrong)?;
        check_scheme(&url).map_err(wrong)?;
        if from.is_secure() && !url.is_secure() {
            return Err(wrong(format!(
                "is `{url}`, which would show the access token and all messages"
            )));
        }
        Ok(url)
    }

    async fn ask(&self, stateful: bool) -> Result<Answer, Error> {
        let uri = self.url.negotiate(stateful);
        let token = self.requests.tokens.fresh().await?;
        let posting = self.requests.post("negotiation", &uri, token.as_ref());
        let (content_type, body) = posting.await?;
        let content_type = words(&content_type);
        Answer::read(&body).map_err(|text| {
            let kind = Kind::ConnectBy {
                what: "Invalid negotiation response received.".to_owned(),
                source: format!("the answer of {}, of type {content_type}: {text}", self.url)
                    .into(),
            };
            kind.into()
        })
    }

    /// Whether an offer is to be tried.
    ///
    /// # Errors
    /// Why not.
    fn usable(&self, offer: &Offer) -> Result<HttpTransportType, String> {
        let known = SUPPORTED
            .iter()
            .find(|transport| transport.name() == offer.transport);
        let Some(transport) = known.copied() else {
            return Err("The transport is not supported by the client.".to_owned());
        };
        if !self.requests.settings.options.allows(transport) {
            return Err("The transport is disabled by the client.".to_owned());
        }
        let format = if self.is_binary { "Binary" } else { "Text" };
        let carries = offer.formats.iter().any(|offered| offered == format)
            && !(self.is_binary && transport == HttpTransportType::ServerSentEvents);
        if !carries {
            return Err(format!(
                "The transport does not support the '{format}' transfer format."
            ));
        }
        Ok(transport)
    }

    async fn open(&self, transport: HttpTransportType, uri: &Uri) -> Result<Connected, Error> {
        let requests = &self.requests;
        let opened: Box<dyn Transport> = match transport {
            HttpTransportType::WebSockets => {
                let opening = WebSocket::open(requests, uri, self.is_binary, self.limit);
                Box::new(opening.await?)
            }
            #[cfg(not(target_arch = "wasm32"))]
            HttpTransportType::ServerSentEvents => {
                Box::new(ServerSentEvents::open(requests, uri, self.limit).await?)
            }
            #[cfg(not(target_arch = "wasm32"))]
            HttpTransportType::LongPolling => Box::new(LongPolling::open(requests, uri).await?),
            #[cfg(target_arch = "wasm32")]
            _ => return Err(Kind::Connect("Browsers have WebSockets alone.".into()).into()),
        };
        Ok(Connected {
            transport: opened,
            id: None,
            is_alive_by_itself: transport == HttpTransportType::LongPolling,
            redial: None,
            refresh: None,
        })
    }

    /// Opens further WebSockets of the connection at an address.
    fn redial(&self, uri: &Uri) -> Redial {
        let (requests, uri) = (Arc::clone(&self.requests), uri.clone());
        let (is_binary, limit) = (self.is_binary, self.limit);
        Box::new(move || {
            let (requests, uri) = (Arc::clone(&requests), uri.clone());
            Box::pin(async move {
                let socket = WebSocket::open(&requests, &uri, is_binary, limit).await?;
                Ok(Box::new(socket) as Box<dyn Transport>)
            })
        })
    }
}

/// Why no transport worked, in order.
#[derive(Default)]
struct Failures {
    text: String,
    unusable: usize,
    unauthorized: bool,
}

impl Failures {
    /// Of an offer that was not tried; there may be thousands of them.
    fn add_unusable(&mut self, transport: &str, text: &str) {
        self.unusable += 1;
        match self.unusable {
            ..=MOST_UNUSABLE => self.add(transport, text),
            MORE_UNUSABLE => self.text.push_str(" (and more)"),
            _ => {}
        }
    }

    fn add(&mut self, transport: &str, text: &str) {
        // The server's word may be anything.
        let name: String = transport.chars().take(64).collect();
        // Writing to a text cannot fail.
        let _ = write!(self.text, " ({} failed: {text})", name.escape_debug());
    }

    fn add_error(&mut self, transport: HttpTransportType, error: &Error) {
        self.unauthorized |= error.is_unauthorized();
        let mut text = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(error) = source {
            let _ = write!(text, ": {error}");
            source = error.source();
        }
        self.add(transport.name(), &text);
    }
}

impl From<Failures> for Error {
    fn from(failures: Failures) -> Self {
        let text = match failures.text.is_empty() {
            true => "None of the transports supported by the client are supported by the server."
                .to_owned(),
            false => format!(
                "Unable to connect to the server with any of the available transports.{}",
                failures.text
            ),
        };
        let unauthorized = failures.unauthorized;
        Kind::NoTransport { text, unauthorized }.into()
    }
}
