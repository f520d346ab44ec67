//! Pipes that are cut at random bytes, and the connector that opens them.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{
            AtomicBool, AtomicUsize,
            Ordering::{Relaxed, SeqCst},
        },
    },
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use crate::{
    Error, Hub, HubServer,
    client::connector::{Connect, Connected},
    connection::BoxFuture,
    error::Kind,
    transport::{Transport, links::Links, tcp::Raw},
};

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn up_to(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let most = u64::try_from(most).expect("a size");
        usize::try_from(self.0 % most + 1).expect("a size")
    }
}

/// What both ends of a pipe share: how many more bytes go in or out of either, and whether it is cut.
struct Cut {
    left: AtomicUsize,
    is_cut: AtomicBool,
}

impl Cut {
    fn after(bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            left: AtomicUsize::new(bytes),
            is_cut: AtomicBool::new(false),
        })
    }
}

/// One end of a pipe that is cut after some bytes; what is in it then is lost.
struct End {
    io: Option<DuplexStream>,
    cut: Arc<Cut>,
}

impl End {
    fn pair(cut: &Arc<Cut>) -> (Self, Self) {
        let (near, far) = tokio::io::duplex(16 * 1024);
        let end = |io| Self {
            io: Some(io),
            cut: Arc::clone(cut),
        };
        (end(near), end(far))
    }

    fn io(&mut self) -> io::Result<&mut DuplexStream> {
        if self.cut.left.load(Relaxed) == 0 {
            self.cut.is_cut.store(true, SeqCst);
        }
        if self.cut.is_cut.load(SeqCst) {
            // The other end is woken by that.
            self.io = None;
        }
        let reset = io::ErrorKind::ConnectionReset;
        self.io.as_mut().ok_or_else(|| reset.into())
    }

    fn used(&mut self, bytes: usize) {
        let left = self.cut.left.load(Relaxed).saturating_sub(bytes);
        self.cut.left.store(left, Relaxed);
        if left == 0 {
            self.io().err();
        }
    }
}

impl AsyncRead for End {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let most = self.cut.left.load(Relaxed).min(into.remaining());
        let mut some = into.take(most);
        let polled = Pin::new(self.io()?).poll_read(cx, &mut some);
        let read = some.filled().len();
        if let Poll::Ready(Ok(())) = &polled {
            // The bytes are initialized in the taken part of the same buffer.
            into.advance(read);
            self.used(read);
        }
        polled
    }
}

impl AsyncWrite for End {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let most = self.cut.left.load(Relaxed).min(bytes.len());
        let written = Pin::new(self.io()?).poll_write(cx, &bytes[..most]);
        if let Poll::Ready(Ok(written)) = written {
            self.used(written);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.io()?).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.io()?).poll_shutdown(cx)
    }
}

/// Where links come from, and what becomes of them.
pub(super) struct Network {
    dice: Mutex<Dice>,
    /// How many more are cut, and after how many bytes at most.
    pub(super) cuts: AtomicUsize,
    most: usize,
    /// How many links were opened, the first aside.
    pub(super) links: AtomicUsize,
    /// How many attempts fail in between.
    pub(super) failing: AtomicUsize,
    /// The answer to all further attempts.
    pub(super) refuses: AtomicBool,
    /// The link that is in use.
    current: Mutex<Option<Arc<Cut>>>,
}

impl Network {
    pub(super) fn new(seed: u64, cuts: usize, most: usize) -> Arc<Self> {
        Arc::new(Self {
            dice: Mutex::new(Dice(seed)),
            cuts: AtomicUsize::new(cuts),
            most,
            links: AtomicUsize::new(0),
            failing: AtomicUsize::new(0),
            refuses: AtomicBool::new(false),
            current: Mutex::new(None),
        })
    }

    fn pipe(&self) -> (End, End) {
        let cuts = self.cuts.load(Relaxed);
        let bytes = if cuts == 0 {
            usize::MAX
        } else {
            self.cuts.store(cuts - 1, Relaxed);
            self.dice.lock().expect("not poisoned").up_to(self.most)
        };
        let cut = Cut::after(bytes);
        let pair = End::pair(&cut);
        *self.current.lock().expect("not poisoned") = Some(cut);
        pair
    }

    /// Cuts the link in use; its ends notice when they use it.
    pub(super) fn cut(&self) {
        let current = self.current.lock().expect("not poisoned");
        let current = current.as_ref().expect("a link");
        current.is_cut.store(true, SeqCst);
    }
}

pub(super) struct Connector<H: Hub> {
    pub(super) server: HubServer<H>,
    pub(super) network: Arc<Network>,
}

impl<H: Hub> Connect for Connector<H> {
    fn connect(&self) -> BoxFuture<Result<Connected, Error>> {
        // The handshake itself is not repeated, so its link lasts a little.
        let cut = Cut::after(usize::MAX);
        let (near, far) = End::pair(&cut);
        *self.network.current.lock().expect("not poisoned") = Some(cut);
        let (links, served) = self.server.serve_links(Box::new(Raw::new(far)));
        tokio::spawn(served);
        let network = Arc::clone(&self.network);
        let connected = Connected {
            transport: Box::new(Raw::new(near)),
            id: None,
            is_alive_by_itself: false,
            redial: Some(Box::new(move || {
                let link = redial(&network, &links);
                Box::pin(async move { link })
            })),
            refresh: None,
        };
        Box::pin(async move { Ok(connected) })
    }
}

fn redial(network: &Network, links: &Arc<Links>) -> Result<Box<dyn Transport>, Error> {
    if network.refuses.load(Relaxed) || !links.are_wanted() {
        return Err(Kind::Status {
            what: "the WebSocket",
            url: "http://test".into(),
            status: 404,
        }
        .into());
    }
    let failing = network.failing.load(Relaxed);
    if failing > 0 {
        network.failing.store(failing - 1, Relaxed);
        return Err(io::Error::from(io::ErrorKind::ConnectionRefused).into());
    }
    network.links.fetch_add(1, Relaxed);
    let (near, far) = network.pipe();
    links.offer(Box::new(Raw::new(far)));
    Ok(Box::new(Raw::new(near)))
}
