//! What an endpoint is told at the start, whatever is behind it.

use std::time::Duration;

use super::{identity::Authorize, origins::Origins};
use crate::{
    connection::HttpTransportType,
    error::{Error, Kind},
    transport::negotiate::MAX_VERSION,
};

/// Options of the transports, with ASP.NET Core's defaults.
#[derive(Clone, Debug)]
pub(crate) struct HttpOptions {
    pub(crate) transports: Vec<HttpTransportType>,
    pub(crate) max_negotiations: usize,
    pub(crate) min_negotiate_version: i32,
    pub(crate) disconnect_timeout: Duration,
    pub(crate) poll_timeout: Duration,
    pub(crate) receive_queue_limit: usize,
    pub(crate) max_body_size: u64,
    pub(crate) send_queue_limit: usize,
    pub(crate) send_timeout: Duration,
    pub(crate) close_timeout: Duration,
    pub(crate) origins: Origins,
    pub(crate) cors_headers: bool,
    pub(crate) authorize: Option<Authorize>,
    pub(crate) close_on_expiration: bool,
    pub(crate) stateful_reconnect: bool,
    #[cfg(feature = "deflate")]
    pub(crate) compression: bool,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            transports: HttpTransportType::ALL.to_vec(),
            max_negotiations: 1_000,
            min_negotiate_version: 0,
            disconnect_timeout: Duration::from_secs(15),
            poll_timeout: Duration::from_secs(90),
            receive_queue_limit: 64 * 1024,
            max_body_size: 30_000_000,
            send_queue_limit: 64 * 1024,
            send_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(5),
            origins: Origins::default(),
            cors_headers: true,
            authorize: None,
            close_on_expiration: false,
            stateful_reconnect: false,
            #[cfg(feature = "deflate")]
            compression: false,
        }
    }
}

impl HttpOptions {
    /// # Errors
    /// The first option that breaks a rule.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        for (option, value) in [
            ("send_timeout", self.send_timeout),
            ("close_timeout", self.close_timeout),
            ("disconnect_timeout", self.disconnect_timeout),
            ("poll_timeout", self.poll_timeout),
        ] {
            if value.is_zero() {
                return Err(invalid(option, "must be longer than zero"));
            }
        }
        for (option, value) in [
            ("send_queue_limit", self.send_queue_limit),
            ("max_negotiations", self.max_negotiations),
            ("receive_queue_limit", self.receive_queue_limit),
        ] {
            if value == 0 {
                return Err(invalid(option, "must be at least 1, but is 0"));
            }
        }
        if self.max_body_size == 0 {
            return Err(invalid("max_body_size", "must be at least 1, but is 0"));
        }
        if self.transports.is_empty() {
            return Err(invalid("transports", "must name at least one"));
        }
        if let Some(rule) = self.origins.mistake() {
            return Err(invalid("allow_origins", rule));
        }
        let version = self.min_negotiate_version;
        if !(0..=MAX_VERSION).contains(&version) {
            let rule = format!("must be from 0 to {MAX_VERSION}, but is {version}");
            return Err(invalid("min_negotiate_version", rule));
        }
        Ok(())
    }

    /// What is offered, in the order in which clients try it.
    pub(crate) fn offers(&self) -> impl Iterator<Item = HttpTransportType> {
        let all = HttpTransportType::ALL.iter().copied();
        all.filter(|transport| self.transports.contains(transport))
    }

    /// How often to look at all connections, if these are the only time-outs.
    pub(crate) fn heartbeat(&self) -> Duration {
        let shortest = self.send_timeout;
        let shortest = shortest.min(self.disconnect_timeout).min(self.poll_timeout);
        (shortest / 10).clamp(Duration::from_millis(10), Duration::from_secs(1))
    }
}

impl AsRef<Self> for HttpOptions {
    fn as_ref(&self) -> &Self {
        self
    }
}

pub(crate) fn invalid(option: &'static str, rule: impl Into<String>) -> Error {
    let rule = rule.into();
    Kind::InvalidOption { option, rule }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_reference_and_valid() {
        let options = HttpOptions::default();
        assert_eq!(options.close_timeout, Duration::from_secs(5));
        assert_eq!(options.send_queue_limit, 65_536);
        assert_eq!(options.send_timeout, Duration::from_secs(10));
        assert_eq!(options.heartbeat(), Duration::from_secs(1));
        assert_eq!(options.min_negotiate_version, 0);
        assert_eq!(options.disconnect_timeout, Duration::from_secs(15));
        assert_eq!(options.poll_timeout, Duration::from_secs(90));
        assert_eq!(options.receive_queue_limit, 65_536);
        assert_eq!(options.max_body_size, 30_000_000);
        assert!(options.offers().eq(HttpTransportType::ALL.iter().copied()));
        options.validate().expect("valid");
    }

    #[test]
    fn negotiate_versions_that_do_not_exist_are_refused() {
        let options = HttpOptions {
            min_negotiate_version: 2,
            ..HttpOptions::default()
        };
        let error = options.validate().expect_err("there is no version 2");
        assert_eq!(
            error.to_string(),
            "option `min_negotiate_version` must be from 0 to 1, but is 2"
        );
    }
}
