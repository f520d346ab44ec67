//! Many clients over each transport at once, and a broadcast each second: nothing is lost, the order is kept, memory stays flat.
//!
//! `cargo run --release -p signalr-tests --example load [SECONDS EVENTS POLLS SOCKETS]`; by default a minute with 2,000 clients of
//! Server-Sent Events and 2,000 of long polling. The clients are this program once more in a process of its own, so that the memory
//! that is measured is the server's alone. Fails if a message is lost, doubled or out of order, or if the server's memory is more than a
//! tenth larger in the second half of the time than in the first.

mod client;
#[path = "../attacks/memory.rs"]
#[expect(dead_code, reason = "the attacks need all of it")]
mod memory;
#[path = "../figures/process.rs"]
mod process;
#[path = "../it/support/web.rs"]
#[expect(dead_code, reason = "the other tests need all of it")]
mod web;

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use signalr::{HubServer, hub};
use tokio::{io::AsyncReadExt, task::JoinSet};

use client::{Client, Way};
use memory::{MIB, Memory};
use process::Clients;

/// Connections that are opened at the same time.
const AT_ONCE: usize = 64;

struct Load;

#[hub]
impl Load {}

/// How many clients there are of each kind, and for how many seconds.
#[derive(Clone, Copy)]
struct Plan {
    seconds: u32,
    events: usize,
    polls: usize,
    sockets: usize,
}

impl Plan {
    fn of(numbers: &[String]) -> Self {
        let number = |at: usize, default: usize| {
            let number = numbers.get(at).map(|number| number.parse());
            number.unwrap_or(Ok(default)).expect("a number")
        };
        Self {
            seconds: u32::try_from(number(0, 60)).expect("so many seconds"),
            events: number(1, 2_000),
            polls: number(2, 2_000),
            sockets: number(3, 0),
        }
    }

    fn clients(self) -> usize {
        self.events + self.polls + self.sockets
    }
}

/// Milliseconds of a clock that both processes have.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let since = since.expect("it is later than 1970").as_millis();
    u64::try_from(since).expect("it is not so late")
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let files = rlimit::increase_nofile_limit(u64::MAX).expect("a limit of this process's own");
    match &arguments[..] {
        [word, addr, numbers @ ..] if word == "clients" => {
            listen(addr.parse().expect("an address"), Plan::of(numbers)).await;
        }
        numbers => {
            let plan = Plan::of(numbers);
            // A client of events posts on a second socket.
            let wanted = (plan.clients() + plan.events + 200) as u64;
            assert!(
                files >= wanted,
                "{files} open files are allowed (`ulimit -Hn`), {wanted} needed"
            );
            serve(plan).await;
        }
    }
}

/// The server's process.
async fn serve(plan: Plan) {
    let hub = HubServer::new(Load);
    let addr = web::serve(&hub).await;
    let numbers = [plan.events, plan.polls, plan.sockets].map(|number| number.to_string());
    let [events, polls, sockets] = numbers.each_ref().map(String::as_str);
    let (addr, seconds) = (addr.to_string(), plan.seconds.to_string());
    let arguments = ["clients", &addr, &seconds, events, polls, sockets];
    let mut clients = Clients::start(&arguments).await;
    assert_eq!(hub.connection_count(), plan.clients());
    println!("clients: {events} of events, {polls} of long polling, {sockets} of WebSockets");

    let all = hub.context().clients().all();
    let mut each_second = tokio::time::interval(Duration::from_secs(1));
    let mut memory = Vec::new();
    for number in 0..plan.seconds {
        each_second.tick().await;
        all.send("number", (number, now())).await.expect("sent");
        memory.push(Memory::now().resident);
    }
    let heard = clients.line().await.expect("the clients have not failed");
    println!("{heard}");
    // What was sent twice would come before this.
    all.send("end", ()).await.expect("sent");
    let latency = clients.line().await.expect("the clients have not failed");
    println!("{latency}");
    clients.end().await;
    hub.closed().await;

    let (first, second) = memory.split_at(memory.len() / 2);
    let most = |half: &[usize]| half.iter().max().copied().unwrap_or_default();
    let (first, second) = (most(first), most(second));
    println!(
        "memory: at most {:.1} MiB in the first half, {:.1} MiB in the second",
        first as f64 / MIB as f64,
        second as f64 / MIB as f64
    );
    assert!(
        plan.seconds < 2 || second <= first + first / 10,
        "memory has grown by more than a tenth"
    );
}

/// The clients' process.
async fn listen(addr: SocketAddr, plan: Plan) {
    let ways = [
        (Way::Events, plan.events),
        (Way::Polls, plan.polls),
        (Way::Sockets, plan.sockets),
    ];
    let ways = ways.into_iter();
    let ways = ways.flat_map(|(way, count)| std::iter::repeat_n(way, count));
    let (mut connecting, mut listening) = (JoinSet::new(), JoinSet::new());
    let mut start = |client: Client| {
        listening.spawn(hear(client, plan.seconds));
    };
    for way in ways {
        if connecting.len() == AT_ONCE {
            let client = connecting.join_next().await.expect("there are some");
            start(client.expect("connected"));
        }
        connecting.spawn(Client::connect(addr, way));
    }
    connecting.join_all().await.into_iter().for_each(start);
    println!("connected");

    let heard = listening.join_all().await;
    println!(
        "messages: {} of {} heard, once and in order",
        heard.len() * plan.seconds as usize,
        plan.clients() * plan.seconds as usize
    );
    let mut took = Vec::new();
    let mut ending = JoinSet::new();
    for (mut client, each) in heard {
        took.extend(each);
        ending.spawn(async move {
            assert_eq!(
                client.next().await,
                r#"{"type":1,"target":"end","arguments":[]}"#
            );
            client
        });
    }
    let _clients = ending.join_all().await;
    took.sort_unstable();
    let within = |percent| {
        took.get(took.len() * percent / 101)
            .copied()
            .unwrap_or_default()
    };
    println!(
        "latency: {} ms for half of the messages, {} ms for 99 of 100, {} ms at most",
        within(50),
        within(99),
        took.last().copied().unwrap_or_default()
    );
    let mut nothing = Vec::new();
    let ended = tokio::io::stdin().read_to_end(&mut nothing).await;
    ended.expect("a pipe");
}

/// Hears all numbers once and in order; how long each took, in milliseconds.
async fn hear(mut client: Client, to: u32) -> (Client, Vec<u64>) {
    let mut took = Vec::new();
    for number in 0..to {
        let message = client.next().await;
        let start = format!(r#"{{"type":1,"target":"number","arguments":[{number},"#);
        let sent = message.strip_prefix(&start);
        let sent = sent.and_then(|rest| rest.strip_suffix("]}"));
        let sent: Option<u64> = sent.and_then(|sent| sent.parse().ok());
        let Some(sent) = sent else {
            panic!("{message} instead of number {number}");
        };
        took.push(now().saturating_sub(sent));
    }
    (client, took)
}
