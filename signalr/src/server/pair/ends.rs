//! What becomes of calls when the connection ends, and how it stays alive.

use super::*;
use crate::connection::Outflows;

fn none() -> Outflows {
    Outflows::default()
}

#[tokio::test(start_paused = true)]
async fn what_waits_fails_when_the_server_says_goodbye() {
    for protocol in PROTOCOLS {
        let server = HubServer::new(Desk::default());
        let client = Client::connect(&server, protocol, Ui::default()).await;
        let mut call = Box::pin(client.caller.invoke::<(), _>("toil", &(), none()));
        let mut stream = client
            .caller
            .stream::<u32, _>("counter", &(5,), none())
            .await
            .expect("opened");
        assert!(!is_ready(&mut call));
        settle().await;
        server.shutdown(Duration::from_secs(1)).await;
        settle().await;
        assert!(call.await.expect_err("it was under way").is_closed());
        // What has arrived before is delivered first.
        for expected in 0..5 {
            assert_eq!(
                stream.next().await.expect("an item").expect("a number"),
                expected
            );
        }
        let after = client.caller.invoke::<i32, _>("add", &(1, 2), none()).await;
        assert!(after.expect_err("it is over").is_closed());
        let after = client.caller.send("nothing", &(), none()).await;
        assert!(after.expect_err("it is over").is_closed());
    }
}

#[tokio::test(start_paused = true)]
async fn the_server_drops_everything_when_the_client_is_cut_off() {
    in_both(|client, desk, _| async move {
        let stream = client
            .caller
            .stream::<u32, _>("silent", &(), none())
            .await
            .expect("opened");
        let mut call = Box::pin(client.caller.invoke::<(), _>("toil", &(), none()));
        assert!(!is_ready(&mut call));
        settle().await;
        client.cut().await;
        let mut events = desk.log.all();
        events.sort_unstable();
        assert_eq!(events, ["silent dropped", "toil dropped"]);
        drop((stream, call));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn two_idle_ends_keep_each_other_alive_for_a_day() {
    in_both(|client, _, _| async move {
        tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
        let sum: i32 = client
            .caller
            .invoke("add", &(1, 2), none())
            .await
            .expect("a sum");
        assert_eq!(sum, 3);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_falls_silent_is_given_up() {
    // Somebody who shakes hands and says nothing more.
    let (io, mut other) = tokio::io::duplex(1024);
    let served = tokio::spawn(async move {
        let mut request = vec![0; 39];
        other.read_exact(&mut request).await.expect("a request");
        other.write_all(b"{}\x1e").await.expect("a whole pipe");
        let mut rest = Vec::new();
        other.read_to_end(&mut rest).await.expect("a whole pipe");
    });
    let mut client = Client::drive(io, HubProtocol::MessagePack, Ui::default(), served).await;
    let start = Instant::now();
    let end = (&mut client.running).await.expect("no panic");
    assert!((30..=32).contains(&start.elapsed().as_secs()));
    assert!(end.reason.expect("a reason").is_timeout());
    assert!(client.side.outbox.is_ended());
}
