//! Which transport is taken, and what happens when one does not start.

use signalr::{Error, HttpTransportType, HubConnectionBuilder, HubProtocol};

use crate::stand::{EVENTS, POLLS, SOCKETS, Seen, Stand, in_time, json, offering, status};

/// Offers these; nothing starts, each with a status of its own.
async fn broken(offers: &'static [&'static str]) -> Stand {
    Stand::new(move |seen: Seen| {
        std::future::ready(match &seen {
            seen if seen.is_negotiation() => offering(offers),
            seen if seen.is_socket() => status(501),
            seen if seen.is_stream() => status(502),
            _ => status(503),
        })
    })
    .await
}

async fn failure(builder: HubConnectionBuilder) -> Error {
    in_time(builder.connect()).await.expect_err("nothing works")
}

/// What was asked for, shortened.
fn kinds(stand: &Stand) -> Vec<&'static str> {
    let kind = |seen: &Seen| match seen {
        seen if seen.is_negotiation() => "negotiate",
        seen if seen.is_socket() => "socket",
        seen if seen.is_stream() => "events",
        _ => "poll",
    };
    stand.seen().iter().map(kind).collect()
}

const NONE: &str = "Unable to connect to the server with any of the available transports.";

#[tokio::test]
async fn each_failure_to_start_leads_to_a_new_negotiation_and_the_next_transport() {
    let stand = broken(&[SOCKETS, EVENTS, POLLS]).await;
    let error = failure(stand.client()).await;
    let url = stand.url();
    assert_eq!(
        error.to_string(),
        format!(
            "{NONE} (WebSockets failed: the WebSocket at {url} was answered with the status 501) \
             (ServerSentEvents failed: the event stream at {url} was answered with the status 502) \
             (LongPolling failed: a poll at {url} was answered with the status 503)"
        )
    );
    assert!(error.is_connect() && !error.is_unauthorized());
    let order = [
        "negotiate",
        "socket",
        "negotiate",
        "events",
        "negotiate",
        "poll",
    ];
    assert_eq!(kinds(&stand), order);
}

#[tokio::test]
async fn the_order_is_the_servers() {
    let stand = broken(&[POLLS, SOCKETS]).await;
    let wanted = [
        HttpTransportType::WebSockets,
        HttpTransportType::LongPolling,
    ];
    failure(stand.client().transports(wanted)).await;
    assert_eq!(kinds(&stand), ["negotiate", "poll", "negotiate", "socket"]);
}

#[tokio::test]
async fn what_is_disabled_unknown_or_unfit_is_skipped_without_a_negotiation() {
    const CARRIER: &str = r#"{"transport":"Pigeons","transferFormats":["Text"]}"#;
    const TEXTS: &str = r#"{"transport":"LongPolling","transferFormats":["Text","Odd"]}"#;
    let stand = broken(&[CARRIER, SOCKETS, EVENTS, TEXTS]).await;
    let wanted = [
        HttpTransportType::ServerSentEvents,
        HttpTransportType::LongPolling,
    ];
    let builder = stand.client().transports(wanted);
    let error = failure(builder.protocol(HubProtocol::MessagePack)).await;
    assert_eq!(
        error.to_string(),
        format!(
            "{NONE} (Pigeons failed: The transport is not supported by the client.) \
             (WebSockets failed: The transport is disabled by the client.) \
             (ServerSentEvents failed: The transport does not support the 'Binary' transfer format.) \
             (LongPolling failed: The transport does not support the 'Binary' transfer format.)"
        )
    );
    assert_eq!(kinds(&stand), ["negotiate"]);
}

#[tokio::test]
async fn names_that_servers_make_up_are_shown_short_and_in_one_line() {
    let stand = Stand::new(|_| {
        let name = format!("a\\n{}", "b".repeat(1_000));
        let offer = format!(r#"{{"transport":"{name}","transferFormats":[]}}"#);
        std::future::ready(offering(&[&offer]))
    })
    .await;
    let error = failure(stand.client()).await;
    let name = format!("a\\n{}", "b".repeat(62));
    let text = "failed: The transport is not supported by the client.";
    assert_eq!(error.to_string(), format!("{NONE} ({name} {text})"));
}

#[tokio::test]
async fn message_pack_takes_no_events_even_if_they_claim_to_carry_it() {
    const LIE: &str = r#"{"transport":"ServerSentEvents","transferFormats":["Text","Binary"]}"#;
    let stand = broken(&[LIE]).await;
    failure(stand.client().protocol(HubProtocol::MessagePack)).await;
    assert_eq!(kinds(&stand), ["negotiate"]);
}

#[tokio::test]
async fn a_transport_is_tried_once_however_often_it_is_offered() {
    let stand = broken(&[SOCKETS, SOCKETS, SOCKETS, POLLS, SOCKETS, POLLS]).await;
    failure(stand.client()).await;
    assert_eq!(kinds(&stand), ["negotiate", "socket", "negotiate", "poll"]);
}

#[tokio::test]
async fn a_negotiation_that_fails_later_counts_for_its_transport() {
    let stand = Stand::new({
        let times = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        move |seen: Seen| {
            let first = seen.is_negotiation()
                && times.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
            std::future::ready(match first {
                true => offering(&[SOCKETS, EVENTS, POLLS]),
                false if seen.is_negotiation() => json(r#"{"error":"no more"}"#),
                false => status(401),
            })
        }
    })
    .await;
    let error = failure(stand.client()).await;
    let url = stand.url();
    assert_eq!(
        error.to_string(),
        format!(
            "{NONE} (WebSockets failed: the WebSocket at {url} was answered with the status 401) \
             (ServerSentEvents failed: no more) (LongPolling failed: no more)"
        )
    );
    // Whoever tries again learns that other credentials are wanted.
    assert!(error.is_unauthorized());
    assert_eq!(
        kinds(&stand),
        ["negotiate", "socket", "negotiate", "negotiate"]
    );
}
