//! The ways to name clients.

use std::{fmt, marker::PhantomData, ops::Deref, sync::Arc};

use super::{ConnectionId, Contract, Lifetime, Many, Recipients, Single, Untyped};

/// The clients of a hub, to be picked from.
///
/// Ids, groups and users are compared exactly; unknown ones are no error, nothing happens. What a selector returns is the typed
/// proxy of the hub's `#[receiver]` trait, or [`Untyped`] without one.
pub struct Clients<C> {
    lifetime: Arc<dyn Lifetime>,
    /// Why single clients may not be asked for results here.
    denied: Option<&'static str>,
    contract: PhantomData<fn() -> C>,
}

impl<C: Contract> Clients<C> {
    pub(crate) fn new(lifetime: Arc<dyn Lifetime>) -> Self {
        Self {
            lifetime,
            denied: None,
            contract: PhantomData,
        }
    }

    /// Every connection of the hub.
    #[must_use]
    pub fn all(&self) -> C::Proxy<Many> {
        self.many(Recipients::All)
    }

    /// Every connection but these.
    #[must_use]
    pub fn all_except<I: Into<ConnectionId>>(
        &self,
        ids: impl IntoIterator<Item = I>,
    ) -> C::Proxy<Many> {
        self.many(Recipients::AllExcept(collect(ids)))
    }

    /// One connection.
    #[must_use]
    pub fn client(&self, id: impl Into<ConnectionId>) -> C::Proxy<Single> {
        self.single(id.into())
    }

    /// These connections, each once.
    #[must_use]
    pub fn clients<I: Into<ConnectionId>>(
        &self,
        ids: impl IntoIterator<Item = I>,
    ) -> C::Proxy<Many> {
        self.many(Recipients::Connections(collect(ids)))
    }

    /// The members of a group.
    #[must_use]
    pub fn group(&self, name: impl AsRef<str>) -> C::Proxy<Many> {
        self.many(Recipients::Group(name.as_ref().into()))
    }

    /// The members of a group but these connections.
    #[must_use]
    pub fn group_except<I: Into<ConnectionId>>(
        &self,
        name: impl AsRef<str>,
        ids: impl IntoIterator<Item = I>,
    ) -> C::Proxy<Many> {
        self.many(Recipients::GroupExcept(name.as_ref().into(), collect(ids)))
    }

    /// The members of each of these groups; a member of two gets two copies, as in ASP.NET Core.
    ///
    /// Sending fails if a name is empty.
    #[must_use]
    pub fn groups<I: AsRef<str>>(&self, names: impl IntoIterator<Item = I>) -> C::Proxy<Many> {
        let names = names.into_iter().map(|name| name.as_ref().into()).collect();
        self.many(Recipients::Groups(names))
    }

    /// All connections of a user.
    #[must_use]
    pub fn user(&self, id: impl AsRef<str>) -> C::Proxy<Many> {
        self.many(Recipients::User(id.as_ref().into()))
    }

    /// All connections of these users, each once.
    #[must_use]
    pub fn users<I: AsRef<str>>(&self, ids: impl IntoIterator<Item = I>) -> C::Proxy<Many> {
        let ids = ids.into_iter().map(|id| id.as_ref().into()).collect();
        self.many(Recipients::Users(ids))
    }

    /// The same clients, to be called by method name.
    #[must_use]
    pub fn untyped(&self) -> Clients<Untyped> {
        Clients {
            lifetime: Arc::clone(&self.lifetime),
            denied: self.denied,
            contract: PhantomData,
        }
    }

    fn many(&self, to: Recipients) -> C::Proxy<Many> {
        C::proxy(Many::new(Arc::clone(&self.lifetime), to))
    }

    fn single(&self, id: ConnectionId) -> C::Proxy<Single> {
        C::proxy(Single::new(Arc::clone(&self.lifetime), id, self.denied))
    }
}

fn collect<I: Into<ConnectionId>>(ids: impl IntoIterator<Item = I>) -> Vec<ConnectionId> {
    ids.into_iter().map(Into::into).collect()
}

impl<C> Clone for Clients<C> {
    fn clone(&self) -> Self {
        Self {
            lifetime: Arc::clone(&self.lifetime),
            denied: self.denied,
            contract: PhantomData,
        }
    }
}

impl<C> fmt::Debug for Clients<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clients")
    }
}

/// The clients of a hub as seen from a call: [`Clients`], and those that are named by the caller.
pub struct CallerClients<C> {
    clients: Clients<C>,
    caller: ConnectionId,
}

impl<C: Contract> CallerClients<C> {
    pub(crate) fn new(
        lifetime: Arc<dyn Lifetime>,
        caller: ConnectionId,
        denied: Option<&'static str>,
    ) -> Self {
        let clients = Clients {
            denied,
            ..Clients::new(lifetime)
        };
        Self { clients, caller }
    }

    /// The connection that calls.
    #[must_use]
    pub fn caller(&self) -> C::Proxy<Single> {
        self.single(self.caller.clone())
    }

    /// Every connection but the one that calls.
    #[must_use]
    pub fn others(&self) -> C::Proxy<Many> {
        self.all_except([&self.caller])
    }

    /// The members of a group but the connection that calls.
    #[must_use]
    pub fn others_in_group(&self, name: impl AsRef<str>) -> C::Proxy<Many> {
        self.group_except(name, [&self.caller])
    }

    /// The same clients, to be called by method name.
    #[must_use]
    pub fn untyped(&self) -> CallerClients<Untyped> {
        CallerClients {
            clients: self.clients.untyped(),
            caller: self.caller.clone(),
        }
    }
}

impl<C> Deref for CallerClients<C> {
    type Target = Clients<C>;

    fn deref(&self) -> &Clients<C> {
        &self.clients
    }
}

impl<C> fmt::Debug for CallerClients<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallerClients({})", self.caller)
    }
}
