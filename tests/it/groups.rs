//! Groups: who is in them, and when they come and go.

use serde_json::json;
use signalr::{Connecting, Context, Error, HubError, HubServer, hub};

use crate::support::Peer;

struct Rooms;

#[hub]
impl Rooms {
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

    pub async fn leave(&self, cx: &Context<Self>, group: &str) -> Result<(), HubError> {
        Ok(cx.leave(group).await?)
    }

    pub async fn add(&self, cx: &Context<Self>, id: &str, group: &str) -> Result<(), HubError> {
        Ok(cx.groups().add(id, group).await?)
    }

    pub async fn remove(&self, cx: &Context<Self>, id: &str, group: &str) -> Result<(), HubError> {
        Ok(cx.groups().remove(id, group).await?)
    }

    pub async fn tell(&self, cx: &Context<Self>, group: &str, text: &str) -> Result<(), HubError> {
        Ok(cx.clients().group(group).send("told", (text,)).await?)
    }
}

async fn member(server: &HubServer<Rooms>) -> (Peer, String) {
    let mut peer = Peer::connect(server).await;
    let id = peer.heard("id").await[0]
        .as_str()
        .expect("an id")
        .to_owned();
    (peer, id)
}

async fn tell(server: &HubServer<Rooms>, group: &str, text: &str) {
    let group = server.context().clients().group(group);
    group.send("told", (text,)).await.expect("sent");
}

#[apply(both_encodings)]
async fn a_message_after_joining_is_heard_and_after_leaving_it_is_not() {
    let server = HubServer::new(Rooms);
    let (mut peer, _) = member(&server).await;
    tell(&server, "room", "too early").await;
    peer.invoke("join", json!(["room"])).await;
    tell(&server, "room", "heard").await;
    assert_eq!(peer.heard("told").await, json!(["heard"]));
    peer.invoke("leave", json!(["room"])).await;
    tell(&server, "room", "too late").await;
    peer.expect_silence().await;
}

#[apply(both_encodings)]
async fn joining_twice_is_joining_once_and_leaving_once_is_enough() {
    let server = HubServer::new(Rooms);
    let (mut peer, id) = member(&server).await;
    for _ in 0..3 {
        peer.invoke("join", json!(["room"])).await;
        peer.invoke("add", json!([id, "room"])).await;
    }
    tell(&server, "room", "once").await;
    assert_eq!(peer.heard("told").await, json!(["once"]));
    peer.expect_silence().await;
    peer.invoke("leave", json!(["room"])).await;
    tell(&server, "room", "never").await;
    peer.expect_silence().await;
    assert_eq!(server.group_count(), 0);
}

#[apply(both_encodings)]
async fn leaving_and_removing_where_nobody_is_does_nothing() {
    let server = HubServer::new(Rooms);
    let (mut peer, id) = member(&server).await;
    for (method, arguments) in [
        ("leave", json!(["room"])),
        ("remove", json!([id, "room"])),
        ("remove", json!(["nobody", "room"])),
        ("add", json!(["nobody", "room"])),
        ("add", json!(["", ""])),
    ] {
        assert_eq!(
            peer.invoke(method, arguments).await,
            json!(null),
            "{method}"
        );
    }
    assert_eq!(server.group_count(), 0);
}

#[apply(both_encodings)]
async fn others_can_be_added_and_removed() {
    let server = HubServer::new(Rooms);
    let (mut host, _) = member(&server).await;
    let (mut guest, id) = member(&server).await;
    host.invoke("add", json!([id, "room"])).await;
    host.invoke("tell", json!(["room", "hello"])).await;
    assert_eq!(guest.heard("told").await, json!(["hello"]));
    host.invoke("remove", json!([id, "room"])).await;
    host.invoke("tell", json!(["room", "never"])).await;
    guest.expect_silence().await;
    host.expect_silence().await;
}

#[apply(both_encodings)]
async fn names_are_compared_exactly() {
    let server = HubServer::new(Rooms);
    let (mut peer, _) = member(&server).await;
    peer.invoke("join", json!(["Röom 1"])).await;
    for name in ["röom 1", "Röom 1 ", "Room 1", "Ro\u{308}om 1", ""] {
        tell(&server, name, "never").await;
    }
    peer.expect_silence().await;
    tell(&server, "Röom 1", "heard").await;
    assert_eq!(peer.heard("told").await, json!(["heard"]));
}

#[apply(both_encodings)]
async fn a_group_lives_from_its_first_member_to_its_last() {
    let server = HubServer::new(Rooms);
    let (mut one, _) = member(&server).await;
    let (mut two, _) = member(&server).await;
    one.invoke("join", json!(["a"])).await;
    one.invoke("join", json!(["b"])).await;
    two.invoke("join", json!(["b"])).await;
    assert_eq!(server.group_count(), 2);
    one.leave().await;
    assert_eq!(server.group_count(), 1);
    tell(&server, "b", "still here").await;
    assert_eq!(two.heard("told").await, json!(["still here"]));
    two.invoke("leave", json!(["b"])).await;
    assert_eq!(server.group_count(), 0);
}

#[apply(both_encodings)]
async fn a_client_that_comes_back_is_in_no_group() {
    let server = HubServer::new(Rooms);
    let (mut peer, first) = member(&server).await;
    peer.invoke("join", json!(["room"])).await;
    peer.leave().await;
    let (mut peer, second) = member(&server).await;
    assert_ne!(first, second);
    tell(&server, "room", "never").await;
    peer.expect_silence().await;
}

#[apply(both_encodings)]
async fn a_connection_that_is_added_while_it_ends_leaves_no_member_behind() {
    struct Late;
    #[hub]
    impl Late {
        async fn on_disconnected(&self, cx: &Context<Self>, _: Option<&Error>) {
            cx.join("in on_disconnected").await.expect("harmless");
            let cx = cx.clone();
            tokio::spawn(async move {
                for _ in 0..100 {
                    cx.join("afterwards").await.expect("harmless");
                    tokio::task::yield_now().await;
                }
            });
        }
    }
    let server = HubServer::new(Late);
    for _ in 0..20 {
        Peer::connect(&server).await.leave().await;
    }
    crate::support::settle().await;
    assert_eq!((server.group_count(), server.connection_count()), (0, 0));
}

#[apply(both_encodings)]
async fn a_connection_may_be_in_a_thousand_groups() {
    let server = HubServer::new(Rooms);
    let (mut peer, id) = member(&server).await;
    let groups = server.context().groups().clone();
    for number in 0..1_000 {
        groups
            .add(&id, format!("group {number}"))
            .await
            .expect("added");
    }
    assert_eq!(server.group_count(), 1_000);
    let names = (0..1_000).map(|number| format!("group {number}"));
    let all = server.context().clients().groups(names);
    all.send("told", ("x",)).await.expect("sent");
    for _ in 0..1_000 {
        peer.heard("told").await;
    }
    peer.leave().await;
    assert_eq!(server.group_count(), 0);
}

#[apply(both_encodings)]
async fn two_thousand_connections_that_come_and_go_leave_nothing() {
    let server = HubServer::new(Rooms);
    let (mut stays, _) = member(&server).await;
    stays.invoke("join", json!(["common"])).await;
    for number in 0..2_000 {
        let (mut peer, _) = member(&server).await;
        peer.tell("join", json!(["common"])).await;
        peer.tell("join", json!([format!("only {number}")])).await;
        if number % 2 == 0 {
            peer.expect_silence().await;
            assert_eq!(server.group_count(), 2);
        }
        peer.leave().await;
    }
    assert_eq!((server.group_count(), server.connection_count()), (1, 1));
    tell(&server, "common", "who is there").await;
    assert_eq!(stays.heard("told").await, json!(["who is there"]));
    stays.leave().await;
    assert_eq!((server.group_count(), server.connection_count()), (0, 0));
}
