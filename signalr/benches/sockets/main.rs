//! Two figures over real sockets, each of a server process of its own: CPU time of a delivery, beside that of a bare server which writes
//! the same bytes to the same number of sockets; and resident memory of an idle connection.
//!
//! `cargo bench -p signalr --bench sockets`. On Linux, since it reads `/proc`. Figures change with the machine and its neighbours, the
//! ratio hardly.

mod client;
mod process;
mod server;

use client::Socket;
use process::Server;

const RECEIVERS: usize = 1_000;
/// Broadcasts of one measurement, and how often each server is measured.
const BROADCASTS: usize = 300;
const ROUNDS: usize = 5;
const IDLE: [usize; 3] = [2_000, 5_000, 8_000];

fn main() {
    rlimit::increase_nofile_limit(u64::MAX).expect("a limit of this process's own");
    let role = std::env::args()
        .nth(1)
        .filter(|role| !role.starts_with('-'));
    match role.as_deref() {
        Some("hub") => server::hub(),
        Some("bare") => server::bare(),
        Some(other) => panic!("{other} is no server of ours"),
        None => {
            fan_out();
            memory();
        }
    }
}

fn fan_out() {
    let mut servers = ["hub", "bare"].map(|role| {
        let server = Server::start(role);
        let sockets: Vec<_> = (0..RECEIVERS)
            .map(|_| {
                if role == "hub" {
                    Socket::websocket(server.addr)
                } else {
                    Socket::open(server.addr)
                }
            })
            .collect();
        (role, server, sockets)
    });
    let mut costs = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for ((role, server, sockets), costs) in servers.iter_mut().zip(&mut costs) {
            let before = server.cpu_ticks();
            for _ in 0..BROADCASTS {
                sockets[0].ask_for_broadcast(*role == "hub");
                sockets.iter_mut().for_each(Socket::hear);
            }
            let ticks = server.cpu_ticks() - before;
            // A tick is 10 ms on Linux.
            costs.push(ticks as f64 * 10_000.0 / (BROADCASTS * RECEIVERS) as f64);
        }
    }
    let [hub, bare] = costs.map(median);
    println!(
        "fan_out: {hub:.2} µs of CPU for each of {RECEIVERS} deliveries, {bare:.2} µs of a bare server: × {:.2}",
        hub / bare
    );
}

fn memory() {
    for count in IDLE {
        let server = Server::start("hub");
        let first = Socket::websocket(server.addr);
        let before = server.resident();
        let sockets: Vec<_> = (0..count).map(|_| Socket::websocket(server.addr)).collect();
        // What is in use for a moment only, such as the tasks that have served the upgrades, is not what a connection costs.
        std::thread::sleep(std::time::Duration::from_secs(2));
        let bytes = (server.resident() - before) / count;
        println!("memory: {bytes} bytes for each of {count} idle connections");
        drop((first, sockets));
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
