//! Further links of one connection, after the one that there was is lost.

use std::{
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use super::rt::{sleep, timeout};
use crate::{
    connection::BoxFuture,
    error::{Error, Kind},
    transport::{Transport, relinked::Source},
};

/// Opens another link to the same server, for the same connection: no negotiation, no handshake.
pub(super) type Redial =
    Box<dyn Fn() -> BoxFuture<Result<Box<dyn Transport>, Error>> + Send + Sync>;

/// How long a server waits for a link, if it is set as all are.
const WINDOW: Duration = Duration::from_secs(15);
/// Between two attempts: the first of them, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(2)];

/// Tries at once, and then again and again while the server may wait.
pub(super) struct Redialing {
    redial: Arc<Redial>,
    trying: Option<BoxFuture<Result<Box<dyn Transport>, Error>>>,
}

impl Redialing {
    pub(super) fn new(redial: Redial) -> Self {
        Self {
            redial: Arc::new(redial),
            trying: None,
        }
    }
}

impl Source for Redialing {
    fn poll_link(
        &mut self,
        cx: &mut Context<'_>,
        lost: bool,
    ) -> Poll<Result<Box<dyn Transport>, Error>> {
        if !lost {
            return Poll::Pending;
        }
        let redial = &self.redial;
        let trying = self
            .trying
            .get_or_insert_with(|| Box::pin(dial(Arc::clone(redial))));
        let link = ready!(trying.as_mut().poll(cx));
        self.trying = None;
        Poll::Ready(link)
    }

    fn want(&mut self, links: bool) {
        if !links {
            self.trying = None;
        }
    }
}

async fn dial(redial: Arc<Redial>) -> Result<Box<dyn Transport>, Error> {
    let mut last = None;
    let dialing = async {
        let mut pause = PAUSES[0];
        loop {
            match redial().await {
                // The server has answered, and will not answer otherwise.
                Err(error) if error.is_status() => return Err(error),
                Err(error) => last = Some(error),
                link => return link,
            }
            sleep(pause).await;
            pause = PAUSES[1].min(2 * pause);
        }
    };
    let error = match timeout(WINDOW, dialing).await {
        Ok(Ok(link)) => return Ok(link),
        Ok(Err(error)) => Some(error),
        Err(_) => last,
    };
    let what = "Reconnect attempt failed.".to_owned();
    Err(match error {
        Some(source) => Kind::ConnectBy {
            what,
            source: source.into(),
        },
        None => Kind::Connect(what.into()),
    }
    .into())
}
