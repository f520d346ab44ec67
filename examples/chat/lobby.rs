//! Keeps the list of rooms on every page up to date, from outside of any hub call.

use std::{sync::Arc, time::Duration};

use signalr::HubContext;

use crate::{hub::ChatHub, rooms::Rooms};

/// Pushes the list when somebody has asked for it. The pause bundles a rush of arrivals into one list; and as nobody
/// else sends lists, the last that a page hears is the newest.
pub(crate) async fn announce(rooms: Arc<Rooms>, chat: HubContext<ChatHub>) {
    loop {
        rooms.announcement().await;
        // Fails only if the list cannot be encoded, and the next list may do better.
        chat.clients().all().rooms_changed(rooms.list()).await.ok();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
