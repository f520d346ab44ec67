//! Figures over real sockets, each of a server process of its own: CPU time of a delivery, beside that of a bare server which writes
//! the same bytes to the same number of sockets; resident memory of an idle connection; what it takes to join a group and leave it; and
//! how long others wait while one connection receives large messages.
//!
//! `cargo bench -p signalr --bench sockets`; with `-- --write` the raw figures and the plot of them are written to `benches/figures`.
//! On Linux, since it reads `/proc`. Figures change with the machine and its neighbours, the ratio hardly.

mod client;
mod groups;
mod large;
mod plot;
mod process;
mod server;

use client::Socket;
use plot::Figure;
use process::Server;

/// Connections that get a broadcast. Clients of two servers are open at once, and 20,000 files are what many machines allow.
const RECEIVERS: [usize; 4] = [100, 1_000, 3_000, 9_000];
/// Deliveries of one measurement, and how often each server is measured.
const DELIVERIES: usize = 300_000;
const ROUNDS: usize = 5;
const IDLE: [usize; 4] = [2_000, 5_000, 10_000, 19_000];

fn main() {
    rlimit::increase_nofile_limit(u64::MAX).expect("a limit of this process's own");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut words = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'));
    match words.next().map(String::as_str) {
        Some("hub") => server::hub(),
        Some("bare") => server::bare(),
        Some(other) => panic!("{other} is no server of ours"),
        None => {
            let mut figures = Vec::new();
            for receivers in RECEIVERS {
                fan_out(receivers, &mut figures);
            }
            for idle in IDLE {
                memory(idle, &mut figures);
            }
            groups::measure(&mut figures);
            large::measure(&mut figures);
            if arguments.iter().any(|argument| argument == "--write") {
                plot::write(&figures);
            }
        }
    }
}

fn fan_out(receivers: usize, figures: &mut Vec<Figure>) {
    let mut servers = ["hub", "bare"].map(|role| {
        let server = Server::start(role);
        let sockets: Vec<_> = (0..receivers)
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
    let broadcasts = DELIVERIES / receivers;
    let mut costs = [Vec::new(), Vec::new()];
    for round in 1..=ROUNDS {
        for ((role, server, sockets), costs) in servers.iter_mut().zip(&mut costs) {
            let before = server.cpu_ticks();
            for _ in 0..broadcasts {
                sockets[0].ask_for_broadcast(*role == "hub");
                sockets.iter_mut().for_each(Socket::hear);
            }
            let ticks = server.cpu_ticks() - before;
            // A tick is 10 ms on Linux.
            let value = ticks as f64 * 10_000.0 / (broadcasts * receivers) as f64;
            costs.push(value);
            figures.push(Figure {
                name: "fan_out",
                server: role,
                size: receivers,
                round,
                value,
            });
        }
    }
    let [hub, bare] = costs.map(median);
    println!(
        "fan_out: {hub:.2} µs of CPU for each of {receivers} deliveries, {bare:.2} µs of a bare server: × {:.2}",
        hub / bare
    );
}

fn memory(count: usize, figures: &mut Vec<Figure>) {
    let server = Server::start("hub");
    let first = Socket::websocket(server.addr);
    let before = server.resident();
    let sockets: Vec<_> = (0..count).map(|_| Socket::websocket(server.addr)).collect();
    // What is in use for a moment only, such as the tasks that have served the upgrades, is not what a connection costs.
    std::thread::sleep(std::time::Duration::from_secs(2));
    let bytes = (server.resident() - before) / count;
    println!("memory: {bytes} bytes for each of {count} idle connections");
    figures.push(Figure {
        name: "memory",
        server: "hub",
        size: count,
        round: 1,
        value: bytes as f64,
    });
    drop((first, sockets));
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
