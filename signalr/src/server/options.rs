//! What a server is told at the start, and what it takes for granted.

use std::time::Duration;

use crate::{
    endpoint::{HttpOptions, invalid},
    error::Error,
    protocol::HubProtocol,
};

/// The options of [`HubServerBuilder`](super::HubServerBuilder), with ASP.NET Core's defaults.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) http: HttpOptions,
    pub(crate) protocols: Vec<HubProtocol>,
    pub(crate) keep_alive: Duration,
    pub(crate) client_timeout: Duration,
    pub(crate) handshake_timeout: Duration,
    pub(crate) max_receive_size: Option<usize>,
    pub(crate) detailed_errors: bool,
    pub(crate) parallel_invocations: usize,
    pub(crate) upload_buffer: usize,
    pub(crate) max_uploads: usize,
    pub(crate) max_streams: usize,
    /// Bytes that were sent and are not acknowledged.
    pub(crate) stateful_reconnect_buffer: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            http: HttpOptions::default(),
            protocols: HubProtocol::ALL.to_vec(),
            keep_alive: Duration::from_secs(15),
            client_timeout: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(15),
            max_receive_size: Some(32 * 1024),
            detailed_errors: false,
            parallel_invocations: 1,
            upload_buffer: 10,
            max_uploads: 100,
            max_streams: 100,
            stateful_reconnect_buffer: 100_000,
        }
    }
}

impl Options {
    pub(crate) fn validate(&self) -> Result<(), Error> {
        for (option, value) in [
            ("keep_alive", self.keep_alive),
            ("client_timeout", self.client_timeout),
            ("handshake_timeout", self.handshake_timeout),
        ] {
            if value.is_zero() {
                return Err(invalid(option, "must be longer than zero"));
            }
        }
        for (option, value) in [
            ("max_receive_size", self.max_receive_size.unwrap_or(1)),
            ("parallel_invocations", self.parallel_invocations),
            ("max_streams", self.max_streams),
            ("max_uploads", self.max_uploads),
            ("upload_buffer", self.upload_buffer),
            ("stateful_reconnect_buffer", self.stateful_reconnect_buffer),
        ] {
            if value == 0 {
                return Err(invalid(option, "must be at least 1, but is 0"));
            }
        }
        if self.protocols.is_empty() {
            let rule = "must name at least one: There are no supported protocols";
            return Err(invalid("protocols", rule));
        }
        if self.client_timeout <= self.keep_alive {
            let rule = format!(
                "must be longer than `keep_alive` ({:?}), but is {:?}",
                self.keep_alive, self.client_timeout
            );
            return Err(invalid("client_timeout", rule));
        }
        self.http.validate()
    }

    /// How often the shared heartbeat looks at all connections: a tenth of the shortest time-out, at most a second.
    pub(crate) fn heartbeat(&self) -> Duration {
        let shortest = self.keep_alive;
        let shortest = shortest
            .min(self.client_timeout)
            .min(self.handshake_timeout);
        (shortest / 10)
            .max(Duration::from_millis(10))
            .min(self.http.heartbeat())
    }
}

impl AsRef<HttpOptions> for Options {
    fn as_ref(&self) -> &HttpOptions {
        &self.http
    }
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
        assert_eq!(options.parallel_invocations, 1);
        assert_eq!(options.upload_buffer, 10);
        assert_eq!(options.stateful_reconnect_buffer, 100_000);
        assert!(!options.http.stateful_reconnect);
        assert_eq!(options.heartbeat(), Duration::from_secs(1));
        options.validate().expect("valid");
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
