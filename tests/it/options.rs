//! Options that contradict the rules are refused by name.

use std::time::Duration;

use signalr::{HubServer, HubServerBuilder, hub};

struct Plain;

#[hub]
impl Plain {}

fn refused(change: impl FnOnce(HubServerBuilder<Plain>) -> HubServerBuilder<Plain>) -> String {
    let error = change(HubServer::builder(Plain)).build();
    let error = error.expect_err("it contradicts the rules");
    assert!(error.is_invalid_option());
    error.to_string()
}

#[tokio::test]
async fn every_option_is_checked() {
    let longer = "must be longer than zero";
    let least = "must be at least 1, but is 0";
    let zero = Duration::ZERO;
    for (text, option, rule) in [
        (
            refused(|server| server.keep_alive(zero)),
            "keep_alive",
            longer,
        ),
        (
            refused(|server| server.client_timeout(zero)),
            "client_timeout",
            longer,
        ),
        (
            refused(|server| server.handshake_timeout(zero)),
            "handshake_timeout",
            longer,
        ),
        (
            refused(|server| server.send_timeout(zero)),
            "send_timeout",
            longer,
        ),
        (
            refused(|server| server.close_timeout(zero)),
            "close_timeout",
            longer,
        ),
        (
            refused(|server| server.max_receive_size(0)),
            "max_receive_size",
            least,
        ),
        (
            refused(|server| server.send_queue_limit(0)),
            "send_queue_limit",
            least,
        ),
        (
            refused(|server| server.parallel_invocations(0)),
            "parallel_invocations",
            least,
        ),
        (
            refused(|server| server.max_streams(0)),
            "max_streams",
            least,
        ),
        (
            refused(|server| server.max_uploads(0)),
            "max_uploads",
            least,
        ),
        (
            refused(|server| server.upload_buffer(0)),
            "upload_buffer",
            least,
        ),
        (
            refused(|server| server.max_negotiations(0)),
            "max_negotiations",
            least,
        ),
        (
            refused(|server| server.disconnect_timeout(zero)),
            "disconnect_timeout",
            longer,
        ),
        (
            refused(|server| server.poll_timeout(zero)),
            "poll_timeout",
            longer,
        ),
        (
            refused(|server| server.receive_queue_limit(0)),
            "receive_queue_limit",
            least,
        ),
        (
            refused(|server| server.max_body_size(0)),
            "max_body_size",
            least,
        ),
    ] {
        assert_eq!(text, format!("option `{option}` {rule}"));
    }
}

#[tokio::test]
async fn time_outs_that_contradict_each_other_are_refused() {
    assert_eq!(
        refused(|server| server.keep_alive(Duration::from_secs(40))),
        "option `client_timeout` must be longer than `keep_alive` (40s), but is 30s"
    );
}
