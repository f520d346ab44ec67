//! Where hub values come from: the three lifetimes.

use std::sync::Arc;

use super::{Connecting, Hub};
use crate::{connection::BoxFuture, hub_error::HubError};

pub(crate) type Factory<H> =
    Box<dyn Fn(Connecting<H>) -> BoxFuture<Result<H, HubError>> + Send + Sync>;

/// How long a hub value lives.
pub(crate) enum HubSource<H: Hub> {
    /// One value for all connections.
    Shared(Arc<H>),
    /// One value for each connection, made before `on_connected`.
    PerConnection(Factory<H>),
    /// One value for each call and each lifecycle method, as in ASP.NET Core.
    PerCall(Factory<H>),
}

impl<H: Hub> HubSource<H> {
    /// The hub value for a call on a connection.
    ///
    /// # Errors
    /// The factory fails.
    pub(super) async fn get(&self, cx: &Connecting<H>) -> Result<Arc<H>, HubError> {
        match self {
            Self::Shared(hub) => Ok(Arc::clone(hub)),
            Self::PerCall(make) => make(cx.clone()).await.map(Arc::new),
            Self::PerConnection(make) => match cx.hub_of_connection().get() {
                Some(hub) => Ok(Arc::clone(hub)),
                // Only `on_connected` comes here: calls start after it has run.
                None => {
                    let hub = Arc::new(make(cx.clone()).await?);
                    Ok(Arc::clone(cx.hub_of_connection().get_or_init(|| hub)))
                }
            },
        }
    }
}
