//! Sends and groups over the backplane; calls to clients that answer.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use super::core::Core;
use crate::{
    connection::{Answer, BoxFuture},
    error::{Error, Kind},
    hub::{ConnectionId, Lifetime, OutboundMessage, Recipients},
    protocol::HubProtocol,
};

impl Lifetime for Core {
    /// A connection of this process speaks one protocol as long as it lives. For all others there may be any recipient, here or in
    /// another process, now or when the message is sent.
    fn protocols(&self, to: &Recipients) -> &[HubProtocol] {
        match to {
            Recipients::Connection(id) => self.registry.protocol(id).map(HubProtocol::only),
            _ => None,
        }
        .unwrap_or(&self.options().protocols)
    }

    fn send(&self, to: Recipients, message: OutboundMessage) -> BoxFuture<Result<(), Error>> {
        self.backplane.send(to, message)
    }

    fn join(&self, connection: ConnectionId, group: Arc<str>) -> BoxFuture<Result<(), Error>> {
        self.backplane.join(connection, group)
    }

    fn leave(&self, connection: ConnectionId, group: Arc<str>) -> BoxFuture<Result<(), Error>> {
        self.backplane.leave(connection, group)
    }

    fn next_call(&self) -> String {
        format!("s{}", self.next_call.fetch_add(1, Relaxed))
    }

    fn call(
        &self,
        id: String,
        to: ConnectionId,
        message: OutboundMessage,
        answer: Answer,
    ) -> BoxFuture<Result<(), Error>> {
        self.calls().insert(id.clone(), to.clone(), answer);
        // The call is registered first: a connection that ends now either finds it, or is seen to have ended.
        if let Some(error) = self.registry.why_unreachable(&to) {
            let answer = self.calls().forget(&id);
            if let Some(answer) = answer {
                answer(Err(Kind::NotConnected(error.into()).into()));
            }
            return Box::pin(std::future::ready(Ok(())));
        }
        self.backplane.send(Recipients::Connection(to), message)
    }

    fn sleep(&self, time: Duration) -> BoxFuture<()> {
        Box::pin(tokio::time::sleep(time))
    }

    fn forget_call(&self, id: &str) {
        drop(self.calls().forget(id));
    }
}
