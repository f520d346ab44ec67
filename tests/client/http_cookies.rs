//! Headers of every request, and the cookies that a server sets.

use std::{future::ready, sync::Arc, sync::Mutex};

use http::Response;
use signalr::{HttpTransportType, HubConnection, HubServer, Identity};

use crate::{
    http_suite::serve,
    stand::{Act, EVENTS, POLLS, SOCKETS, Seen, Stand, in_time, offering, status, whole},
    support::Desk,
};

#[tokio::test]
async fn every_request_has_the_users_headers_and_ours() {
    for transport in HttpTransportType::ALL {
        let seen = Arc::<Mutex<Vec<(String, http::HeaderMap)>>>::default();
        let log = Arc::clone(&seen);
        let server = HubServer::builder(Desk::default()).authorize(move |request| {
            let line = format!("{} {}", request.method, request.uri);
            let headers = request.headers.clone();
            log.lock().expect("not poisoned").push((line, headers));
            Ok(Identity::anonymous())
        });
        let url = serve(&server.build().expect("valid")).await;
        let connection = HubConnection::builder(url)
            .transports([*transport])
            .header("X-Tenant", "red")
            .header("x-tenant", "blue")
            .header("Authorization", "Basic abc")
            .connect()
            .await
            .expect("connected");
        connection
            .invoke::<()>("note", ("a",))
            .await
            .expect("noted");
        in_time(connection.stop()).await;
        let seen = seen.lock().expect("not poisoned").clone();
        let methods: Vec<_> = seen.iter().map(|(line, _)| &line[..3]).collect();
        let expected: &[&str] = match transport {
            HttpTransportType::WebSockets => &["POS", "GET"],
            HttpTransportType::ServerSentEvents => &["POS", "GET", "POS"],
            _ => &["POS", "GET", "POS", "DEL"],
        };
        for method in expected {
            assert!(methods.contains(method), "{transport}: {methods:?}");
        }
        for (line, headers) in seen {
            let header = |name: &str| {
                headers
                    .get(name)
                    .map(|value| value.to_str().expect("a text"))
            };
            assert_eq!(header("x-tenant"), Some("blue"), "{line}");
            assert_eq!(header("authorization"), Some("Basic abc"), "{line}");
            assert_eq!(header("x-requested-with"), Some("XMLHttpRequest"), "{line}");
            let agent = header("user-agent").expect("a product");
            assert!(agent.starts_with("signalr-rust/"), "{line}: {agent}");
            // The URL's query goes with each of them.
            assert!(line.contains("key=value"), "{line}");
        }
    }
}

#[tokio::test]
async fn the_product_can_be_replaced_and_removed() {
    for (value, sent) in [("mine/1", Some("mine/1")), ("", None)] {
        for offer in [SOCKETS, EVENTS, POLLS] {
            let stand = Stand::new(move |seen: Seen| {
                ready(match seen.is_negotiation() {
                    true => offering(&[offer]),
                    false => status(404),
                })
            })
            .await;
            let builder = stand.client().header("User-Agent", value);
            in_time(builder.connect()).await.expect_err("nothing there");
            let agents: Vec<_> = stand
                .seen()
                .iter()
                .map(|seen| seen.header("user-agent").map(str::to_owned))
                .collect();
            assert_eq!(agents, vec![sent.map(str::to_owned); 2], "{offer}");
        }
    }
}

/// Sets cookies with negotiation and with the first answer of a transport, and refuses what follows.
async fn setting(offer: &'static str) -> Stand {
    Stand::new(move |seen: Seen| {
        ready(match seen.is_negotiation() {
            true => {
                let Act::Answer(mut response) = offering(&[offer]) else {
                    unreachable!("it answers");
                };
                let headers = response.headers_mut();
                for cookie in [
                    "affinity=node7; Path=/; HttpOnly; SameSite=Lax",
                    "here=1",
                    "secure=1; Secure",
                    "elsewhere=1; Path=/other",
                    "gone=1; Path=/",
                    "gone=; Path=/; Max-Age=0",
                    "else=1; Domain=example.com",
                ] {
                    headers.append("set-cookie", cookie.parse().expect("a header"));
                }
                Act::Answer(response)
            }
            false => {
                let response = Response::builder().status(404);
                let response = response.header("set-cookie", "late=1; Path=/");
                Act::Answer(response.body(whole("")).expect("valid"))
            }
        })
    })
    .await
}

#[tokio::test]
async fn cookies_of_the_negotiation_are_sent_with_all_that_follows() {
    for offer in [SOCKETS, EVENTS, POLLS] {
        let stand = setting(offer).await;
        let connection = stand
            .client()
            .header("Cookie", "own=1")
            .build()
            .expect("valid");
        in_time(connection.start())
            .await
            .expect_err("nothing there");
        in_time(connection.start())
            .await
            .expect_err("nothing there");
        let cookies: Vec<_> = stand
            .seen()
            .iter()
            .map(|seen| seen.header("cookie").expect("some").to_owned())
            .collect();
        assert_eq!(cookies[0], "own=1");
        assert_eq!(cookies[1], "own=1; here=1; affinity=node7", "{offer}");
        // They belong to the connection, which starts again with them.
        assert_eq!(
            cookies[2], "own=1; here=1; affinity=node7; late=1",
            "{offer}"
        );
    }
}
