//! One message to many connections.

use std::{collections::HashSet, sync::Arc};

use tokio::{runtime::Handle, task::consume_budget};

use super::{
    connection::Connection,
    registry::{Registry, Selection},
};
use crate::{
    connection::Turn,
    hub::{ConnectionId, Link, OutboundMessage, Recipients},
};

/// So many recipients are not worth another worker's attention.
const FEW: usize = 32;

/// Starts the write to every recipient, then waits for those whose queue was full, all at once: a slow client delays the sender and
/// nobody else (SV-93).
///
/// The sender writes itself to those that sleep, which costs less than waking them. Of many recipients it leaves the other workers
/// of the runtime their share. Dropping it gives up the waiting only, and what waits for room (as everywhere).
pub(super) async fn fan_out(registry: Arc<Registry>, to: Recipients, message: OutboundMessage) {
    let mut rest = Rest::new(registry, &to, message);
    let workers = if rest.count() <= FEW { 1 } else { workers() };
    let mut slow: Vec<Turn> = Vec::new();
    while rest.next_part() {
        // First, so that the others can begin.
        let own = rest.part.len().div_ceil(workers);
        let others = rest.part.drain(own..);
        slow.extend(others.filter_map(|connection| queue(&connection, &rest.message)));
        while let Some(connection) = rest.part.pop() {
            if let Some(packet) = rest.message.packet(connection.protocol()) {
                slow.extend(connection.outbox.send_now(packet));
            }
            consume_budget().await;
        }
    }
    // A hub method that sends in a loop to clients that have gone would never wait, and its connection never end.
    consume_budget().await;
    for turn in slow {
        // An error says that the connection has ended meanwhile.
        turn.await.ok();
    }
}

fn workers() -> usize {
    Handle::try_current().map_or(1, |runtime| runtime.metrics().num_workers())
}

/// A connection whose protocol nobody spoke when the message was encoded has joined after the send began, and gets none.
fn queue(connection: &Connection, message: &OutboundMessage) -> Option<Turn> {
    let packet = message.packet(connection.protocol())?;
    connection.outbox.send(packet.clone())
}

/// Who has not been written to yet. Whoever does not wait for the end of a send has sent it all the same to those whose queue has room.
struct Rest {
    registry: Arc<Registry>,
    message: OutboundMessage,
    part: Vec<Arc<Connection>>,
    parts: Parts,
}

/// What follows the part at hand.
enum Parts {
    /// The part at hand, before it is looked at.
    First,
    None,
    /// All connections from this part of the registry on, but these.
    All(usize, HashSet<ConnectionId>),
}

impl Rest {
    fn new(registry: Arc<Registry>, to: &Recipients, message: OutboundMessage) -> Self {
        let (part, parts) = match registry.select(to) {
            Selection::These(connections) => (connections, Parts::First),
            Selection::AllBut(ids) => (Vec::new(), Parts::All(0, ids)),
        };
        Self {
            registry,
            message,
            part,
            parts,
        }
    }

    fn count(&self) -> usize {
        match self.parts {
            Parts::All(..) => self.registry.connection_count(),
            _ => self.part.len(),
        }
    }

    /// Goes on to the next part, if there is one.
    fn next_part(&mut self) -> bool {
        match &mut self.parts {
            Parts::First => self.parts = Parts::None,
            Parts::None => return false,
            Parts::All(next, except) => {
                let Some(mut part) = self.registry.part(*next) else {
                    return false;
                };
                *next += 1;
                if !except.is_empty() {
                    part.retain(|connection| !except.contains(connection.id()));
                }
                self.part = part;
            }
        }
        true
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        loop {
            for connection in self.part.drain(..) {
                queue(&connection, &self.message);
            }
            if !self.next_part() {
                return;
            }
        }
    }
}
