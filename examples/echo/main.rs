//! A raw connection: bytes both ways over any of the HTTP transports, and no hub.
//!
//! Run it with `cargo run --release --example echo` (an address may follow). A browser's console talks to it without any library:
//!
//! ```js
//! const socket = new WebSocket("ws://127.0.0.1:5000/echo");
//! socket.onmessage = (message) => console.log(message.data);
//! socket.onopen = () => socket.send("hello");
//! ```
//!
//! Where WebSockets do not get through, `HttpConnection` of `@microsoft/signalr` falls back to Server-Sent Events and long polling.
//!
//! It echoes text. To WebSockets and event streams a connection sends text unless `set_transfer_format` says otherwise, so bytes that are
//! no UTF-8 fail to be sent there: the handler ends with that error, and the connection with the close code 1011.

use signalr::{ConnectionServer, Error, RawConnection, Server};

/// Sends every text back. The connection ends when this returns.
async fn echo(mut connection: RawConnection) -> Result<(), Error> {
    while let Some(bytes) = connection.recv().await? {
        connection.send(bytes).await?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:5000".into());
    let server = Server::new()
        .mount(ConnectionServer::new(echo).at("/echo"))
        .bind(address)
        .await?;
    println!("Echo at http://{}/echo", server.local_addr()?);
    server.run().await;
    Ok(())
}
