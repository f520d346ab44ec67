//! ```sh
//! cargo run --release -p contract-server [ADDRESS]
//! cargo run --release -p contract-client URL add "write it down once"
//! ```

use contract_server::SharedBoard;
use signalr::{HubServer, Server};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:5002");
    let board = HubServer::new(SharedBoard::default()).at("/board");
    let server = Server::new().mount(board).bind(address).await?;
    println!("http://{}/board", server.local_addr()?);
    server.run().await;
    Ok(())
}
