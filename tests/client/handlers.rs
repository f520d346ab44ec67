//! What a server calls on a client.

use std::{
    future::{Ready, ready},
    sync::Arc,
    time::Duration,
};

use signalr::{Error, HubConnection, HubError, WeakHubConnection, receiver};
use tokio::sync::Semaphore;

use crate::support::{Log, Stage, in_both, message, question, settle};

#[tokio::test(start_paused = true)]
async fn handlers_of_a_name_run_in_order_until_they_are_removed() {
    in_both(|connection, _| async move {
        let log = Log::default();
        let noting = |mark: &'static str| {
            let log = log.clone();
            move |text: String| {
                let log = log.clone();
                async move { log.note(format!("{mark} {text}")) }
            }
        };
        let first = connection.on("shown", noting("first"));
        connection.on("SHOWN", noting("second"));
        let show = |text: &'static str| {
            let connection = connection.clone();
            async move {
                let texts = [text];
                connection
                    .invoke::<()>("show", (texts,))
                    .await
                    .expect("shown");
                settle().await;
            }
        };
        show("a").await;
        first.remove();
        show("b").await;
        connection.off("shown");
        show("c").await;
        assert_eq!(log.all(), ["first a", "second a", "second b"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_question_gets_the_one_answer_there_is() {
    in_both(|connection, _| async move {
        let none = connection.invoke::<String>("ask", ("who?",)).await;
        let error = none.expect_err("nobody answers");
        assert!(error.remote_message().is_some(), "{error}");
        let answer = |question: String| async move { Ok(format!("{question} me")) };
        let answering = connection.respond("asked", answer).expect("the first");
        let second = connection.respond("Asked", answer).expect_err("the second");
        assert_eq!(
            second.to_string(),
            "'Asked' already has a value returning handler. Multiple return values are not supported."
        );
        let log = Log::default();
        let noted = log.clone();
        connection.on("asked", move |question: String| {
            let log = noted.clone();
            async move { log.note(question) }
        });
        let answer: String = connection.invoke("ask", ("who?",)).await.expect("an answer");
        assert_eq!((answer.as_str(), log.all()), ("who? me", vec!["who?".to_owned()]));
        answering.remove();
        connection
            .respond("asked", |_: String| async { Err::<String, _>(HubError::new("not now")) })
            .expect("the place is free");
        let refused = connection.invoke::<String>("ask", ("who?",)).await;
        assert!(refused.is_err());
    })
    .await;
}

/// Client reference, section 10: the exact texts.
#[tokio::test(start_paused = true)]
async fn answers_are_the_texts_of_the_reference() {
    let (mut stage, builder) = Stage::new();
    let builder = builder
        .respond("five", || async { Ok(5) })
        .respond("null", || async { Ok(None::<i32>) })
        .respond("fails", || async {
            Err::<(), _>(HubError::new("an error"))
        })
        .respond("needs", |number: i32| async move { Ok(number) })
        .respond("panics", || async {
            panic!("on purpose") as Result<(), HubError>
        })
        .on("mute", || async {});
    let (_connection, mut actor) = Stage::connected(builder, &mut stage).await;
    for (target, arguments, expected) in [
        ("five", "", r#""result":5"#),
        ("null", "", r#""result":null"#),
        ("fails", "", r#""error":"an error""#),
        (
            "needs",
            r#""text""#,
            r#""error":"Client failed to parse argument(s).""#,
        ),
        (
            "needs",
            "",
            r#""error":"Client failed to parse argument(s).""#,
        ),
        ("panics", "", r#""error":"The handler panicked.""#),
        ("mute", "", r#""error":"Client didn't provide a result.""#),
        ("nobody", "", r#""error":"Client didn't provide a result.""#),
    ] {
        actor
            .say(&format!(
                r#"{{"type":1,"invocationId":"s1","target":"{target}","arguments":[{arguments}]}}"#
            ))
            .await;
        assert_eq!(
            actor.hear().await,
            format!(r#"{{"type":3,"invocationId":"s1",{expected}}}"#),
            "{target}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_or_panics_costs_nothing_else() {
    let (mut stage, builder) = Stage::new();
    let log = Log::default();
    let (kept, other) = (log.clone(), log.clone());
    let builder = builder
        .on("shown", |_: i32| async { panic!("on purpose") })
        .on("shown", move |number: i32| {
            let log = kept.clone();
            async move { log.note(number.to_string()) }
        })
        .on("shown", move |text: String| {
            let log = other.clone();
            async move { log.note(text) }
        });
    let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
    for arguments in ["1", r#""two""#, "", "3,4", "5"] {
        actor
            .say(&format!(
                r#"{{"type":1,"target":"shown","arguments":[{arguments}]}}"#
            ))
            .await;
    }
    actor
        .say(r#"{"type":1,"target":"unknown","arguments":[]}"#)
        .await;
    settle().await;
    assert_eq!(log.all(), ["1", "two", "5"]);
    connection.send("open", ()).await.expect("still open");
    assert_eq!(
        actor.hear().await,
        r#"{"type":1,"target":"open","arguments":[]}"#
    );
}

#[tokio::test(start_paused = true)]
async fn a_closure_is_called_in_its_turn_and_not_when_its_message_comes() {
    let (mut stage, builder) = Stage::new();
    let log = Log::default();
    let (slow, quick, second) = (log.clone(), log.clone(), log.clone());
    let builder = builder
        .on("slow", move || {
            slow.note("slow begins");
            let log = slow.clone();
            async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                log.note("slow ends");
            }
        })
        .on("quick", move || {
            quick.note("quick");
            ready(())
        })
        .on("slow", move || {
            second.note("second of slow");
            ready(())
        });
    let (_connection, mut actor) = Stage::connected(builder, &mut stage).await;
    for target in ["slow", "quick"] {
        actor.say(&message(target, "")).await;
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(
        log.all(),
        ["slow begins", "slow ends", "second of slow", "quick"]
    );
}

/// Such a closure panics before it has made its future.
#[tokio::test(start_paused = true)]
async fn a_panic_of_a_closure_is_one_of_its_handler() {
    let (mut stage, builder) = Stage::new();
    let log = Log::default();
    let noted = log.clone();
    let builder = builder
        .respond("asked", || -> Ready<Result<(), HubError>> {
            panic!("on purpose")
        })
        .on("shown", || -> Ready<()> { panic!("on purpose") })
        .on("shown", move || {
            noted.note("shown");
            ready(())
        });
    let (_connection, mut actor) = Stage::connected(builder, &mut stage).await;
    actor.say(&message("shown", "")).await;
    actor.say(&question("q", "asked")).await;
    assert_eq!(
        actor.hear().await,
        r#"{"type":3,"invocationId":"q","error":"The handler panicked."}"#
    );
    settle().await;
    assert_eq!(log.all(), ["shown"]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_handler_delays_messages_but_no_answers_and_no_questions() {
    let (mut stage, builder) = Stage::new();
    let log = Log::default();
    let noted = log.clone();
    let builder = builder
        .on("shown", move |text: String| {
            let log = noted.clone();
            async move {
                tokio::time::sleep(Duration::from_secs(5)).await;
                log.note(text);
            }
        })
        .respond("asked", || async { Ok(1) });
    let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
    for text in ["a", "b"] {
        actor
            .say(&format!(
                r#"{{"type":1,"target":"shown","arguments":["{text}"]}}"#
            ))
            .await;
    }
    actor
        .say(r#"{"type":1,"invocationId":"q","target":"asked","arguments":[]}"#)
        .await;
    assert_eq!(
        actor.hear().await,
        r#"{"type":3,"invocationId":"q","result":1}"#
    );
    let call = connection.invoke::<i32>("add", ());
    let answer = async {
        actor.hear().await;
        actor
            .say(r#"{"type":3,"invocationId":"1","result":2}"#)
            .await;
    };
    assert_eq!(tokio::join!(call, answer).0.expect("answered"), 2);
    assert_eq!(log.all(), [""; 0]);
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(log.all(), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_call_the_server_and_stop_the_connection() {
    in_both(|connection, desk| async move {
        let weak = connection.downgrade();
        let kept = desk.log.clone();
        connection.on("shown", move |_: String| {
            let (log, weak) = (kept.clone(), weak.clone());
            async move {
                let connection = weak.upgrade().expect("the test has one");
                let sum: Result<i32, Error> = connection.invoke("add", (1, 2)).await;
                log.note(format!("sum {}", sum.expect("a sum")));
                connection.stop().await;
                log.note("stopped");
            }
        });
        connection.send("show", (["go"],)).await.expect("sent");
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(desk.log.all(), ["sum 3", "stopped"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_hundred_questions_are_answered_at_a_time() {
    let (mut stage, builder) = Stage::new();
    let gate = Arc::new(Semaphore::new(0));
    let (begun, entered, log) = (Log::default(), Arc::clone(&gate), Log::default());
    let (noted, heard) = (begun.clone(), log.clone());
    let builder = builder
        .respond("asked", move || {
            noted.note("begun");
            let gate = Arc::clone(&entered);
            async move {
                gate.acquire().await.expect("open").forget();
                Ok(1)
            }
        })
        .on("shown", move || {
            heard.note("shown");
            ready(())
        });
    let (_connection, mut actor) = Stage::connected(builder, &mut stage).await;
    for number in 0..100 {
        actor.say(&question(&number.to_string(), "asked")).await;
    }
    for id in ["x", "y"] {
        actor.say(&question(id, "asked")).await;
        let refused = "More than 100 questions at once are not allowed.";
        assert_eq!(
            actor.hear().await,
            format!(r#"{{"type":3,"invocationId":"{id}","error":"{refused}"}}"#)
        );
    }
    assert_eq!(begun.all().len(), 100);
    actor.say(&message("shown", "")).await;
    settle().await;
    assert_eq!(log.all(), ["shown"], "messages are another matter");
    // Each answer makes room for one.
    gate.add_permits(1);
    assert!(actor.hear().await.ends_with(r#""result":1}"#));
    actor.say(&question("z", "asked")).await;
    settle().await;
    assert_eq!(begun.all().len(), 101);
    gate.add_permits(100);
    for _ in 0..100 {
        assert!(actor.hear().await.ends_with(r#""result":1}"#));
    }
}

#[receiver]
trait Page {
    async fn shown(&self, text: &str);
    async fn asked(&self, question: &str) -> Result<String, HubError>;
}

struct Ui {
    log: Log,
    connection: WeakHubConnection,
}

#[receiver]
impl Page for Ui {
    async fn shown(&self, text: &str) {
        self.log.note(text);
    }

    async fn asked(&self, question: &str) -> Result<String, HubError> {
        let connection = self.connection.upgrade();
        Ok(format!("{question} {}", connection.is_some()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_receiver_handles_all_of_its_messages() {
    in_both(|connection: HubConnection, _| async move {
        let log = Log::default();
        let ui = || Ui {
            log: log.clone(),
            connection: connection.downgrade(),
        };
        let received = connection.receive(ui()).expect("the first");
        connection
            .receive(ui())
            .expect_err("two answers to one question");
        let answer: String = connection
            .invoke("ask", ("you?",))
            .await
            .expect("an answer");
        assert_eq!(answer, "you? true");
        connection
            .invoke::<()>("show", (["a"],))
            .await
            .expect("shown");
        settle().await;
        assert_eq!(log.all(), ["a"]);
        received.remove();
        connection.receive(ui()).expect("the place is free");
    })
    .await;
}
