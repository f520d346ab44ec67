//! What cannot be had, and what the client says to it.

use std::time::Duration;

use serde_json::{Value, json};
use signalr::{Error, HubConnection, HubConnectionBuilder, HubProtocol};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::mpsc::unbounded_channel,
};

use crate::{
    Outcome,
    world::{World, told},
};

fn failure<T>(result: Result<T, Error>) -> Value {
    result
        .err()
        .map_or(Value::Null, |error| json!(told(&error)))
}

pub async fn refusals(world: World) -> Outcome {
    let (sender, mut closed) = unbounded_channel();
    let on_closed = move |error: Option<Error>| {
        let _ = sender.send(error.map(|error| told(&error)));
        async {}
    };
    let refused = world.builder("refuse?why=public").on_closed(on_closed);
    let refused = refused.connect().await?;
    let nobody = HubConnection::builder("http://127.0.0.1:1024/hub").connect();
    Ok(json!({
        "refused": closed.recv().await,
        "state": format!("{:?}", refused.state()),
        "nobody": failure(nobody.await),
        "missing": failure(world.builder("no/hub/here").connect().await),
    }))
}

/// Whom the server takes us for, or why we do not get in.
pub async fn one_attempt(world: World) -> Outcome {
    let builder = world
        .builder("moved")
        .request_timeout(Duration::from_secs(2));
    let connection = match builder.connect().await {
        Ok(connection) => connection,
        Err(error) => return Ok(json!(told(&error))),
    };
    let caller: Value = connection.invoke("whoAmI", ()).await?;
    Ok(caller["userId"].clone())
}

pub fn options() -> Outcome {
    let build = |url: &str| HubConnection::builder(url);
    Ok(json!([
        failure(build("ftp://h/hub?key=1").build()),
        failure(build("http://ann:secret@h/hub").build()),
        failure(build("").build()),
        failure(build("/hub").request_timeout(Duration::ZERO).build()),
        failure(
            build("/hub")
                .authentication_refresh_before(Duration::ZERO)
                .build()
        ),
        failure(build("/hub").receive_queue_limit(0).build()),
        failure(build("/hub").receive_queue_limit(None).build()),
    ]))
}

/// What a page cannot have: a method of the builder itself would be called in place of these, and would not fit.
trait Elsewhere {
    fn transports(&self) {}
    fn header(&self) {}
    fn proxy(&self) {}
    fn no_proxy(&self) {}
    fn tls(&self) {}
}

impl Elsewhere for HubConnectionBuilder {}

pub fn absent() -> Outcome {
    let builder = HubConnection::builder("/hub");
    builder.transports();
    builder.header();
    builder.proxy();
    builder.no_proxy();
    builder.tls();
    Ok(Value::Null)
}

/// Whatever a page can make a stream of bytes, such as a port to another window.
pub async fn byte_streams() -> Outcome {
    let open = || async {
        let (near, far) = duplex(1_000);
        wasm_bindgen_futures::spawn_local(async move { play_server(far).await.unwrap_or(()) });
        Ok(near)
    };
    let connection = HubConnection::over(open)
        .protocol(HubProtocol::Json)
        .connect()
        .await?;
    let sum: i64 = connection.invoke("add", (1, 2)).await?;
    Ok(json!(sum))
}

async fn play_server(mut stream: DuplexStream) -> std::io::Result<()> {
    let mut read = Vec::new();
    while !read.ends_with(b"\x1e") {
        stream.read_buf(&mut read).await?;
    }
    stream.write_all(b"{}\x1e").await?;
    while !read.windows(5).any(|bytes| bytes == b"\"add\"") {
        stream.read_buf(&mut read).await?;
    }
    let answer = b"{\"type\":3,\"invocationId\":\"1\",\"result\":3}\x1e";
    stream.write_all(answer).await?;
    // Until the client has enough.
    while stream.read_buf(&mut read).await? > 0 {}
    Ok(())
}
