//! Calls in both directions that end with one answer.

use super::*;
use crate::connection::Outflows;

fn none() -> Outflows {
    Outflows::default()
}

#[tokio::test(start_paused = true)]
async fn a_call_gives_its_result_or_the_error_of_the_other_end() {
    in_both(|client, _, _| async move {
        let caller = &client.caller;
        let sum: i32 = caller.invoke("Add", &(2, 40), none()).await.expect("a sum");
        assert_eq!(sum, 42);
        caller.invoke::<(), _>("nothing", &(), none()).await.expect("nothing");
        let error = caller.invoke::<(), _>("fail", &("on purpose",), none()).await;
        let error = error.expect_err("it fails");
        assert_eq!(
            error.remote_message(),
            Some("An unexpected error occurred invoking 'fail' on the server. HubException: on purpose")
        );
        let error = caller.invoke::<String, _>("add", &(1, 2), none()).await;
        let error = error.expect_err("a number is no text");
        assert!(error.is_serialization());
        assert!(error.to_string().starts_with("Error trying to deserialize result to String."));
        let error = caller.invoke::<(), _>("no such", &(), none()).await;
        let error = error.expect_err("no such method");
        assert_eq!(
            error.remote_message(),
            Some("Failed to invoke 'no such' due to an error on the server. HubException: Method does not exist.")
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn calls_under_way_at_the_same_time_get_their_own_answers() {
    in_both(|client, _, _| async move {
        let calls = (0..100).map(|n| client.caller.invoke::<i32, _>("add", &(n, n), none()));
        let sums = futures_util::future::try_join_all(calls)
            .await
            .expect("sums");
        assert!(sums.into_iter().eq((0..100).map(|n| 2 * n)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn messages_are_handled_one_after_another_in_order() {
    in_both(|client, _, ui| async move {
        let texts: Vec<String> = (0..50).map(|number| number.to_string()).collect();
        let show = client.caller.invoke::<(), _>("show", &(&texts,), none());
        show.await.expect("shown");
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(ui.log.all(), texts);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_send_has_no_answer_whatever_becomes_of_it() {
    in_both(|client, desk, _| async move {
        let caller = &client.caller;
        for target in ["careful", "fail", "no such"] {
            caller.send(target, &("x",), none()).await.expect("sent");
        }
        let sum: i32 = caller.invoke("add", &(1, 2), none()).await.expect("a sum");
        assert_eq!(sum, 3);
        assert_eq!(desk.log.all(), [""; 0]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_server_asks_and_the_client_answers() {
    in_both(|client, _, _| async move {
        let ask =
            |question: &'static str| client.caller.invoke::<bool, _>("ask", &(question,), none());
        assert!(ask("really?").await.expect("an answer"));
        assert!(!ask("really!").await.expect("an answer"));
        let error = ask("fail").await.expect_err("it fails");
        let text = error.remote_message().expect("the hub's text");
        assert!(text.ends_with("HubException: no idea"), "{text}");
        let other = client.caller.invoke::<String, _>("askOther", &(), none());
        assert_eq!(other.await.expect("a text"), "no handler");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_question_that_takes_its_time_holds_up_nothing() {
    in_both(|client, _, ui| async move {
        let mut asking = Box::pin(client.caller.invoke::<bool, _>("ask", &("never",), none()));
        assert!(!is_ready(&mut asking));
        settle().await;
        let texts = ["meanwhile"];
        let show = client.caller.invoke::<(), _>("show", &(texts,), none());
        show.await.expect("shown");
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(ui.log.all(), texts);
        assert!(!is_ready(&mut asking));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn dropping_a_call_cancels_it_at_the_other_end() {
    in_both(|client, desk, _| async move {
        for target in ["toil", "careful"] {
            let mut call = Box::pin(client.caller.invoke::<(), _>(target, &(), none()));
            assert!(!is_ready(&mut call));
            settle().await;
            drop(call);
            settle().await;
        }
        assert_eq!(desk.log.all(), ["toil dropped", "told"]);
        // Its late completion disturbs nobody.
        let sum: i32 = client
            .caller
            .invoke("add", &(1, 2), none())
            .await
            .expect("a sum");
        assert_eq!(sum, 3);
    })
    .await;
}
