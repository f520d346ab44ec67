//! Spans under ASP.NET Core's names (server reference, section 18.2), with the field names that OpenTelemetry layers know.

use tracing::{Span, field::Empty};

use crate::protocol::Headers;

/// The span of one hub call; for a stream it lasts until the stream ends.
///
/// It is no child of the connection, which would make one endless trace of all calls, but follows from it. What the caller says of its
/// own trace is recorded as it came, for layers that can continue it.
pub(super) fn invocation(hub: &'static str, method: &'static str, headers: &Headers<'_>) -> Span {
    let span = tracing::info_span!(
        parent: None,
        "Microsoft.AspNetCore.SignalR.Server.InvocationIn",
        otel.name = Empty,
        otel.kind = "server",
        otel.status_code = Empty,
        rpc.system = "signalr",
        rpc.service = hub,
        rpc.method = method,
        error.type = Empty,
        traceparent = Empty,
        tracestate = Empty,
        baggage = Empty,
    );
    if !span.is_disabled() {
        span.record(
            "otel.name",
            tracing::field::display(format_args!("{hub}/{method}")),
        );
        span.follows_from(Span::current());
        for (key, value) in &headers.0 {
            if matches!(&**key, "traceparent" | "tracestate" | "baggage") {
                span.record(&**key, &**value);
            }
        }
    }
    span
}

/// The span of `on_connected`.
pub(super) fn connected(hub: &'static str) -> Span {
    tracing::info_span!(
        "Microsoft.AspNetCore.SignalR.Server.OnConnected",
        otel.name = %format_args!("{hub}/OnConnectedAsync"),
        otel.kind = "internal",
        otel.status_code = Empty,
        rpc.system = "signalr",
        rpc.service = hub,
        rpc.method = "OnConnectedAsync",
        error.type = Empty,
    )
}

/// The span of `on_disconnected`.
pub(super) fn disconnected(hub: &'static str) -> Span {
    tracing::info_span!(
        "Microsoft.AspNetCore.SignalR.Server.OnDisconnected",
        otel.name = %format_args!("{hub}/OnDisconnectedAsync"),
        otel.kind = "internal",
        otel.status_code = Empty,
        rpc.system = "signalr",
        rpc.service = hub,
        rpc.method = "OnDisconnectedAsync",
        error.type = Empty,
    )
}
