//! A market whose prices move by themselves.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

use tokio::sync::watch;

/// The last price of each symbol. Whoever watches one sees the newest: what a slow reader misses is never queued.
pub(crate) struct Market(BTreeMap<&'static str, watch::Sender<f64>>);

impl Market {
    pub(crate) fn symbols(&self) -> Vec<&'static str> {
        self.0.keys().copied().collect()
    }

    pub(crate) fn price(&self, symbol: &str) -> Option<&watch::Sender<f64>> {
        self.0.get(symbol)
    }

    /// Moves the prices, one at a time, for ever.
    pub(crate) async fn run(&self) {
        loop {
            for price in self.0.values() {
                let step = (random() - 0.5) * 0.01;
                price.send_modify(|price| *price *= 1.0 + step);
                tokio::time::sleep(Duration::from_secs_f64(0.1 * random())).await;
            }
        }
    }
}

impl Default for Market {
    fn default() -> Self {
        let opening = [
            ("CRAB", 84.20),
            ("OAK", 17.35),
            ("RUST", 201.50),
            ("TEA", 9.75),
        ];
        Self(
            opening
                .map(|(symbol, price)| (symbol, watch::Sender::new(price)))
                .into(),
        )
    }
}

/// From 0 to 1; the standard library's hash maps are seeded at random, and that is enough for prices.
fn random() -> f64 {
    let seed = RandomState::new().build_hasher().finish();
    f64::from((seed >> 32) as u32) / f64::from(u32::MAX)
}
