//! Streams in both directions, from the command line: some prices of the example `streaming`, and an upload to it.
//!
//! Run `cargo run --release --example streaming` in one terminal and `cargo run --release --example client_ticker` in another. The URL
//! of the hub may follow, as in `-- http://127.0.0.1:8080/hub`.

use std::{iter, process::ExitCode, sync::Arc};

use async_stream::stream;
use futures_util::{Stream, StreamExt};
use serde::Deserialize;
use signalr::{Blob, Error, HubConnection, HubError, HubProtocol, Receiver, hub};
use tokio::sync::Semaphore;

/// Prices that are enough.
const PRICES: usize = 8;
/// What is uploaded, in bytes.
const SIZE: usize = 3_000_000;
const CHUNK: usize = 16 * 1024;
/// Chunks that may be on the way: the answers are the brake, and the connection stays free for others.
const AHEAD: usize = 8;

/// What is called of `examples/streaming/hub.rs`; makes `StreamsProxy`.
#[hub]
trait Streams {
    fn symbols(&self) -> Vec<String>;
    fn prices(&self, symbol: &str) -> impl Stream<Item = Quote>;
    fn upload(&self, chunks: Receiver<Blob>) -> impl Stream<Item = Result<Taken, HubError>>;
}

#[derive(Deserialize)]
struct Quote {
    price: f64,
    watching: usize,
}

#[derive(Deserialize)]
struct Taken {
    bytes: usize,
    hash: u32,
}

async fn watch(server: &StreamsProxy, symbol: &str) -> Result<(), Error> {
    let mut prices = server.prices(symbol).await?.take(PRICES);
    while let Some(quote) = prices.next().await {
        let Quote { price, watching } = quote?;
        println!("{symbol} {price:.2}, watched by {watching}");
    }
    // The stream has no end of its own. Here it is dropped, and the server stops.
    Ok(())
}

/// Sends the bytes, and answers with what the server says of them in the end.
async fn upload(server: &StreamsProxy, bytes: &Arc<[u8]>) -> Result<Taken, Error> {
    let free = Arc::new(Semaphore::new(AHEAD));
    let (gate, source) = (Arc::clone(&free), Arc::clone(bytes));
    let chunks = stream! {
        for chunk in source.chunks(CHUNK) {
            if let Ok(place) = gate.acquire().await {
                place.forget();
            }
            yield Blob::from(chunk);
        }
    };
    let mut answers = server.upload(chunks).await?;
    let mut last = Taken { bytes: 0, hash: 0 };
    while let Some(taken) = answers.next().await {
        let taken = taken?;
        free.add_permits(1);
        if taken.bytes * 10 / bytes.len() > last.bytes * 10 / bytes.len() {
            println!("{} of {} bytes", taken.bytes, bytes.len());
        }
        last = taken;
    }
    Ok(last)
}

/// Bytes that look like chance, and are the same each time.
fn noise() -> Arc<[u8]> {
    let next = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    let states = iter::successors(Some(1), next);
    states
        .map(|state| state.to_be_bytes()[0])
        .take(SIZE)
        .collect()
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

async fn run(url: &str) -> Result<bool, Error> {
    let connection = HubConnection::builder(url)
        .protocol(HubProtocol::MessagePack)
        .connect()
        .await?;
    let server = StreamsProxy::new(&connection);

    let symbols = server.symbols().await?;
    println!("Symbols: {}", symbols.join(", "));
    if let Some(symbol) = symbols.first() {
        watch(&server, symbol).await?;
    }

    let bytes = noise();
    let taken = upload(&server, &bytes).await?;
    let arrived = taken.bytes == bytes.len() && taken.hash == hash(&bytes);
    match arrived {
        true => println!(
            "All have arrived, and are the same there: {:08x}",
            taken.hash
        ),
        false => eprintln!("The server has got something else: {} bytes", taken.bytes),
    }
    connection.stop().await;
    Ok(arrived)
}

/// An error with its causes.
fn reason(error: &Error) -> String {
    let causes = iter::successors(Some(error as &dyn std::error::Error), |error| {
        error.source()
    });
    let texts: Vec<_> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}

#[tokio::main]
async fn main() -> ExitCode {
    let url = std::env::args().nth(1);
    let url = url.as_deref().unwrap_or("http://127.0.0.1:5000/hub");
    match run(url).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{}", reason(&error));
            ExitCode::FAILURE
        }
    }
}
