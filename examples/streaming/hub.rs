//! The two streams, as a page calls them.

use std::{sync::Arc, time::Duration};

use async_stream::{stream, try_stream};
use futures_util::Stream;
use serde::Serialize;
use signalr::{Blob, HubError, Receiver, hub};

use crate::market::Market;

/// Bytes a second that an upload is taken with: a slow disk, so that there is something to see.
const SPEED: f64 = 2_000_000.0;
/// The largest file. It is only counted, but a hub should always know where to stop.
const LARGEST: usize = 100_000_000;

pub(crate) struct Streams {
    market: Arc<Market>,
}

/// A price, and how many streams of it are running.
#[derive(Serialize)]
pub(crate) struct Quote {
    price: f64,
    watching: usize,
}

/// How much of a file is here, and its FNV-1a hash so far.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Taken {
    bytes: usize,
    hash: u32,
}

impl Streams {
    pub(crate) fn new(market: Arc<Market>) -> Self {
        Self { market }
    }
}

#[hub]
impl Streams {
    pub fn symbols(&self) -> Vec<&'static str> {
        self.market.symbols()
    }

    /// The price of a symbol whenever it changes. The stream borrows the hub, has no end of its own, and is dropped where it
    /// waits as soon as the page cancels it or goes away: then the others see one watcher less.
    pub fn prices(&self, symbol: &str) -> Result<impl Stream<Item = Quote>, HubError> {
        let price = self.market.price(symbol);
        let price = price.ok_or_else(|| HubError::new("there is no such symbol"))?;
        Ok(stream! {
            let mut news = price.subscribe();
            loop {
                let latest = *news.borrow_and_update();
                yield Quote { price: latest, watching: price.receiver_count() };
                if news.changed().await.is_err() {
                    break;
                }
            }
        })
    }

    /// Takes a file in chunks, and answers each with what it has so far. That is the page's progress bar, and its brake: it
    /// sends on only when earlier chunks have been taken.
    pub fn upload(
        &self,
        mut chunks: Receiver<Blob>,
    ) -> impl Stream<Item = Result<Taken, HubError>> {
        try_stream! {
            let mut taken = Taken { bytes: 0, hash: 0x811c_9dc5 };
            while let Some(chunk) = chunks.recv().await {
                let chunk = chunk?;
                taken.bytes += chunk.len();
                if taken.bytes > LARGEST {
                    Err(HubError::new("the file is larger than 100 MB"))?;
                }
                for &byte in chunk.iter() {
                    taken.hash = (taken.hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
                }
                tokio::time::sleep(Duration::from_secs_f64(chunk.len() as f64 / SPEED)).await;
                yield taken;
            }
        }
    }
}
