//! `/questions`: the hub asks its clients.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use signalr::{Blob, Connecting, Context, Error, HubContext, HubError, Timestamp, hub, receiver};

use crate::values::Profile;

#[receiver]
pub(crate) trait Respondent {
    async fn heard(&self, from: &str, text: &str);

    async fn number(&self) -> i32;
    async fn confirm(&self, question: &str) -> bool;
    async fn older(&self, profile: &Profile) -> Profile;
    async fn copy(&self, blob: Blob) -> Blob;
    async fn next_day(&self, moment: Timestamp) -> Timestamp;
}

pub(crate) struct Questions {
    outside: Arc<OnceLock<HubContext<Self>>>,
}

impl Questions {
    pub(crate) fn new(outside: &Arc<OnceLock<HubContext<Self>>>) -> Self {
        Self {
            outside: Arc::clone(outside),
        }
    }
}

#[hub(client = Respondent)]
impl Questions {
    async fn on_connected(&self, cx: &Connecting<Self>) -> Result<(), HubError> {
        Ok(cx.clients().caller().heard("hub", "welcome").await?)
    }

    pub fn my_id(&self, cx: &Context<Self>) -> String {
        cx.connection_id().to_string()
    }

    pub fn abort_me(&self, cx: &Context<Self>) {
        cx.abort();
    }

    pub async fn ask_confirm(&self, cx: &Context<Self>, question: &str) -> Result<bool, Error> {
        cx.clients().caller().confirm(question).await
    }

    pub async fn ask_older(&self, cx: &Context<Self>, profile: &Profile) -> Result<Profile, Error> {
        cx.clients().caller().older(profile).await
    }

    pub async fn ask_copy(&self, cx: &Context<Self>, blob: Blob) -> Result<Blob, Error> {
        cx.clients().caller().copy(blob).await
    }

    pub async fn ask_next_day(
        &self,
        cx: &Context<Self>,
        moment: Timestamp,
    ) -> Result<Timestamp, Error> {
        cx.clients().caller().next_day(moment).await
    }

    pub async fn ask_number(&self, cx: &Context<Self>) -> String {
        told(cx.clients().caller().number().await)
    }

    pub async fn ask_number_untyped(&self, cx: &Context<Self>, method: &str) -> String {
        let caller = cx.clients().untyped().caller();
        told(caller.invoke::<i32>(method, ()).await)
    }

    pub async fn ask_number_of(&self, cx: &Context<Self>, id: &str) -> String {
        told(cx.clients().client(id).number().await)
    }

    pub async fn ask_number_from_outside(&self, id: &str) -> Result<String, HubError> {
        let outside = self
            .outside
            .get()
            .ok_or_else(|| HubError::new("not started"))?;
        Ok(told(outside.clients().client(id).number().await))
    }

    pub async fn ask_number_briefly(&self, cx: &Context<Self>, millis: u64) -> String {
        let asking = cx.clients().caller().number();
        told(asking.timeout(Duration::from_millis(millis)).await)
    }
}

/// What became of a question: each kind of failure in words of its own.
fn told(answer: Result<i32, Error>) -> String {
    match answer {
        Ok(number) => format!("the number {number}"),
        Err(error) if error.is_timeout() => "too late".to_owned(),
        Err(error) if error.is_closed() => format!("gone: {error}"),
        Err(error) if error.is_no_handler() => "no handler".to_owned(),
        Err(error) if error.is_serialization() => format!("unreadable: {error}"),
        Err(error) => match error.remote_message() {
            Some(text) => format!("the client says: {text}"),
            None => format!("failed: {error}"),
        },
    }
}
