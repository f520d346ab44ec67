//! ```sh
//! cargo run --release -p contract-server [ADDRESS]
//! cargo run --release -p contract-client ADDRESS add "write it down once"
//! ```

use contract_server::SharedBoard;
use signalr::HubServer;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:5002")).await?;
    println!("Listening at {}", listener.local_addr()?);
    HubServer::new(SharedBoard::default())
        .serve_tcp(listener)
        .await;
    Ok(())
}
