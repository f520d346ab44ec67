//! A list of tasks that several people keep: what its server and its clients have agreed on.
//!
//! This crate needs neither of the two: it is built with `signalr`'s feature `macros` alone. Whoever depends on it adds what it is:
//! with the feature `server` it can implement [`Board`], with `client` it has `BoardProxy`.

use futures_core::Stream;
use serde::{Deserialize, Serialize};
use signalr::{Context, HubError, Receiver, hub, receiver};

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// Its number.
    pub id: u32,
    /// What there is to do.
    pub text: String,
    /// Whether that is done.
    pub finished: bool,
}

/// What clients call.
#[hub]
pub trait Board {
    /// Adds a task, and tells everybody.
    async fn add(&self, cx: &Context<Self>, text: &str) -> Result<Task, HubError>;

    /// Marks a task as done, and tells everybody.
    async fn finish(&self, cx: &Context<Self>, id: u32) -> Result<Task, HubError>;

    /// The tasks, one after another.
    fn tasks(&self) -> impl Stream<Item = Task>;

    /// Adds a task for each line, as the lines come, and says how many.
    async fn import(&self, cx: &Context<Self>, lines: Receiver<String>) -> Result<usize, HubError>;

    /// Takes finished tasks away if the caller confirms it, and says how many.
    async fn clear(&self, cx: &Context<Self>) -> Result<usize, HubError>;
}

/// What the server calls.
#[receiver]
pub trait BoardClient {
    /// A task is new, or done.
    async fn changed(&self, task: &Task);

    /// Whether the user is sure.
    async fn confirm(&self, question: &str) -> bool;
}
