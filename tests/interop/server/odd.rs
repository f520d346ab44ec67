//! `/refuse` and `/pascal`: hubs that are not like the others.

use signalr::{Connecting, Context, HubError, hub, receiver};

/// Lets nobody in: with a public reason for `?why=public`, else with an inner one.
pub(crate) struct Refuse;

#[hub]
impl Refuse {
    async fn on_connected(&self, cx: &Connecting<Self>) -> Result<(), HubError> {
        if cx
            .request()
            .uri
            .query()
            .is_some_and(|query| query.contains("why=public"))
        {
            return Err(HubError::new("members only"));
        }
        Err(std::io::Error::other("the secret").into())
    }

    pub fn never(&self) {}
}

#[receiver(rename_all = "PascalCase")]
pub(crate) trait PascalPeer {
    async fn message_received(&self, text: &str);
}

pub(crate) struct Pascal;

#[hub(client = PascalPeer, rename_all = "PascalCase")]
impl Pascal {
    pub async fn say_it(&self, cx: &Context<Self>, text: &str) -> Result<(), HubError> {
        Ok(cx.clients().caller().message_received(text).await?)
    }
}
