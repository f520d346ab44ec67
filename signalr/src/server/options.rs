//! What a server is told at the start, and what it takes for granted.

use std::time::Duration;

use super::origins::Origins;
use crate::{
    error::{Error, Kind},
    hub::HttpTransportType,
    protocol::HubProtocol,
    transport::negotiate::MAX_VERSION,
};

/// The options of [`HubServerBuilder`](super::HubServerBuilder), with ASP.NET Core's defaults.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) protocols: Vec<HubProtocol>,
    pub(crate) keep_alive: Duration,
    pub(crate) client_timeout: Duration,
    pub(crate) handshake_timeout: Duration,
    pub(crate) max_receive_size: Option<usize>,
    pub(crate) detailed_errors: bool,
    pub(crate) send_queue_limit: usize,
    pub(crate) send_timeout: Duration,
    pub(crate) parallel_invocations: usize,
    pub(crate) upload_buffer: usize,
    pub(crate) max_uploads: usize,
    pub(crate) max_streams: usize,
    pub(crate) max_negotiations: usize,
    pub(crate) close_timeout: Duration,
    pub(crate) min_negotiate_version: i32,
    pub(crate) transports: Vec<HttpTransportType>,
    pub(crate) disconnect_timeout: Duration,
    pub(crate) poll_timeout: Duration,
    pub(crate) receive_queue_limit: usize,
    pub(crate) max_body_size: u64,
    pub(crate) origins: Origins,
    pub(crate) cors_headers: bool,
    #[cfg(feature = "deflate")]
    pub(crate) compression: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            protocols: HubProtocol::ALL.to_vec(),
            keep_alive: Duration::from_secs(15),
            client_timeout: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(15),
            max_receive_size: Some(32 * 1024),
            detailed_errors: false,
            send_queue_limit: 64 * 1024,
            send_timeout: Duration::from_secs(10),
            parallel_invocations: 1,
            upload_buffer: 10,
            max_uploads: 100,
            max_streams: 100,
            max_negotiations: 1_000,
            close_timeout: Duration::from_secs(5),
            min_negotiate_version: 0,
            transports: HttpTransportType::ALL.to_vec(),
            disconnect_timeout: Duration::from_secs(15),
            poll_timeout: Duration::from_secs(90),
            receive_queue_limit: 64 * 1024,
            max_body_size: 30_000_000,
            origins: Origins::default(),
            cors_headers: true,
            #[cfg(feature = "deflate")]
            compression: false,
        }
    }
}

impl Options {
    pub(crate) fn validate(&self) -> Result<(), Error> {
        for (option, value) in [
            ("keep_alive", self.keep_alive),
            ("client_timeout", self.client_timeout),
            ("handshake_timeout", self.handshake_timeout),
            ("send_timeout", self.send_timeout),
            ("disconnect_timeout", self.disconnect_timeout),
            ("poll_timeout", self.poll_timeout),
        ] {
            if value.is_zero() {
                return Err(invalid(option, "must be longer than zero"));
            }
        }
        for (option, value) in [
            ("max_receive_size", self.max_receive_size.unwrap_or(1)),
            ("send_queue_limit", self.send_queue_limit),
            ("parallel_invocations", self.parallel_invocations),
            ("max_streams", self.max_streams),
            ("max_uploads", self.max_uploads),
            ("upload_buffer", self.upload_buffer),
            ("max_negotiations", self.max_negotiations),
            ("receive_queue_limit", self.receive_queue_limit),
        ] {
            if value == 0 {
                return Err(invalid(option, "must be at least 1, but is 0"));
            }
        }
        if self.protocols.is_empty() {
            let rule = "must name at least one: There are no supported protocols";
            return Err(invalid("protocols", rule));
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
        if self.client_timeout <= self.keep_alive {
            let rule = format!(
                "must be longer than `keep_alive` ({:?}), but is {:?}",
                self.keep_alive, self.client_timeout
            );
            return Err(invalid("client_timeout", rule));
        }
        Ok(())
    }

    /// What is offered, in the order in which clients try it.
    pub(crate) fn offers(&self) -> impl Iterator<Item = HttpTransportType> {
        let all = HttpTransportType::ALL.iter().copied();
        all.filter(|transport| self.transports.contains(transport))
    }

    /// How often the shared heartbeat looks at all connections: a tenth of the shortest time-out, at most a second.
    pub(crate) fn heartbeat(&self) -> Duration {
        let shortest = self
            .keep_alive
            .min(self.client_timeout)
            .min(self.handshake_timeout)
            .min(self.send_timeout)
            .min(self.disconnect_timeout)
            .min(self.poll_timeout);
        (shortest / 10).clamp(Duration::from_millis(10), Duration::from_secs(1))
    }
}

fn invalid(option: &'static str, rule: impl Into<String>) -> Error {
    let rule = rule.into();
    Kind::InvalidOption { option, rule }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_reference_and_valid() {
        let options = Options::default();
        assert_eq!(options.keep_alive, Duration::from_secs(15));
        assert_eq!(options.client_timeout, Duration::from_secs(30));
        assert_eq!(options.handshake_timeout, Duration::from_secs(15));
        assert_eq!(options.max_receive_size, Some(32_768));
        assert!(!options.detailed_errors);
        assert_eq!(options.send_queue_limit, 65_536);
        assert_eq!(options.send_timeout, Duration::from_secs(10));
        assert_eq!(options.parallel_invocations, 1);
        assert_eq!(options.upload_buffer, 10);
        assert_eq!(options.close_timeout, Duration::from_secs(5));
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
        let options = Options {
            min_negotiate_version: 2,
            ..Options::default()
        };
        let error = options.validate().expect_err("there is no version 2");
        assert_eq!(
            error.to_string(),
            "option `min_negotiate_version` must be from 0 to 1, but is 2"
        );
    }

    #[test]
    fn errors_name_the_option_and_the_value() {
        let options = Options {
            client_timeout: Duration::from_secs(15),
            ..Options::default()
        };
        let error = options.validate().expect_err("too short");
        assert!(error.is_invalid_option());
        assert_eq!(
            error.to_string(),
            "option `client_timeout` must be longer than `keep_alive` (15s), but is 15s"
        );
    }
}
