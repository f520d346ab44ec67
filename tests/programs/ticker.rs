//! `client_ticker` with the example `streaming`.

use futures_util::StreamExt;
use signalr::HubConnection;
use tokio::time::timeout;

use crate::process::{PATIENCE, Program, Server, tells_that_nobody_is_there};

#[derive(serde::Deserialize)]
struct Quote {
    watching: usize,
}

#[tokio::test]
async fn the_ticker_watches_a_price_lets_it_go_and_uploads() {
    let server = Server::start("streaming").await;
    let url = format!("http://{}/hub", server.address);
    let connection = HubConnection::builder(&url).connect().await;
    let connection = connection.expect("connected");
    let quotes = connection.stream::<Quote>("prices", ("CRAB",)).await;
    let mut watching = quotes
        .expect("a stream")
        .map(|quote| quote.expect("a quote").watching);

    assert_eq!(watching.next().await, Some(1));
    let mut ticker = Program::start("client_ticker", &[&url]);
    ticker.says("Symbols: CRAB, OAK, RUST, TEA").await;
    for _ in 0..8 {
        let line = ticker.line().await.expect("a price");
        let price = line
            .strip_prefix("CRAB ")
            .and_then(|line| line.strip_suffix(", watched by 2"));
        let price = price.unwrap_or_else(|| panic!("{line:?}"));
        assert!(price.parse::<f64>().is_ok(), "{line:?}");
    }
    // Its stream has been dropped, and that was told: there is one watcher again while the ticker is busy with something else.
    let alone = async {
        while watching.next().await != Some(2) {}
        while watching.next().await != Some(1) {}
    };
    timeout(PATIENCE, alone).await.expect("it lets go");
    assert!(ticker.is_running());

    ticker.comes_to("3000000 of 3000000 bytes").await;
    ticker
        .says("All have arrived, and are the same there: 66a0ff3b")
        .await;
    assert_eq!(ticker.line().await, None);
    assert!(ticker.end().await);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_with_the_reason() {
    tells_that_nobody_is_there("client_ticker", "http://127.0.0.1:1/hub", &[]).await;
}
