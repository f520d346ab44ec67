//! A hub from outside of its methods.

use std::{fmt, marker::PhantomData, sync::Arc};

use super::{Clients, Groups, Hub, Lifetime};

/// Sends to the clients of a hub, and manages its groups, from anywhere: a timer, an HTTP handler, another hub.
///
/// Made by [`HubServer::context`](crate::HubServer::context). Cheap to clone, usable before the first client is there. There is no
/// caller here, and the type says so.
///
/// # Example
///
/// ```
/// # use signalr::{HubServer, hub};
/// # struct Feed;
/// # #[hub]
/// # impl Feed {}
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), signalr::Error> {
/// let server = HubServer::new(Feed);
/// let hub = server.context();
/// hub.clients().group("news").send("headline", ("Rust speaks SignalR",)).await?;
/// # Ok(())
/// # }
/// ```
pub struct HubContext<H: Hub> {
    clients: Clients<H::Client>,
    groups: Groups,
    hub: PhantomData<fn() -> H>,
}

impl<H: Hub> HubContext<H> {
    pub(crate) fn new(lifetime: Arc<dyn Lifetime>) -> Self {
        Self {
            clients: Clients::new(Arc::clone(&lifetime)),
            groups: Groups::new(lifetime),
            hub: PhantomData,
        }
    }

    /// The hub's clients.
    #[must_use]
    pub fn clients(&self) -> &Clients<H::Client> {
        &self.clients
    }

    /// The hub's groups.
    #[must_use]
    pub fn groups(&self) -> &Groups {
        &self.groups
    }
}

impl<H: Hub> Clone for HubContext<H> {
    fn clone(&self) -> Self {
        Self {
            clients: self.clients.clone(),
            groups: self.groups.clone(),
            hub: PhantomData,
        }
    }
}

impl<H: Hub> fmt::Debug for HubContext<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HubContext({})", H::NAME)
    }
}
