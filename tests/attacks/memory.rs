//! What this process holds.

use std::fs;

use tokio::sync::{Mutex, MutexGuard};

/// A mebibyte.
pub const MIB: usize = 1 << 20;

/// Keeps the other attacks of this process away, so that what grows is this one's.
pub async fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    TURN.lock().await
}

/// Memory at one moment, in bytes. Only Linux tells; elsewhere nothing seems to grow.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// What is used.
    pub resident: usize,
    /// What is asked for, used or not.
    pub claimed: usize,
}

impl Memory {
    pub fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next());
            number.map_or(0, |number| number.parse().expect("kilobytes")) * 1024
        };
        Self {
            resident: field("VmRSS:"),
            claimed: field("VmSize:"),
        }
    }

    /// How much more is used now, and asked for now.
    pub fn growth(self) -> Self {
        let now = Self::now();
        Self {
            resident: now.resident.saturating_sub(self.resident),
            claimed: now.claimed.saturating_sub(self.claimed),
        }
    }
}
