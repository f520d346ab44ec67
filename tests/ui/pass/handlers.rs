//! What a client's handlers can be.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use signalr::{
    CallResult, Error, EventHandler, HandlerArgument, HandlerArguments, HandlerResult, HubConnection,
    HubConnectionBuilder, HubError,
};

#[derive(serde::Deserialize)]
struct Row<T> {
    value: T,
}

async fn named(text: String, number: u32) {
    println!("{text} {number}");
}

async fn named_answer(text: String) -> Result<usize, HubError> {
    Ok(text.len())
}

fn messages(connection: &HubConnection) {
    connection.on("a", || async {});
    connection.on("a", |text: String| async move { println!("{text}") });
    connection.on("a", async |text: String| println!("{text}"));
    connection.on("a", |row: Row<Box<str>>| async move { println!("{}", row.value) });
    connection.on("a", |_: u8, _: i16, _: u32, _: i64, _: f32, _: bool, _: (), _: char| async {});
    connection.on("a", |text: String| {
        println!("{text}");
        std::future::ready(())
    });
    connection.on("a", |_: u8| async { panic!("enough") });
    connection.on("a", named);

    let texts = Arc::new(Mutex::new(Vec::new()));
    connection.on("a", move |text: String| {
        let texts = Arc::clone(&texts);
        async move { texts.lock().unwrap().push(text) }
    });
    let count = AtomicUsize::new(0);
    connection.on("a", move |_: String| {
        count.fetch_add(1, Ordering::Relaxed);
        async {}
    });
}

fn answers(connection: &HubConnection) -> Result<(), Error> {
    connection.respond("a", || async { Ok(()) })?;
    connection.respond("a", |text: String| async move { Ok(text) })?;
    connection.respond("a", async |a: u32, b: u32| {
        a.checked_add(b).ok_or_else(|| HubError::new("too much"))
    })?;
    connection.respond("a", named_answer)?;
    Ok(())
}

/// With types that are not known yet.
fn last<A: HandlerArgument>(builder: HubConnectionBuilder, last: Arc<Mutex<Option<A>>>) {
    let _ = builder.on("a", move |it: A| {
        let last = Arc::clone(&last);
        async move { *last.lock().unwrap() = Some(it) }
    });
}

fn passed_on<A, H>(connection: &HubConnection, handler: H)
where
    A: HandlerArguments,
    H: EventHandler<A, Future: Future<Output = ()> + Send + 'static> + Send + Sync + 'static,
{
    connection.on("a", handler);
}

fn constant<R: HandlerResult + Clone + Sync>(connection: &HubConnection, answer: R) {
    let _ = connection.respond("a", move || std::future::ready(Ok(answer.clone())));
}

async fn asked<R: CallResult>(connection: &HubConnection) -> Result<R, Error> {
    connection.invoke("a", ()).await
}

async fn asked_for_what_serde_reads<R>(connection: &HubConnection) -> Result<R, Error>
where
    R: serde::de::DeserializeOwned + Send + 'static,
{
    connection.invoke("a", ()).await
}

fn main() {}
