//! What errors say of addresses and of a server's words: no secrets, and no more than a few lines.

use signalr::{Error, HubConnection};

use crate::stand::{Act, Seen, Stand, answer, chain, in_time, json};

/// Why a start fails with a server that answers every request so.
async fn failure(act: impl Fn(&Seen) -> Act + Clone + Send + Sync + 'static) -> Error {
    let stand = Stand::new(move |seen| std::future::ready(act(&seen))).await;
    in_time(stand.client().connect()).await.expect_err("a lie")
}

#[tokio::test]
async fn no_error_shows_a_part_of_a_password() {
    let mut errors = Vec::new();
    for password in ["S3#cret", "S3?cret", "S3/cret", "S3@cret", "33#cret"] {
        for scheme in ["http", "https", "wss"] {
            let url = format!("{scheme}://ann:{password}@h:1/chat");
            let named = HubConnection::builder(&url).build();
            errors.push(named.expect_err("no address"));
            let proxied = HubConnection::builder("http://h/").proxy(&url);
            errors.push(proxied.build().expect_err("more than a proxy"));
            errors.push(failure(move |_| json(format!(r#"{{"url":"{url}"}}"#))).await);
        }
    }
    for error in errors {
        let all = format!("{} {error:?}", chain(&error));
        assert!(!all.contains("S3") && !all.contains("cret"), "{all}");
    }
}

#[test]
fn a_proxy_is_a_host_and_a_port_alone() {
    let builder = || HubConnection::builder("http://h/chat");
    for (url, rule) in [
        (
            "http://p:99999",
            "must have a port from 1 to 65535, but is `http://p:99999` with the port 99999",
        ),
        (
            "p:0",
            "must have a port from 1 to 65535, but is `p:0` with the port 0",
        ),
        (
            "http://p:abc/",
            "must have a port from 1 to 65535, but is `http://p:abc/`",
        ),
        (
            "http://ann:secret@p:123456",
            "must have a port from 1 to 65535, but is `http://…@p:123456`",
        ),
        (
            "http://ann#secret@p:3128",
            "must end with its host and port, but is `http://…`: in a password `/`, `?` and `#` are written as %2F, %3F and %23",
        ),
        (
            "http://ann:80/secret@p:3128",
            "must end with its host and port, but is `http://…@p:3128`: in a password `/`, `?` and `#` are written as %2F, %3F and %23",
        ),
        (
            "http://p:3128/?key=secret",
            "must end with its host and port, but is `http://p:3128/`: in a password `/`, `?` and `#` are written as %2F, %3F and %23",
        ),
    ] {
        assert_eq!(
            builder().proxy(url).build().expect_err("wrong").to_string(),
            format!("option `proxy` {rule}")
        );
    }
    for url in ["p:3128", "http://p", "http://ann:s%2F%3F%23%40@[::1]:1/"] {
        builder().proxy(url).build().expect("a proxy");
    }
}

#[tokio::test]
async fn a_servers_words_are_cut_and_steer_no_terminal() {
    const EVIL: &str = r"\u001b[2J\u0007\u009b1m\r\n\u202e";
    let long = |length: usize| format!("{EVIL}{}", "x".repeat(length));
    let offers = |offer: String| {
        let accepted = r#""negotiateVersion":1,"connectionId":"a","connectionToken":"b""#;
        format!(r#"{{{accepted},"availableTransports":[{offer}]}}"#)
    };
    let offer = |name: &str| format!(r#"{{"transport":"{name}","transferFormats":["Text"]}}"#);
    for body in [
        format!(r#"{{"error":"{}"}}"#, long(60_000)),
        format!(r#"{{"url":"{}"}}"#, long(60_000)),
        format!(r#"{{"url":"http://h h/{}"}}"#, long(60_000)),
        format!(r#"{{"url":"http://h:99999/{}"}}"#, "x".repeat(60_000)),
        format!(r#"{{"url":"http://127.0.0.1:1/{}"}}"#, "x".repeat(60_000)),
        offers(offer(&long(60_000))),
        offers(vec![offer("x"); 1_000].join(",")),
    ] {
        let begins: String = body.chars().take(60).collect();
        let error = failure(move |_| json(body.clone())).await;
        for text in [chain(&error), format!("{error:?}")] {
            assert!(text.len() < 1_200, "{begins}: {} bytes", text.len());
            assert!(
                !text.contains(|c: char| c.is_control() || c == '\u{202e}'),
                "{text:?}"
            );
        }
    }
    let html = format!("text/html;{}", "x".repeat(50_000));
    let error = failure(move |_| answer(200, &html, "<html>")).await;
    assert!(chain(&error).len() < 1_000, "{}", chain(&error).len());
    let error = failure(|_| json(r#"{"error":"It's \"full\"\nnow."}"#)).await;
    assert_eq!(error.to_string(), r#"It's "full"\nnow."#);
}
