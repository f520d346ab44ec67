//! Virtual time: it moves only while every task waits.

use std::time::Duration;

use tokio::time::Instant;

/// Lets everybody run until nobody has anything left to do.
pub async fn settle() {
    wait(1).await;
}

/// Lets virtual milliseconds pass.
pub async fn wait(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// Fails the test instead of waiting for ever.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    let in_time = tokio::time::timeout(Duration::from_secs(300), what).await;
    in_time.expect("it happens within five virtual minutes")
}

/// Virtual milliseconds since `start`.
pub fn since(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).expect("a short test")
}
