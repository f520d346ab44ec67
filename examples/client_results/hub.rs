//! The bank: what pages can call, and what it asks them.

use std::{
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    time::Duration,
};

use signalr::{Connecting, Context, HubError, hub, receiver};

/// What the server asks a page. As it has a result, it can be asked of one client at a time.
#[receiver]
pub(crate) trait BankClient {
    /// The user has this many seconds to answer.
    async fn confirm(&self, question: &str, seconds: u64) -> bool;
}

pub(crate) struct Bank {
    patience: Duration,
}

impl Bank {
    pub(crate) fn new(patience: Duration) -> Self {
        Self { patience }
    }
}

/// A connection's session is its account.
#[hub(client = BankClient, session = AtomicU32)]
impl Bank {
    async fn on_connected(&self, _cx: &Connecting<Self>) -> Result<AtomicU32, HubError> {
        Ok(AtomicU32::new(1_000))
    }

    pub fn balance(&self, cx: &Context<Self>) -> u32 {
        cx.session().load(SeqCst)
    }

    /// Moves money if the caller confirms it, and tells what is left. The call waits for the answer of the page that made it:
    /// answers are never behind calls, so that is no deadlock.
    pub async fn transfer(
        &self,
        cx: &Context<Self>,
        amount: u32,
        to: &str,
    ) -> Result<u32, HubError> {
        let question = format!("Really send {amount} to {to}?");
        let caller = cx.clients().caller();
        let answer = caller.confirm(&question, self.patience.as_secs());
        // An answer that comes after the time-out is ignored.
        match answer.timeout(self.patience).await {
            Ok(true) => pay(cx.session(), amount),
            Ok(false) => Err(HubError::new("you said no")),
            Err(error) if error.is_timeout() => Err(HubError::new("there was no answer in time")),
            Err(error) if error.is_no_handler() => Err(HubError::new("nobody there to be asked")),
            Err(error) => Err(HubError::new(format!("no proper answer: {error}"))),
        }
    }
}

fn pay(account: &AtomicU32, amount: u32) -> Result<u32, HubError> {
    let paid = account.fetch_update(SeqCst, SeqCst, |balance| balance.checked_sub(amount));
    let before = paid.map_err(|balance| HubError::new(format!("you have only {balance}")))?;
    Ok(before - amount)
}
