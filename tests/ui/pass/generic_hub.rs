//! A hub with type parameters, `Self` in its types, and consts beside its methods.

use serde::{Serialize, de::DeserializeOwned};
use signalr::{Connecting, Context, Error, Hub, HubError, hub};

pub trait Repo: Send + Sync + 'static {
    type Id: DeserializeOwned + Send + Sync;
    type Row: Serialize + Send;
    type Error: std::error::Error + Send + Sync;

    fn find(&self, id: &Self::Id) -> Result<Self::Row, Self::Error>;
}

pub struct Generic<R, const N: usize> {
    repo: R,
}

#[hub(session = Vec<R::Id>)]
impl<R: Repo, const N: usize> Generic<R, N>
where
    R::Row: Sync,
{
    const LIMIT: usize = N;

    pub async fn find(&self, _cx: &Context<Self>, id: R::Id) -> Result<R::Row, R::Error> {
        self.repo.find(&id)
    }
    pub async fn find_lent(&self, id: &R::Id) -> Option<R::Row> {
        self.repo.find(id).ok()
    }
    pub fn limit(&self) -> usize {
        Self::LIMIT
    }
    pub fn maximum<'a>(&'a self, cx: &'a Context<Self>) -> &'a str {
        cx.connection_id()
    }

    async fn on_connected(&self, cx: &Connecting<Self>) -> Result<Vec<R::Id>, HubError> {
        let _ = cx.user_id();
        Ok(Vec::new())
    }

    pub async fn on_disconnected(&self, cx: &Context<Self>, reason: Option<&Error>) {
        let _: &Vec<R::Id> = cx.session();
        let _ = reason;
    }
}

/// `Self` is what the hub is, in arguments and results too.
#[derive(serde::Serialize, serde::Deserialize, Clone)]
pub struct Counter(u8);

#[hub]
impl Counter {
    pub fn larger<'a>(&'a self, other: &'a Self) -> &'a Self {
        if self.0 < other.0 { other } else { self }
    }
    pub async fn add(&self, others: Vec<Self>) -> Option<Self> {
        others.first().cloned()
    }
}

/// What the server asks of a hub need not be written down.
pub struct Loose<R>(R);

#[hub]
impl<R: Clone + Into<u8>> Loose<R> {
    pub async fn get(&self) -> u8 {
        tokio::task::yield_now().await;
        self.0.clone().into()
    }
}

struct Rows;

impl Repo for Rows {
    type Id = u8;
    type Row = String;
    type Error = std::io::Error;

    fn find(&self, _: &u8) -> Result<String, std::io::Error> {
        Ok(String::new())
    }
}

fn main() {
    assert_eq!(Generic::<Rows, 3>::NAME, "Generic");
    assert_eq!(Generic::<Rows, 3>::METHODS.len(), 4);
    assert_eq!(Generic::<_, 3> { repo: Rows }.limit(), 3);
    assert_eq!(Counter::METHODS.len(), 2);
    assert_eq!(Loose::<bool>::METHODS.len(), 1);
    let _ = Loose(true);
}
