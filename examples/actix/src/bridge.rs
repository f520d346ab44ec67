//! From actix-web to hyper, which a hub understands: each request gets a pipe in memory with an HTTP server at its other end.
//!
//! What is spoken in the pipe is HTTP/1.1, so that is what the hub sees, whatever the client speaks.

use actix_web::error::ErrorBadGateway;
use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, rt, web};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use http_body_util::{BodyExt, Either, Empty, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::TokioIo;
use signalr::{LocalAddr, Mount, PeerAddr};
use tokio::io::{AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio_util::io::ReaderStream;
use tower_service::Service;

/// Answers whatever the hub's clients ask: negotiation, polls, sends, event streams, WebSockets.
pub async fn hub(
    request: HttpRequest,
    payload: web::Payload,
    hub: web::Data<Mount>,
) -> actix_web::Result<HttpResponse> {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let ends = Ends {
        peer: request.peer_addr().map(PeerAddr),
        local: LocalAddr(request.app_config().local_addr()),
    };
    serve(Mount::clone(&hub), ends, far);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(near))
        .await
        .map_err(ErrorBadGateway)?;
    rt::spawn(connection.with_upgrades());

    let mut forwarded = http::Request::builder()
        .method(request.method().as_str())
        .uri(request.uri().to_string());
    for (name, value) in request.headers() {
        forwarded = forwarded.header(name.as_str(), value.as_bytes());
    }
    if wants_websocket(&request) {
        let forwarded = forwarded.body(Either::Left(Empty::<Bytes>::new()));
        let answer = sender.send_request(forwarded.map_err(ErrorBadGateway)?);
        return respond(answer.await.map_err(ErrorBadGateway)?, Some(payload)).await;
    }
    let pieces = payload.map_ok(Frame::data).map_err(std::io::Error::other);
    let forwarded = forwarded.body(Either::Right(StreamBody::new(pieces)));
    let answer = sender.send_request(forwarded.map_err(ErrorBadGateway)?);
    respond(answer.await.map_err(ErrorBadGateway)?, None).await
}

/// Whether what follows the request is a WebSocket's and no body. Other upgrades may be asked for with any request, and are ignored.
fn wants_websocket(request: &HttpRequest) -> bool {
    let protocols = request.headers().get_all(header::UPGRADE);
    let mut protocols = protocols
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','));
    request.method() == Method::GET
        && protocols.any(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"))
}

/// Both ends of the client's socket, which the hub sees as `cx.peer_addr()` and `cx.local_addr()`.
#[derive(Clone, Copy)]
struct Ends {
    peer: Option<PeerAddr>,
    local: LocalAddr,
}

/// Speaks HTTP for the hub at one end of a pipe.
fn serve(hub: Mount, ends: Ends, far: DuplexStream) {
    let service = hyper::service::service_fn(move |mut request: http::Request<_>| {
        let extensions = request.extensions_mut();
        if let Some(peer) = ends.peer {
            extensions.insert(peer);
        }
        extensions.insert(ends.local);
        hub.clone().call(request)
    });
    let http = hyper::server::conn::http1::Builder::new();
    rt::spawn(
        http.serve_connection(TokioIo::new(far), service)
            .with_upgrades(),
    );
}

/// The same response for actix-web.
async fn respond(
    response: http::Response<hyper::body::Incoming>,
    socket: Option<web::Payload>,
) -> actix_web::Result<HttpResponse> {
    let status = StatusCode::from_u16(response.status().as_u16()).map_err(ErrorBadGateway)?;
    let mut answer = HttpResponse::build(status);
    for (name, value) in response.headers() {
        // Lengths and ends of bodies are actix-web's own business.
        if !matches!(
            name.as_str(),
            "connection" | "content-length" | "transfer-encoding"
        ) {
            answer.append_header((name.as_str(), value.as_bytes()));
        }
    }
    if let (StatusCode::SWITCHING_PROTOCOLS, Some(payload)) = (status, socket) {
        let upgraded = hyper::upgrade::on(response).await;
        let upgraded = TokioIo::new(upgraded.map_err(ErrorBadGateway)?);
        let (read, write) = tokio::io::split(upgraded);
        rt::spawn(copy(payload, write));
        return Ok(answer
            .upgrade("websocket")
            .streaming(ReaderStream::new(read)));
    }
    let length_is_known = response.headers().contains_key("content-length");
    let body = response.into_body();
    if length_is_known {
        let body = body.collect().await.map_err(ErrorBadGateway)?;
        return Ok(answer.body(body.to_bytes()));
    }
    Ok(answer.streaming(body.into_data_stream()))
}

/// What the client sends on its WebSocket, byte for byte.
async fn copy(mut payload: web::Payload, mut write: impl AsyncWrite + Unpin) {
    while let Some(Ok(piece)) = payload.next().await {
        if write.write_all(&piece).await.is_err() {
            return;
        }
    }
    write.shutdown().await.ok();
}
