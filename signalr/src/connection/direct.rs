//! Writing to a connection that sleeps, without waking it.

use std::sync::Arc;

use crate::transport::DirectWrite;

/// The right to write past a connection's task. It changes hands under the queue's lock and is used without it.
#[derive(Default)]
pub(super) enum Direct {
    /// There is no such way, or the connection ends.
    #[default]
    None,
    /// Nobody writes but the task.
    Free(Arc<dyn DirectWrite>),
    /// A sender writes, and the task waits if it wakes up meanwhile.
    Lent { task_waits: bool },
}

impl Direct {
    pub(super) fn is_lent(&self) -> bool {
        matches!(self, Self::Lent { .. })
    }

    /// Takes the right, if it is to be had.
    pub(super) fn lend(&mut self) -> Option<Arc<dyn DirectWrite>> {
        if !matches!(self, Self::Free(_)) {
            return None;
        }
        match std::mem::replace(self, Self::Lent { task_waits: false }) {
            Self::Free(writer) => Some(writer),
            _ => unreachable!("it was free"),
        }
    }

    /// Returns what was lent, unless the connection has ended; whether the task waits for that.
    pub(super) fn give_back(&mut self, writer: Arc<dyn DirectWrite>) -> bool {
        let Self::Lent { task_waits } = *self else {
            return false;
        };
        *self = Self::Free(writer);
        task_waits
    }

    /// The task wants to go on; whether it may.
    pub(super) fn let_task_run(&mut self) -> bool {
        match self {
            Self::Lent { task_waits } => {
                *task_waits = true;
                false
            }
            Self::None | Self::Free(_) => true,
        }
    }
}

impl std::fmt::Debug for Direct {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Free(_) => "Free",
            Self::Lent { .. } => "Lent",
        })
    }
}
