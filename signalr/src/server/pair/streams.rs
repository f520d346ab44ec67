//! Streams and uploads through the engine of both ends.

use futures_util::TryStreamExt;

use super::*;
use crate::connection::{ItemStream, Outflows};

async fn open<T: crate::HubArg + 'static>(client: &Client, target: &str) -> ItemStream<T> {
    let stream = client.caller.stream(target, &(), Outflows::default());
    stream.await.expect("opened")
}

async fn count(client: &Client, to: u32) -> ItemStream<u32> {
    let stream = client.caller.stream("counter", &(to,), Outflows::default());
    stream.await.expect("opened")
}

#[tokio::test(start_paused = true)]
async fn a_stream_gives_its_items_in_order_and_ends() {
    in_both(|client, desk, _| async move {
        let items: Vec<u32> = count(&client, 1_000)
            .await
            .try_collect()
            .await
            .expect("items");
        assert!(items.into_iter().eq(0..1_000));
        settle().await;
        assert_eq!(
            desk.log.all().last().map(String::as_str),
            Some("counter dropped")
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_error_in_the_middle_is_the_last_item() {
    in_both(|client, _, _| async move {
        let mut stream = open::<u32>(&client, "broken").await;
        assert_eq!(stream.next().await.expect("an item").expect("a number"), 1);
        let error = stream.next().await.expect("an item").expect_err("broken");
        assert_eq!(
            error.remote_message(),
            Some("An error occurred on the server while streaming results. HubException: broken")
        );
        assert!(stream.next().await.is_none());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_is_slow_slows_the_other_end_down() {
    in_both(|client, desk, _| async move {
        let mut stream = count(&client, 1_000_000).await;
        settle().await;
        let made = desk.log.all().len();
        assert!((1_000..100_000).contains(&made), "{made} were made ahead");
        settle().await;
        assert_eq!(desk.log.all().len(), made, "and no more");
        for expected in 0..10_000 {
            assert_eq!(
                stream.next().await.expect("an item").expect("a number"),
                expected
            );
        }
        // Other calls go on meanwhile: what waits is read as far as it must be.
        drop(stream);
        settle().await;
        assert_eq!(
            desk.log.all().last().map(String::as_str),
            Some("counter dropped")
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn dropping_a_stream_cancels_it_even_if_it_is_silent() {
    in_both(|client, desk, _| async move {
        let stream = open::<u32>(&client, "silent").await;
        settle().await;
        assert_eq!(desk.log.all(), [""; 0]);
        drop(stream);
        settle().await;
        assert_eq!(desk.log.all(), ["silent dropped"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_upload_of_many_items_arrives_whole() {
    in_both(|client, _, _| async move {
        let numbers = Outflows::default().with(futures_util::stream::iter(0..50_000_u64));
        let sum: u64 = client
            .caller
            .invoke("sum", &(), numbers)
            .await
            .expect("a sum");
        assert_eq!(sum, (0..50_000_u64).sum::<u64>());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn uploads_and_a_stream_go_on_at_the_same_time() {
    in_both(|client, _, _| async move {
        let numbers = futures_util::stream::iter(0..1_000_u32);
        let texts = futures_util::stream::iter((0..1_000_u32).map(|number| number.to_string()));
        let uploads = Outflows::default().with(numbers).with(texts);
        let pairs = client
            .caller
            .stream::<(u32, String), _>("zip", &(), uploads);
        let pairs: Vec<_> = pairs
            .await
            .expect("opened")
            .try_collect()
            .await
            .expect("pairs");
        assert_eq!(pairs.len(), 1_000);
        assert!(
            pairs
                .iter()
                .all(|(number, text)| *text == number.to_string())
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_method_that_has_read_enough_ends_its_upload() {
    in_both(|client, _, _| async move {
        let endless = futures_util::stream::iter(7_u32..);
        let uploads = Outflows::default().with(endless);
        let first: Option<u32> = client
            .caller
            .invoke("first", &(), uploads)
            .await
            .expect("one");
        assert_eq!(first, Some(7));
        let sum: i32 = client
            .caller
            .invoke("add", &(1, 2), Outflows::default())
            .await
            .expect("3");
        assert_eq!(sum, 3);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_item_that_cannot_be_written_fails_the_upload() {
    struct Unwritable;
    impl serde::Serialize for Unwritable {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("not me"))
        }
    }
    in_both(|client, _, _| async move {
        let uploads = Outflows::default().with(futures_util::stream::iter([Unwritable]));
        let error = client.caller.invoke::<u64, _>("sum", &(), uploads).await;
        let error = error.expect_err("the method sees the failure");
        let text = error.remote_message().expect("its text");
        assert!(
            text.starts_with("An unexpected error occurred invoking 'sum'"),
            "{text}"
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_far_ahead_of_its_reader_gives_all_that_has_come_when_the_connection_ends()
{
    for protocol in PROTOCOLS {
        let server = HubServer::new(Desk::default());
        let client = Client::connect(&server, protocol, Ui::default()).await;
        let mut stream = count(&client, 200).await;
        settle().await;
        server.shutdown(Duration::from_secs(1)).await;
        settle().await;
        for expected in 0..200 {
            assert_eq!(
                stream.next().await.expect("an item").expect("a number"),
                expected
            );
        }
        let _ = stream.next().await;
        assert!(stream.next().await.is_none(), "and it ends");
    }
}

#[tokio::test(start_paused = true)]
async fn an_item_that_does_not_fit_ends_the_stream_here_and_cancels_it_there() {
    in_both(|client, desk, _| async move {
        let stream = client
            .caller
            .stream("counter", &(1_000_000,), Outflows::default());
        let mut stream: ItemStream<String> = stream.await.expect("opened");
        let error = stream
            .next()
            .await
            .expect("an item")
            .expect_err("a number is no text");
        assert!(error.is_serialization());
        drop(stream);
        settle().await;
        assert_eq!(
            desk.log.all().last().map(String::as_str),
            Some("counter dropped")
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_upload_is_sent_though_the_queue_is_full() {
    in_both(|client, desk, _| async move {
        let texts = futures_util::stream::iter((0..200).map(|_| "x".repeat(1_000)));
        let uploads = Outflows::default().with(texts);
        client
            .caller
            .send("collect", &(), uploads)
            .await
            .expect("sent");
        settle().await;
        assert_eq!(desk.log.all(), ["200 collected"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_is_given_up_ends_with_an_error() {
    in_both(|client, desk, _| async move {
        let uploads = Outflows::default().with(futures_util::stream::pending::<String>());
        let mut sending = Box::pin(client.caller.send("collect", &(), uploads));
        assert!(!is_ready(&mut sending));
        settle().await;
        drop(sending);
        settle().await;
        assert_eq!(desk.log.all(), ["Stream canceled by client."]);
    })
    .await;
}
