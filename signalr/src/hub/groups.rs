//! Group membership.

use std::{fmt, sync::Arc};

use super::{ConnectionId, Lifetime};
use crate::error::Error;

/// Puts connections into groups and takes them out, from anywhere.
///
/// A group comes into being with its first member and vanishes with its last. Names are compared exactly. Adding twice, removing
/// a non-member and naming an unknown connection do nothing. Membership ends with the connection: a client that reconnects is a
/// new connection, in no group.
///
/// # Example
///
/// ```
/// # use signalr::{Context, HubError, hub};
/// # struct Rooms;
/// # #[hub]
/// # impl Rooms {
/// pub async fn invite(&self, cx: &Context<Self>, friend: String) -> Result<(), HubError> {
///     cx.join("party").await?;
///     cx.groups().add(friend, "party").await?;
///     Ok(())
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct Groups {
    lifetime: Arc<dyn Lifetime>,
}

impl Groups {
    pub(crate) fn new(lifetime: Arc<dyn Lifetime>) -> Self {
        Self { lifetime }
    }

    /// Adds a connection to a group.
    ///
    /// # Errors
    /// The backplane fails; the built-in one does not.
    pub async fn add(
        &self,
        connection: impl Into<ConnectionId>,
        group: impl AsRef<str>,
    ) -> Result<(), Error> {
        let group = group.as_ref().into();
        self.lifetime.join(connection.into(), group).await
    }

    /// Removes a connection from a group.
    ///
    /// # Errors
    /// The backplane fails; the built-in one does not.
    pub async fn remove(
        &self,
        connection: impl Into<ConnectionId>,
        group: impl AsRef<str>,
    ) -> Result<(), Error> {
        let group = group.as_ref().into();
        self.lifetime.leave(connection.into(), group).await
    }
}

impl fmt::Debug for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Groups")
    }
}
