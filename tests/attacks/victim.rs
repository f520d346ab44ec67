//! The hub under attack, and the client that must not notice.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use signalr::{Context, HubError, hub};
use tokio::task::JoinHandle;

use crate::web::{TEXT, Wire};

#[derive(Clone)]
pub struct Target;

#[hub]
impl Target {
    pub fn ping(&self) -> u8 {
        1
    }

    pub async fn join(&self, cx: &Context<Self>, group: &str) -> Result<(), HubError> {
        Ok(cx.join(group).await?)
    }
}

/// A frame that holds one hub message.
pub fn text(message: &str) -> Option<(u8, Vec<u8>)> {
    Some((TEXT, format!("{message}\u{1e}").into_bytes()))
}

/// The next frame that is no ping of the hub: those become due where a test takes long or moves the clock.
pub async fn said(wire: &mut Wire) -> Option<(u8, Vec<u8>)> {
    loop {
        let frame = wire.next().await;
        if frame != text(r#"{"type":6}"#) {
            return frame;
        }
    }
}

/// Calls the hub; its answer comes next.
pub async fn ping(wire: &mut Wire) {
    wire.tell(r#"{"type":1,"invocationId":"v","target":"ping","arguments":[]}"#)
        .await;
    let answer = text(r#"{"type":3,"invocationId":"v","result":1}"#);
    assert_eq!(said(wire).await, answer);
}

/// A client that behaves.
pub struct Victim {
    stop: Arc<AtomicBool>,
    served: JoinHandle<usize>,
}

impl Victim {
    /// Calls the hub again and again, and fails unless every answer comes within a second.
    pub async fn connect(addr: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut wire = Wire::connect(addr, "/hub").await;
        let stopped = Arc::clone(&stop);
        let served = tokio::spawn(async move {
            let mut answers = 0;
            while !stopped.load(SeqCst) {
                let start = Instant::now();
                ping(&mut wire).await;
                let took = start.elapsed();
                assert!(took < Duration::from_secs(1), "an answer took {took:?}");
                answers += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            answers
        });
        Self { stop, served }
    }

    /// It was served all the time, at least `least` times.
    pub async fn leave(self, least: usize) {
        self.stop.store(true, SeqCst);
        let answers = self.served.await.expect("every answer came in time");
        assert!(answers >= least, "{answers} answers");
    }
}
