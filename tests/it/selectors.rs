//! Whom each selector reaches: exactly those, once each, from calls and from outside.

use serde::Deserialize;
use serde_json::{Value, json};
use signalr::{Connecting, Context, Error, HubError, HubServer, Sending, hub};

use crate::support::Peer;

#[derive(Deserialize)]
#[serde(tag = "to", rename_all = "camelCase")]
enum To {
    All,
    AllExcept { ids: Vec<String> },
    Caller,
    Others,
    OthersInGroup { group: String },
    Client { id: String },
    Clients { ids: Vec<String> },
    Group { group: String },
    GroupExcept { group: String, ids: Vec<String> },
    Groups { groups: Vec<String> },
    User { user: String },
    Users { users: Vec<String> },
}

struct Stage;

#[hub]
impl Stage {
    async fn on_connected(&self, cx: &Connecting<Self>) -> Result<(), HubError> {
        cx.clients()
            .caller()
            .send("id", (cx.connection_id(),))
            .await?;
        Ok(())
    }

    pub async fn join(&self, cx: &Context<Self>, group: &str) -> Result<(), HubError> {
        Ok(cx.join(group).await?)
    }

    pub async fn tell(&self, cx: &Context<Self>, to: To, text: &str) -> Result<(), HubError> {
        let clients = cx.clients();
        let sending = match to {
            To::Caller => clients.caller().send("told", (text,)),
            To::Others => clients.others().send("told", (text,)),
            To::OthersInGroup { group } => clients.others_in_group(group).send("told", (text,)),
            to => outside(&clients, to, text),
        };
        Ok(sending.await?)
    }
}

/// The selectors that need no caller.
fn outside(clients: &signalr::Clients<signalr::Untyped>, to: To, text: &str) -> Sending {
    match to {
        To::All => clients.all().send("told", (text,)),
        To::AllExcept { ids } => clients.all_except(ids).send("told", (text,)),
        To::Client { id } => clients.client(id).send("told", (text,)),
        To::Clients { ids } => clients.clients(ids).send("told", (text,)),
        To::Group { group } => clients.group(group).send("told", (text,)),
        To::GroupExcept { group, ids } => clients.group_except(group, ids).send("told", (text,)),
        To::Groups { groups } => clients.groups(groups).send("told", (text,)),
        To::User { user } => clients.user(user).send("told", (text,)),
        To::Users { users } => clients.users(users).send("told", (text,)),
        To::Caller | To::Others | To::OthersInGroup { .. } => panic!("there is no caller"),
    }
}

/// Six connections: 0 to 4 are users a, a, b, b and nobody; red holds 0, 1, 2, blue 2, 3; 5 is another nobody.
struct Cast {
    server: HubServer<Stage>,
    peers: Vec<Peer>,
    ids: Vec<String>,
}

impl Cast {
    async fn assemble() -> Self {
        let users =
            std::sync::Mutex::new(vec![None, None, Some("b"), Some("b"), Some("a"), Some("a")]);
        let server = HubServer::builder(Stage)
            .user_id(move |_| {
                users
                    .lock()
                    .expect("not poisoned")
                    .pop()
                    .flatten()
                    .map(str::to_owned)
            })
            .build()
            .expect("valid");
        let mut cast = Self {
            server,
            peers: Vec::new(),
            ids: Vec::new(),
        };
        for number in 0..6 {
            let mut peer = Peer::connect(&cast.server).await;
            let id = peer.heard("id").await[0]
                .as_str()
                .expect("an id")
                .to_owned();
            if number <= 2 {
                peer.invoke("join", json!(["red"])).await;
            }
            if number == 2 || number == 3 {
                peer.invoke("join", json!(["blue"])).await;
            }
            cast.peers.push(peer);
            cast.ids.push(id);
        }
        cast
    }

    /// How often each connection has heard `text`, and that it has heard nothing else.
    async fn heard(&mut self, text: &str) -> Vec<usize> {
        let mut counts = Vec::new();
        for peer in &mut self.peers {
            peer.call("end", "no such method", json!([])).await;
            let mut count = 0;
            loop {
                let message = peer.json().await;
                if message["type"] == 3 {
                    break;
                }
                assert_eq!(message["arguments"], json!([text]));
                count += 1;
            }
            counts.push(count);
        }
        counts
    }

    /// Connection 0 sends; `expected` has how many copies each connection gets.
    async fn told(&mut self, to: Value, expected: [usize; 6]) {
        let text = to.to_string();
        let done = self.peers[0]
            .invoke_and_keep("tell", json!([to, text]))
            .await;
        let mut counts = self.heard(&text).await;
        counts[0] += done;
        assert_eq!(counts, expected, "{to} from a call");
        // And from outside, where that is possible.
        if ["caller", "others", "othersInGroup"].contains(&to["to"].as_str().expect("text")) {
            return;
        }
        let context = self.server.context();
        let selector = serde_json::from_value(to.clone()).expect("a selector");
        outside(context.clients(), selector, &text)
            .await
            .expect("sent");
        assert_eq!(self.heard(&text).await, expected, "{to} from outside");
    }
}

impl Peer {
    /// Calls a method and counts what is heard before its completion, which is null.
    async fn invoke_and_keep(&mut self, method: &str, arguments: Value) -> usize {
        self.call("tell", method, arguments).await;
        let mut count = 0;
        loop {
            let message = self.json().await;
            if message["type"] == 3 {
                assert_eq!(
                    message,
                    json!({"type": 3, "invocationId": "tell", "result": null})
                );
                return count;
            }
            count += 1;
        }
    }
}

#[apply(both_encodings)]
async fn all_and_all_except() {
    let mut cast = Cast::assemble().await;
    let ids = cast.ids.clone();
    cast.told(json!({"to": "all"}), [1, 1, 1, 1, 1, 1]).await;
    let none: [&str; 0] = [];
    cast.told(json!({"to": "allExcept", "ids": none}), [1, 1, 1, 1, 1, 1])
        .await;
    let except = json!({"to": "allExcept", "ids": [ids[0], ids[3], ids[3], "nobody"]});
    cast.told(except, [0, 1, 1, 0, 1, 1]).await;
}

#[apply(both_encodings)]
async fn caller_and_others() {
    let mut cast = Cast::assemble().await;
    cast.told(json!({"to": "caller"}), [1, 0, 0, 0, 0, 0]).await;
    cast.told(json!({"to": "others"}), [0, 1, 1, 1, 1, 1]).await;
}

#[apply(both_encodings)]
async fn client_and_clients() {
    let mut cast = Cast::assemble().await;
    let ids = cast.ids.clone();
    cast.told(json!({"to": "client", "id": ids[4]}), [0, 0, 0, 0, 1, 0])
        .await;
    cast.told(json!({"to": "client", "id": ids[0]}), [1, 0, 0, 0, 0, 0])
        .await;
    // One copy each, however often an id is named.
    let clients = json!({"to": "clients", "ids": [ids[1], ids[5], ids[1], "nobody", ids[1]]});
    cast.told(clients, [0, 1, 0, 0, 0, 1]).await;
}

#[apply(both_encodings)]
async fn group_and_its_exceptions() {
    let mut cast = Cast::assemble().await;
    let ids = cast.ids.clone();
    cast.told(json!({"to": "group", "group": "red"}), [1, 1, 1, 0, 0, 0])
        .await;
    let except = json!({"to": "groupExcept", "group": "red", "ids": [ids[1], ids[4], "nobody"]});
    cast.told(except, [1, 0, 1, 0, 0, 0]).await;
    cast.told(
        json!({"to": "othersInGroup", "group": "red"}),
        [0, 1, 1, 0, 0, 0],
    )
    .await;
    cast.told(
        json!({"to": "othersInGroup", "group": "blue"}),
        [0, 0, 1, 1, 0, 0],
    )
    .await;
}

#[apply(both_encodings)]
async fn a_member_of_two_listed_groups_gets_two_copies() {
    let mut cast = Cast::assemble().await;
    let groups = json!({"to": "groups", "groups": ["red", "blue", "nosuch"]});
    cast.told(groups, [1, 1, 2, 1, 0, 0]).await;
    let groups = json!({"to": "groups", "groups": ["blue", "blue"]});
    cast.told(groups, [0, 0, 2, 2, 0, 0]).await;
}

#[apply(both_encodings)]
async fn user_and_users() {
    let mut cast = Cast::assemble().await;
    cast.told(json!({"to": "user", "user": "a"}), [1, 1, 0, 0, 0, 0])
        .await;
    let users = json!({"to": "users", "users": ["a", "b", "a", "nobody", "b"]});
    cast.told(users, [1, 1, 1, 1, 0, 0]).await;
}

#[apply(both_encodings)]
async fn unknown_and_differently_spelt_names_reach_nobody_and_are_no_error() {
    let mut cast = Cast::assemble().await;
    let upper = cast.ids[4].to_uppercase();
    assert_ne!(upper, cast.ids[4], "22 characters without a small letter");
    for to in [
        json!({"to": "client", "id": "nobody"}),
        json!({"to": "client", "id": ""}),
        json!({"to": "client", "id": upper}),
        json!({"to": "clients", "ids": ["nobody", upper]}),
        json!({"to": "clients", "ids": []}),
        json!({"to": "group", "group": "nosuch"}),
        json!({"to": "group", "group": "RED"}),
        json!({"to": "group", "group": ""}),
        json!({"to": "groups", "groups": ["Red", " red"]}),
        json!({"to": "groups", "groups": []}),
        json!({"to": "user", "user": "A"}),
        json!({"to": "user", "user": ""}),
        json!({"to": "users", "users": ["nobody", "B"]}),
        json!({"to": "users", "users": []}),
    ] {
        cast.told(to, [0; 6]).await;
    }
}

#[apply(both_encodings)]
async fn a_connection_that_has_left_is_reached_by_no_selector() {
    let mut cast = Cast::assemble().await;
    let gone = cast.ids.pop().expect("six");
    cast.peers.pop().expect("six").leave().await;
    let context = cast.server.context();
    let clients = context.clients();
    clients
        .client(&gone)
        .send("told", ("x",))
        .await
        .expect("no error");
    clients
        .clients([&gone, &cast.ids[0]])
        .send("told", ("x",))
        .await
        .expect("no error");
    assert_eq!(cast.heard("x").await, [1, 0, 0, 0, 0]);
}

#[apply(both_encodings)]
async fn an_empty_group_name_in_a_list_fails_the_whole_send() {
    let mut cast = Cast::assemble().await;
    let to = json!({"to": "groups", "groups": ["red", ""]});
    let answer = cast.peers[0].invoke("tell", json!([to, "x"])).await;
    assert!(answer["error"].is_string());
    let context = cast.server.context();
    let sent = context
        .clients()
        .groups(["red", ""])
        .send("told", ("x",))
        .await;
    let error: Error = sent.expect_err("an empty name");
    assert_eq!(error.to_string(), "Cannot send to an empty group name.");
    assert_eq!(cast.heard("x").await, [0; 6]);
    // Elsewhere the empty name is a name.
    cast.peers[3].invoke("join", json!([""])).await;
    cast.told(json!({"to": "group", "group": ""}), [0, 0, 0, 1, 0, 0])
        .await;
}
