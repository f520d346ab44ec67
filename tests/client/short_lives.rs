//! Servers that take a connection and end it at once.

use std::time::Duration;

use signalr::{Backoff, HubConnectionBuilder, RetryContext};
use tokio::time::Instant;

use crate::support::{Log, Stage};

/// After how many milliseconds each of the next connections is made, where none lasts longer than `lasts`.
async fn delays(
    set: impl FnOnce(HubConnectionBuilder) -> HubConnectionBuilder,
    lasts: Duration,
    count: usize,
) -> Vec<u128> {
    let (mut stage, builder) = Stage::new();
    let (_connection, mut actor) = Stage::connected(set(builder), &mut stage).await;
    let mut delays = Vec::new();
    for _ in 0..count {
        tokio::time::sleep(lasts).await;
        drop(actor);
        let lost = Instant::now();
        actor = stage.accept().await;
        delays.push(lost.elapsed().as_millis());
    }
    delays
}

#[tokio::test(start_paused = true)]
async fn official_delays_grow_from_the_third_loss_on() {
    let found = delays(|b| b.automatic_reconnect(), Duration::ZERO, 6).await;
    assert_eq!(found, [0, 0, 500, 1_000, 2_000, 4_000]);
    let lasting = Duration::from_secs(6);
    let found = delays(|b| b.automatic_reconnect(), lasting, 6).await;
    assert_eq!(found, [0; 6]);
}

#[tokio::test(start_paused = true)]
async fn a_backoff_goes_on_until_a_connection_lasts() {
    let backoff = |b: HubConnectionBuilder| b.automatic_reconnect_with(Backoff::new());
    let found = delays(backoff, Duration::from_secs(1), 6).await;
    assert_eq!(found[0], 0);
    for (delay, longest) in found[1..].iter().zip([500, 1_000, 2_000, 4_000, 8_000]) {
        assert!((longest / 2..=longest + 1).contains(delay), "{found:?}");
    }
    let found = delays(backoff, Duration::from_secs(6), 6).await;
    assert_eq!(found, [0; 6]);
}

#[tokio::test(start_paused = true)]
async fn closures_are_told_and_decide_by_themselves() {
    let log = Log::default();
    let told = log.clone();
    let policy = move |retry: &RetryContext<'_>| {
        told.note(format!("{} {}", retry.previous_attempts, retry.short_lived));
        Some(Duration::ZERO)
    };
    let found = delays(|b| b.automatic_reconnect_with(policy), Duration::ZERO, 3).await;
    assert_eq!(found, [0; 3]);
    assert_eq!(log.all(), ["0 0", "0 1", "0 2"]);
}
