//! Who may connect, as whom and for how long (transports reference, section 11).

use std::time::{Duration, SystemTime};

use http::{Request, request::Parts};
use serde_json::json;
use signalr::{
    ConnectionServer, Context, Denied, HubError, HubServer, HubServerBuilder, Identity,
    RawConnection, access_token, hub, receiver,
};
use tower_service::Service;

use crate::{
    raw::target_of,
    support::{
        posts::{Client, ask},
        since, soon, wait,
        web::{UPGRADE, Wire, ask as ask_at, serve},
    },
};

#[receiver]
trait Ears {
    async fn heard(&self, text: &str);
}

struct Club;

#[hub(client = Ears)]
impl Club {
    pub fn who(&self, cx: &Context<Self>) -> Option<String> {
        cx.user_id().map(str::to_owned)
    }

    pub async fn tell(&self, cx: &Context<Self>, user: &str) -> Result<(), HubError> {
        Ok(cx.clients().user(user).heard("psst").await?)
    }
}

/// A token is the user's name; there is a blacklist, and a trap.
fn by_token(request: &Parts) -> Result<Identity, Denied> {
    match access_token(request).as_deref() {
        None => Err(Denied::Unauthorized),
        Some("mallory") => Err(Denied::Forbidden),
        Some("trap") => panic!("an application's mistake"),
        Some(user) => Ok(Identity::user(user)),
    }
}

fn club() -> HubServerBuilder<Club> {
    HubServer::builder(Club).authorize(by_token)
}

#[tokio::test]
async fn whoever_is_denied_gets_no_connection_at_any_endpoint() {
    let server = club()
        .allow_origins(["https://a.example"])
        .build()
        .expect("valid");
    let negotiated = ask(
        &server,
        "POST",
        "/negotiate?negotiateVersion=1&access_token=ann",
        &[],
        String::new(),
    )
    .await;
    assert_eq!(negotiated.status, 200);
    let json: serde_json::Value = serde_json::from_str(&negotiated.body).expect("JSON");
    let token = json["connectionToken"]
        .as_str()
        .expect("a token")
        .to_owned();
    let before = server.negotiation_count();
    for (credentials, status) in [
        ("", 401),
        ("&access_token=mallory", 403),
        ("&access_token=trap", 500),
    ] {
        let events = ("accept", "text/event-stream");
        let socket = [
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        for (method, path, more) in [
            ("POST", "/negotiate?x".to_owned(), &[][..]),
            ("GET", format!("/?id={token}"), &[]),
            ("GET", format!("/?id={token}"), &[events]),
            ("GET", format!("/?id={token}"), &socket),
            ("GET", "/?x".to_owned(), &socket),
            ("POST", format!("/?id={token}"), &[]),
            ("DELETE", format!("/?id={token}"), &[]),
            // Before anything is known of the connection.
            ("GET", "/?id=unknown".to_owned(), &[]),
        ] {
            let target = format!("{path}{credentials}");
            let headers = [&[("origin", "https://a.example")], more].concat();
            let answer = ask(&server, method, &target, &headers, String::new()).await;
            answer.expect_text(status, "");
            let readable = answer.header("access-control-allow-origin");
            assert_eq!(readable, Some("https://a.example"), "the page may read why");
        }
    }
    assert_eq!(server.negotiation_count(), before);
    assert_eq!(server.connection_count(), 0);
    // The connection is there for whom it was made.
    let target = format!("/?id={token}&access_token=ann");
    let poll = ask(&server, "GET", &target, &[], String::new()).await;
    assert_eq!(poll.status, 200);
}

#[tokio::test]
async fn browsers_ask_in_advance_without_credentials() {
    let server = club()
        .allow_origins(["https://a.example"])
        .build()
        .expect("valid");
    let headers = [
        ("origin", "https://a.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization"),
    ];
    let answer = ask(&server, "OPTIONS", "/negotiate", &headers, String::new()).await;
    assert_eq!(answer.status, 204);
    // A page that may not use the hub is not asked for its name.
    let headers = [
        ("origin", "https://b.example"),
        ("authorization", "Bearer ann"),
    ];
    let answer = ask(&server, "POST", "/negotiate", &headers, String::new()).await;
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn a_websocket_says_who_it_is_in_its_header_or_in_its_query() {
    let addr = serve(&club().build().expect("valid")).await;
    for (target, headers) in [
        ("/hub?access_token=ann", String::new()),
        ("/hub", "Authorization: Bearer ann\r\n".to_owned()),
    ] {
        let refused = ask_at(addr, "GET", "/hub", UPGRADE).await;
        assert_eq!(refused.status, 401);
        let (mut wire, answer) = Wire::upgrade(addr, target, &headers).await;
        assert_eq!(answer.status, 101);
        wire.frame(crate::support::web::TEXT, crate::support::web::HANDSHAKE)
            .await;
        wire.next().await.expect("the handshake's answer");
        assert_eq!(wire.invoke("who", json!([])).await, "ann");
        wire.tell(r#"{"type":1,"target":"tell","arguments":["ann"]}"#)
            .await;
        let heard = wire.messages().await;
        assert_eq!(heard[0]["target"], "heard", "{heard:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn middleware_can_say_who_it_is_and_the_first_poll_counts() {
    let server = HubServer::new(Club);
    let client = Client::negotiate(&server).await;
    let poll = |user: &'static str| {
        let mut server = server.clone();
        let request = Request::get(client.target()).extension(Identity::user(user));
        async move {
            let request = request.body(String::new()).expect("a request");
            let answer = server
                .call(request)
                .await
                .unwrap_or_else(|never| match never {});
            assert_eq!(answer.status(), 200);
        }
    };
    poll("ann").await;
    client.shake_hands().await;
    // Logged, and without consequence: the name of a connection never changes.
    poll("ben").await;
    client.call("1", "who", json!([])).await;
    // What the second poll did not take away, the answer of the handshake, comes first.
    assert_eq!(client.poll().await.messages(), [json!({})]);
    let answer = client.poll().await.messages();
    assert_eq!(answer[0]["result"], "ann");
}

#[tokio::test(start_paused = true)]
async fn without_an_identity_nobody_is_a_user() {
    let server = HubServer::new(Club);
    let (client, mut events) = Client::listening(&server).await;
    client.call("1", "who", json!([])).await;
    assert_eq!(events.result().await, json!(null));
    assert_eq!(Identity::anonymous().user_id(), None);
}

fn for_ten_seconds(_: &Parts) -> Result<Identity, Denied> {
    Ok(Identity::user("ann").expires(SystemTime::now() + Duration::from_secs(10)))
}

#[tokio::test(start_paused = true)]
async fn an_expired_identity_ends_its_connection_so_that_it_comes_back() {
    let server = HubServer::builder(Club)
        .authorize(for_ten_seconds)
        .close_on_expiration(true)
        .build()
        .expect("valid");
    let start = tokio::time::Instant::now();
    let (_client, mut events) = Client::listening(&server).await;
    let close = events.text().await;
    assert_eq!(
        close.as_deref(),
        Some(r#"{"type":7,"allowReconnect":true}"#)
    );
    assert!((9_000..11_500).contains(&since(start)), "{}", since(start));
    assert_eq!(events.text().await, None);
    soon(server.closed()).await;
}

#[tokio::test(start_paused = true)]
async fn expiration_alone_ends_nothing() {
    let server = HubServer::builder(Club)
        .authorize(for_ten_seconds)
        .build()
        .expect("valid");
    let (client, mut events) = Client::listening(&server).await;
    wait(20_000).await;
    client.call("1", "who", json!([])).await;
    assert_eq!(events.result().await, "ann");
}

#[tokio::test(start_paused = true)]
async fn each_poll_renews_the_identity() {
    let server = HubServer::builder(Club)
        .authorize(for_ten_seconds)
        .close_on_expiration(true)
        .build()
        .expect("valid");
    let mut polling = Client::polling(&server).await;
    for _ in 0..10 {
        wait(6_000).await;
        assert_eq!(polling.invoke("who", json!([])).await, "ann");
    }
    // A poll that waits brings the end.
    let start = tokio::time::Instant::now();
    assert_eq!(
        polling.json().await,
        json!({"type": 7, "allowReconnect": true})
    );
    assert!((9_000..11_500).contains(&since(start)), "{}", since(start));
}

#[tokio::test(start_paused = true)]
async fn raw_connections_end_with_their_identity_too() {
    let server = ConnectionServer::builder(async |mut connection: RawConnection| {
        assert_eq!(connection.recv().await?, None);
        connection.send("expired").await
    })
    .authorize(for_ten_seconds)
    .close_on_expiration(true)
    .build()
    .expect("valid");
    let target = target_of(&server).await;
    let poll = || soon(ask(&server, "GET", &target, &[], String::new()));
    assert_eq!(poll().await.body, "");
    assert_eq!(poll().await.body, "expired");
    assert_eq!(poll().await.status, 204);
}
