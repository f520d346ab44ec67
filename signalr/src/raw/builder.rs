//! Options of a server of raw connections.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    server::ConnectionServer,
    session::{Handler, Handlers},
};
use crate::{
    endpoint::{Front, HttpOptions, http_settings},
    error::Error,
};

/// Options of a [`ConnectionServer`], with ASP.NET Core's defaults.
///
/// # Example
///
/// ```
/// # use signalr::{ConnectionServer, Error, RawConnection};
/// # async fn echo(connection: RawConnection) -> Result<(), Error> { Ok(()) }
/// # fn main() -> Result<(), Error> {
/// let server = ConnectionServer::builder(echo).max_body_size(64 * 1024).build()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is served until `build` is called and its result is mounted"]
pub struct ConnectionServerBuilder {
    handler: Handler,
    options: HttpOptions,
}

impl ConnectionServerBuilder {
    pub(super) fn new(handler: Handler) -> Self {
        let options = HttpOptions::default();
        Self { handler, options }
    }

    http_settings!(
        "# use signalr::{ConnectionServer, RawConnection};\n# async fn echo(connection: RawConnection) -> Result<(), Error> { Ok(()) }",
        "ConnectionServer::builder(echo)"
    );

    fn http(&mut self) -> &mut HttpOptions {
        &mut self.options
    }

    /// Checks the options and makes the server.
    ///
    /// # Errors
    /// An option contradicts the rules above; the error names it.
    pub fn build(self) -> Result<ConnectionServer, Error> {
        self.options.validate()?;
        let heartbeat = self.options.heartbeat();
        let handlers = Handlers {
            front: Arc::new(Front::new(self.options, heartbeat)),
            handler: self.handler,
        };
        Ok(ConnectionServer {
            handlers: Arc::new(handlers),
        })
    }
}

impl fmt::Debug for ConnectionServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionServerBuilder")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
