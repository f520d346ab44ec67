//! What others notice while one connection receives large messages.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use crate::{client::Socket, plot::Figure, process::Server};

/// Connections that call, one after the other, and how often each of them does.
const CALLERS: usize = 10;
const CALLS: usize = 1_000;
const LARGE: usize = 10_000_000;

pub(crate) fn measure(figures: &mut Vec<Figure>) {
    let server = Server::start("hub");
    let mut callers: Vec<_> = (0..CALLERS)
        .map(|_| Socket::websocket(server.addr))
        .collect();
    let mut reader = Socket::websocket(server.addr);
    for large in [false, true] {
        let stop = AtomicBool::new(false);
        let (mut waits, received) = thread::scope(|scope| {
            let receiving = scope.spawn(|| {
                let mut received = 0;
                while large && !stop.load(Relaxed) {
                    reader.fetch(LARGE);
                    received += 1;
                }
                received
            });
            let mut waits = Vec::with_capacity(CALLERS * CALLS);
            for _ in 0..CALLS {
                for caller in &mut callers {
                    let start = Instant::now();
                    caller.fetch(1);
                    waits.push(start.elapsed());
                }
            }
            stop.store(true, Relaxed);
            (waits, receiving.join().expect("it reads"))
        });
        waits.sort_unstable();
        let at = |percent: usize| micros(waits[(waits.len() * percent / 100).min(waits.len() - 1)]);
        let (p50, p99, longest) = (at(50), at(99), at(100));
        println!(
            "large: answered after {p50:.0} µs, 99 of 100 after {p99:.0} µs, all after {longest:.0} µs, while one connection receives {received} messages of 10 MB"
        );
        let names = [("wait_p50", p50), ("wait_p99", p99), ("wait_max", longest)];
        figures.extend(names.map(|(name, value)| Figure {
            name,
            server: "hub",
            size: if large { LARGE } else { 0 },
            round: 1,
            value,
        }));
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
