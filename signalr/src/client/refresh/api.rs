//! What users do about the credentials of their connection.

use std::{future::ready, sync::Arc, time::Duration};

use crate::{
    client::{HubConnection, HubConnectionBuilder, connection::OnEvent, events::Event},
    error::{Error, Kind},
};

impl HubConnection {
    /// Shows the server new credentials now, those that the access token provider gives, and tells how long they are valid, if the server
    /// says so. With [`authentication_refresh`](HubConnectionBuilder::authentication_refresh) the next refresh is due by that;
    /// this one needs no option.
    ///
    /// Waits first if the connection is just being opened. The handlers of
    /// [`on_authentication_refreshed`](Self::on_authentication_refreshed) and
    /// [`on_authentication_refresh_failed`](Self::on_authentication_refresh_failed) are called too.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # use signalr::HubConnection;
    /// # async fn run(connection: HubConnection) -> Result<(), signalr::Error> {
    /// // The user has got more rights, and a token that has them.
    /// if let Some(lifetime) = connection.refresh_authentication().await? {
    ///     println!("valid for {lifetime:?}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The connection is not open, or ends meanwhile ([`Error::is_closed`]); nothing was negotiated, or with a server that is too old;
    /// the provider fails; the server is not reached or refuses, as one does that does not have the feature enabled. The connection stays
    /// open.
    ///
    /// # Cancel safety
    /// Dropping the future ends the request; whether the server has taken the credentials is not known then, and no handler is called.
    pub async fn refresh_authentication(&self) -> Result<Option<Duration>, Error> {
        let line = self.shared().line("refresh_authentication").await?;
        let Some(refresher) = line.refresher else {
            let text = "authentication can be refreshed only for connections by URL that were negotiated with version 1 or later";
            return Err(Kind::NotAllowed(text.into()).into());
        };
        refresher.refresh().await
    }

    /// Has a closure called when the server has taken new credentials; with their lifetime, if the server says one.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # fn watch(connection: signalr::HubConnection) {
    /// connection.on_authentication_refreshed(|lifetime| async move {
    ///     println!("valid for {lifetime:?}");
    /// });
    /// # }
    /// ```
    pub fn on_authentication_refreshed<F>(
        &self,
        handler: impl Fn(Option<Duration>) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        self.shared().events.add(refreshed(handler));
    }

    /// Has a closure called when new credentials could not be had, or the server has not taken them. The connection is open as
    /// before; the server may end it when the old ones expire.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # fn watch(connection: signalr::HubConnection) {
    /// let weak = connection.downgrade();
    /// connection.on_authentication_refresh_failed(move |error| {
    ///     let weak = weak.clone();
    ///     async move {
    ///         tokio::time::sleep(Duration::from_secs(20)).await;
    ///         if let (false, Some(connection)) = (error.is_unauthorized(), weak.upgrade()) {
    ///             let _ = connection.refresh_authentication().await;
    ///         }
    ///     }
    /// });
    /// # }
    /// ```
    pub fn on_authentication_refresh_failed<F>(
        &self,
        handler: impl Fn(Error) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        self.shared().events.add(refresh_failed(handler));
    }
}

impl HubConnectionBuilder {
    /// As [`HubConnection::on_authentication_refreshed`].
    pub fn on_authentication_refreshed<F>(
        self,
        handler: impl Fn(Option<Duration>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.events().add(refreshed(handler));
        self
    }

    /// As [`HubConnection::on_authentication_refresh_failed`].
    pub fn on_authentication_refresh_failed<F>(
        self,
        handler: impl Fn(Error) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.events().add(refresh_failed(handler));
        self
    }
}

fn refreshed<F>(handler: impl Fn(Option<Duration>) -> F + Send + Sync + 'static) -> OnEvent
where
    F: Future<Output = ()> + Send + 'static,
{
    Arc::new(move |event| match event {
        Event::AuthenticationRefreshed(lifetime) => Box::pin(handler(lifetime)),
        _ => Box::pin(ready(())),
    })
}

fn refresh_failed<F>(handler: impl Fn(Error) -> F + Send + Sync + 'static) -> OnEvent
where
    F: Future<Output = ()> + Send + 'static,
{
    Arc::new(move |event| match event {
        Event::AuthenticationRefreshFailed(error) => Box::pin(handler(error)),
        _ => Box::pin(ready(())),
    })
}
