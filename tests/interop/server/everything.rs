//! `/hub`: plain calls and sends, and all that a hub can see of its connection.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use signalr::{
    Blob, Connecting, Context, Error, HttpTransportType, HubContext, HubError, Timestamp, hub,
    receiver,
};

use crate::values::Profile;

#[receiver]
pub(crate) trait Peer {
    async fn heard(&self, from: &str, text: &str);
    async fn number(&self, n: u32);
    async fn gone(&self, id: &str, reason: Option<&str>);
    #[receiver(name = "renamed_event")]
    async fn other_name(&self);
}

/// Whom a message is for: one variant a selector.
#[derive(Deserialize)]
#[serde(tag = "to", rename_all = "camelCase")]
pub(crate) enum Target {
    All,
    AllExcept { ids: Vec<String> },
    Caller,
    Others,
    OthersInGroup { group: String },
    Client { id: String },
    Clients { ids: Vec<String> },
    Group { group: String },
    Groups { groups: Vec<String> },
    GroupExcept { group: String, ids: Vec<String> },
    User { user: String },
    Users { users: Vec<String> },
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Caller {
    connection_id: String,
    user_id: Option<String>,
    path: String,
    query: Option<String>,
    agent: Option<String>,
    has_peer: bool,
    /// HTTP's version.
    http: String,
    transport: Option<&'static str>,
    cookie: Option<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Session {
    calls: AtomicU32,
    record: Mutex<Vec<u32>>,
}

/// What `keep` puts into the connection's items.
#[derive(Clone, Debug)]
struct Kept(String);

#[derive(Default)]
pub(crate) struct Everything {
    outside: Arc<OnceLock<HubContext<Self>>>,
    connections: AtomicU32,
}

impl Everything {
    pub(crate) fn new(outside: &Arc<OnceLock<HubContext<Self>>>) -> Self {
        Self {
            outside: Arc::clone(outside),
            ..Self::default()
        }
    }
}

#[hub(client = Peer, session = Session)]
impl Everything {
    async fn on_connected(&self, cx: &Connecting<Self>) -> Result<Session, HubError> {
        self.connections.fetch_add(1, Relaxed);
        cx.clients().caller().heard("hub", "welcome").await?;
        Ok(Session::default())
    }

    async fn on_disconnected(&self, cx: &Context<Self>, reason: Option<&Error>) {
        self.connections.fetch_sub(1, Relaxed);
        let reason = reason.map(ToString::to_string);
        cx.clients()
            .others()
            .gone(cx.connection_id(), reason.as_deref())
            .await
            .ok();
    }

    // ---- values ----

    pub fn echo_string(&self, value: String) -> String {
        value
    }

    pub fn echo_number(&self, value: f64) -> f64 {
        value
    }

    pub fn echo_integer(&self, value: i64) -> i64 {
        value
    }

    pub fn echo_bool(&self, value: bool) -> bool {
        value
    }

    pub fn echo_option(&self, value: Option<String>) -> Option<String> {
        value
    }

    pub fn echo_struct(&self, value: Profile) -> Profile {
        value
    }

    pub fn echo_list(&self, value: Vec<i32>) -> Vec<i32> {
        value
    }

    pub fn echo_map(&self, value: BTreeMap<String, Profile>) -> BTreeMap<String, Profile> {
        value
    }

    pub fn echo_any(&self, value: serde_json::Value) -> serde_json::Value {
        value
    }

    pub fn echo_blob(&self, value: Blob) -> Blob {
        value
    }

    pub fn echo_timestamp(&self, value: Timestamp) -> Timestamp {
        value
    }

    pub fn extremes(&self) -> (i64, i64, u64) {
        (i64::MIN, i64::MAX, u64::MAX)
    }

    pub fn echo_borrowed(&self, text: &str, profile: &Profile) -> String {
        format!("{text} {}", profile.full_name)
    }

    pub fn add(&self, a: i64, b: i64) -> i64 {
        a.wrapping_add(b)
    }

    pub fn nothing(&self) {}

    pub async fn slow(&self, millis: u64) -> u64 {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        millis
    }

    #[hub(name = "theOtherName")]
    pub fn renamed(&self) -> &'static str {
        "renamed"
    }

    #[expect(dead_code, reason = "the test asserts that no client can reach it")]
    fn private(&self) {}

    // ---- failures ----

    pub fn fail_public(&self) -> Result<(), HubError> {
        Err(HubError::new("no tea left"))
    }

    pub fn fail_private(&self) -> Result<u32, HubError> {
        Ok("the secret".parse()?)
    }

    pub fn fail_panic(&self) {
        panic!("the hub panicked, as the test asked");
    }

    // ---- the connection ----

    pub fn who_am_i(&self, cx: &Context<Self>) -> Caller {
        let request = cx.request();
        Caller {
            connection_id: cx.connection_id().to_string(),
            user_id: cx.user_id().map(str::to_owned),
            path: request.uri.path().to_owned(),
            query: request.uri.query().map(str::to_owned),
            agent: request
                .headers
                .get("user-agent")
                .and_then(|value| Some(value.to_str().ok()?.to_owned())),
            has_peer: cx.peer_addr().is_some(),
            http: format!("{:?}", request.version),
            transport: cx.transport().map(HttpTransportType::name),
            cookie: cx.cookie("tea").map(str::to_owned),
        }
    }

    pub fn count(&self, cx: &Context<Self>) -> u32 {
        cx.session().calls.fetch_add(1, Relaxed) + 1
    }

    pub fn keep(&self, cx: &Context<Self>, text: String) {
        cx.items().insert(Kept(text));
    }

    pub fn kept(&self, cx: &Context<Self>) -> Option<String> {
        cx.items().get::<Kept>().map(|kept| kept.0.clone())
    }

    pub fn record(&self, cx: &Context<Self>, n: u32) {
        cx.session()
            .record
            .lock()
            .expect("nothing panics with it")
            .push(n);
    }

    pub fn recorded(&self, cx: &Context<Self>) -> Vec<u32> {
        cx.session()
            .record
            .lock()
            .expect("nothing panics with it")
            .clone()
    }

    pub fn connections(&self) -> u32 {
        self.connections.load(Relaxed)
    }

    pub fn close_me(&self, cx: &Context<Self>, reason: Option<String>, allow_reconnect: bool) {
        cx.close(reason.as_deref(), allow_reconnect);
    }

    pub fn abort_me(&self, cx: &Context<Self>) {
        cx.abort();
    }

    // ---- to clients ----

    pub async fn tell(
        &self,
        cx: &Context<Self>,
        target: Target,
        text: &str,
    ) -> Result<(), HubError> {
        let to = cx.clients();
        let id: &str = cx.connection_id();
        let sending = match target {
            Target::All => to.all().heard(id, text),
            Target::AllExcept { ids } => to.all_except(ids).heard(id, text),
            Target::Caller => to.caller().heard(id, text),
            Target::Others => to.others().heard(id, text),
            Target::OthersInGroup { group } => to.others_in_group(group).heard(id, text),
            Target::Client { id: other } => to.client(other).heard(id, text),
            Target::Clients { ids } => to.clients(ids).heard(id, text),
            Target::Group { group } => to.group(group).heard(id, text),
            Target::Groups { groups } => to.groups(groups).heard(id, text),
            Target::GroupExcept { group, ids } => to.group_except(group, ids).heard(id, text),
            Target::User { user } => to.user(user).heard(id, text),
            Target::Users { users } => to.users(users).heard(id, text),
        };
        Ok(sending.await?)
    }

    /// The same from outside of a call, where there is no caller.
    pub async fn tell_from_outside(&self, target: Target, text: &str) -> Result<(), HubError> {
        let outside = self
            .outside
            .get()
            .ok_or_else(|| HubError::new("not started"))?
            .clone();
        let to = outside.clients();
        let sending = match target {
            Target::All => to.all().heard("outside", text),
            Target::AllExcept { ids } => to.all_except(ids).heard("outside", text),
            Target::Client { id } => to.client(id).heard("outside", text),
            Target::Clients { ids } => to.clients(ids).heard("outside", text),
            Target::Group { group } => to.group(group).heard("outside", text),
            Target::Groups { groups } => to.groups(groups).heard("outside", text),
            Target::GroupExcept { group, ids } => {
                to.group_except(group, ids).heard("outside", text)
            }
            Target::User { user } => to.user(user).heard("outside", text),
            Target::Users { users } => to.users(users).heard("outside", text),
            Target::Caller | Target::Others | Target::OthersInGroup { .. } => {
                return Err(HubError::new("there is no caller outside of a call"));
            }
        };
        Ok(sending.await?)
    }

    pub async fn tell_untyped(
        &self,
        cx: &Context<Self>,
        event: String,
        text: &str,
    ) -> Result<(), HubError> {
        Ok(cx
            .clients()
            .untyped()
            .all()
            .send(&event, ("untyped", text))
            .await?)
    }

    pub async fn send_other_name(&self, cx: &Context<Self>) -> Result<(), HubError> {
        Ok(cx.clients().caller().other_name().await?)
    }

    pub async fn count_to(&self, cx: &Context<Self>, n: u32) -> Result<u32, HubError> {
        for i in 0..n {
            cx.clients().caller().number(i).await?;
        }
        Ok(n)
    }

    // ---- groups ----

    pub async fn join(&self, cx: &Context<Self>, group: &str) -> Result<(), HubError> {
        Ok(cx.join(group).await?)
    }

    pub async fn leave(&self, cx: &Context<Self>, group: &str) -> Result<(), HubError> {
        Ok(cx.leave(group).await?)
    }

    pub async fn add_to_group(&self, id: &str, group: &str) -> Result<(), HubError> {
        let outside = self
            .outside
            .get()
            .ok_or_else(|| HubError::new("not started"))?;
        Ok(outside.groups().add(id, group).await?)
    }

    pub async fn remove_from_group(&self, id: &str, group: &str) -> Result<(), HubError> {
        let outside = self
            .outside
            .get()
            .ok_or_else(|| HubError::new("not started"))?;
        Ok(outside.groups().remove(id, group).await?)
    }
}
