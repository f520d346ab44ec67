//! `/streams`: streams in both directions.

use async_stream::stream;
use futures_util::{Stream, StreamExt, stream};
use signalr::{
    Blob, Connecting, Context, Error, HubError, Receiver, Single, Timestamp, hub, receiver,
};
use tokio::sync::Semaphore;

use crate::values::Profile;

#[receiver]
pub(crate) trait Listener {
    async fn heard(&self, from: &str, text: &str);
}

/// A permit for each step that streams may take which wait for one.
pub(crate) struct Session(Semaphore);

impl Session {
    async fn pass(&self) {
        let permit = self.0.acquire().await;
        permit.expect("the gate is never closed").forget();
    }
}

/// Tells the caller when its stream is dropped.
struct Farewell(ListenerProxy<Single>);

impl Drop for Farewell {
    fn drop(&mut self) {
        tokio::spawn(self.0.heard("stream", "dropped"));
    }
}

pub(crate) struct Streams;

#[hub(client = Listener, session = Session)]
impl Streams {
    async fn on_connected(&self, cx: &Connecting<Self>) -> Result<Session, HubError> {
        cx.clients().caller().heard("hub", "welcome").await?;
        Ok(Session(Semaphore::new(0)))
    }

    pub fn add(&self, a: i64, b: i64) -> i64 {
        a.wrapping_add(b)
    }

    pub fn abort_me(&self, cx: &Context<Self>) {
        cx.abort();
    }

    // ---- to the client ----

    pub fn count(&self, to: u32) -> impl Stream<Item = u32> {
        stream::iter(0..to)
    }

    /// Every second has no age.
    pub fn profiles(&self, names: Vec<String>) -> impl Stream<Item = Option<Profile>> {
        stream::iter(names).map(|full_name| {
            (!full_name.is_empty()).then_some(Profile {
                full_name,
                age: Some(37),
                tags: vec![],
            })
        })
    }

    pub fn blobs(&self, blobs: Vec<Blob>) -> impl Stream<Item = Blob> {
        stream::iter(blobs)
    }

    pub fn moments(&self, moments: Vec<Timestamp>) -> impl Stream<Item = Timestamp> {
        stream::iter(moments)
    }

    /// Counts, an item for each that `let_go` allows.
    pub fn held(&self, cx: &Context<Self>) -> impl Stream<Item = u32> {
        let farewell = Farewell(cx.clients().caller());
        stream! {
            for number in 0.. {
                cx.session().pass().await;
                yield number;
            }
            drop(farewell);
        }
    }

    pub fn let_go(&self, cx: &Context<Self>, items: usize) {
        cx.session().0.add_permits(items);
    }

    /// Never sends anything.
    pub fn silent(&self, cx: &Context<Self>) -> impl Stream<Item = u32> {
        let farewell = Farewell(cx.clients().caller());
        stream::pending().chain(stream::once(async move {
            drop(farewell);
            0
        }))
    }

    /// Counts to `after`, then fails with a text for the client, or with an inner one.
    pub fn torn(&self, after: u32, public: bool) -> impl Stream<Item = Result<u32, HubError>> {
        torn(after, public)
    }

    /// The same, as soon as `let_go` allows it.
    pub fn torn_later(
        &self,
        cx: &Context<Self>,
        after: u32,
        public: bool,
    ) -> impl Stream<Item = Result<u32, HubError>> {
        stream::once(cx.session().pass()).flat_map(move |()| torn(after, public))
    }

    pub fn panicking(&self) -> impl Stream<Item = u32> {
        stream::iter(0..2).map(|number| {
            assert!(number == 0, "the stream panicked, as the test asked");
            number
        })
    }

    pub fn refused(&self) -> Result<impl Stream<Item = u32>, HubError> {
        Err::<stream::Empty<u32>, _>(HubError::new("no paper left"))
    }

    // ---- from the client ----

    pub async fn sum(&self, numbers: Receiver<i64>) -> Result<i64, HubError> {
        sum(numbers).await
    }

    /// The sum as an event, for clients that upload without asking for the result.
    pub async fn sum_told(
        &self,
        cx: &Context<Self>,
        numbers: Receiver<i64>,
    ) -> Result<(), HubError> {
        let sum = sum(numbers).await?;
        Ok(cx.clients().caller().heard("sum", &sum.to_string()).await?)
    }

    /// The words of both sides by turns, as long as both have some.
    pub async fn weave(
        &self,
        left: Receiver<String>,
        between: &str,
        right: Receiver<String>,
    ) -> Result<String, HubError> {
        let mut woven = String::new();
        let mut pairs = left.zip(right);
        while let Some((left, right)) = pairs.next().await {
            woven += &format!("{}{between}{} ", left?, right?);
        }
        Ok(woven)
    }

    pub async fn profile_names(&self, profiles: Receiver<Profile>) -> Result<Vec<String>, Error> {
        let names = profiles.map(|profile| Ok(profile?.full_name));
        names.collect::<Vec<_>>().await.into_iter().collect()
    }

    /// All pieces as one.
    pub async fn upload(&self, mut pieces: Receiver<Blob>) -> Result<Blob, HubError> {
        let mut whole = Blob::default();
        while let Some(piece) = pieces.recv().await {
            whole.extend_from_slice(&piece?);
        }
        Ok(whole)
    }

    /// How many items came, and what came behind them.
    pub async fn outcome(&self, mut numbers: Receiver<u8>) -> String {
        let mut items = 0;
        loop {
            match numbers.recv().await {
                Some(Ok(_)) => items += 1,
                Some(Err(error)) => return format!("{items}, then {error}"),
                None => return format!("{items}, then the end"),
            }
        }
    }

    /// Does not wait for a single item.
    pub fn early(&self, _numbers: Receiver<u8>) -> &'static str {
        "early"
    }

    // ---- both ----

    pub fn scaled(
        &self,
        factor: i64,
        numbers: Receiver<i64>,
    ) -> impl Stream<Item = Result<i64, Error>> + use<> {
        numbers.map(move |number| Ok(number? * factor))
    }
}

fn torn(after: u32, public: bool) -> impl Stream<Item = Result<u32, HubError>> {
    let error = if public {
        HubError::new("the paper is torn")
    } else {
        std::io::Error::other("the secret").into()
    };
    stream::iter((0..after).map(Ok).chain([Err(error)]))
}

async fn sum(mut numbers: Receiver<i64>) -> Result<i64, HubError> {
    let mut sum = 0;
    while let Some(number) = numbers.recv().await {
        sum += number?;
    }
    Ok(sum)
}
