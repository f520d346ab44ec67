//! The handle of a connection.

use std::{
    fmt,
    sync::{Arc, PoisonError, Weak},
};

use tokio::sync::watch;

use super::{
    arguments::{CallArguments, Values},
    events::Event,
    handler::{EventHandler, HandlerArguments, HandlerResult, ResultHandler},
    life,
    registration::Registration,
    shared::{HubConnectionState, Phase, Shared},
};
use crate::{
    connection::{Callbacks, ConnectionId, Handlers, ItemStream, Reply},
    error::Error,
    protocol::CallResult,
};

/// A connection to a hub.
///
/// Clones are handles of the same connection, and may be used from anywhere, its own handlers included. When the last handle is
/// dropped the connection is stopped; a handler that needs one and should not keep the connection takes a
/// [weak](Self::downgrade) one.
///
/// # Example
///
/// ```no_run
/// use signalr::HubConnection;
///
/// # async fn run() -> Result<(), signalr::Error> {
/// let connection = HubConnection::builder("http://localhost:5000/chat")
///     .on("said", |user: String, text: String| async move { println!("{user}: {text}") })
///     .automatic_reconnect()
///     .connect()
///     .await?;
/// connection.invoke::<()>("say", ("ann", "hi")).await?;
/// connection.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct HubConnection(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(life) = &*self.shared.life() {
            life.stop.cancel();
        }
    }
}

/// A handle that does not keep the connection; see [`HubConnection::downgrade`].
#[derive(Clone)]
pub struct WeakHubConnection(Weak<Handle>);

impl WeakHubConnection {
    /// A handle, if the connection still has one.
    #[must_use]
    pub fn upgrade(&self) -> Option<HubConnection> {
        self.0.upgrade().map(HubConnection)
    }
}

impl HubConnection {
    pub(super) fn new(shared: Shared) -> Self {
        let shared = Arc::new(shared);
        Self(Arc::new(Handle { shared }))
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.0.shared
    }

    /// Opens the connection: negotiates, finds a transport that works, and shakes hands.
    ///
    /// May be called again when the connection has ended. It lives on the runtime on which this is called, and ends when that is shut
    /// down; after that it can be started on another one.
    ///
    /// # Errors
    /// The connection is started already; the server is not reached, refuses, or answers something else than SignalR; the connection
    /// is stopped meanwhile; there is no runtime. It is `Disconnected` afterwards, and no closed event is raised.
    ///
    /// # Cancel safety
    /// Dropping the future ends the attempt, and the connection can be started again at once.
    pub async fn start(&self) -> Result<(), Error> {
        life::start(&self.0.shared).await
    }

    /// Ends the connection, or the attempts to open it. Calls that wait fail, running handlers are not waited for.
    ///
    /// Does nothing if there is no connection. May be called from a handler.
    ///
    /// # Cancel safety
    /// The connection ends even if the future is dropped, once it was polled.
    pub async fn stop(&self) {
        let life = self.0.shared.life().clone();
        if let Some(life) = life {
            life.stop.cancel();
            life.over.cancelled().await;
        }
    }

    /// Where the connection stands.
    #[must_use]
    pub fn state(&self) -> HubConnectionState {
        self.0.shared.phase().state()
    }

    /// The state to be watched; it can change any number of times between two looks.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # use signalr::{HubConnection, HubConnectionState};
    /// # async fn run(connection: HubConnection) {
    /// let mut states = connection.states();
    /// let _ = states.wait_for(|state| *state == HubConnectionState::Disconnected).await;
    /// # }
    /// ```
    #[must_use]
    pub fn states(&self) -> watch::Receiver<HubConnectionState> {
        self.0.shared.states()
    }

    /// The connection's id, while it is connected; none where nothing was negotiated.
    #[must_use]
    pub fn connection_id(&self) -> Option<ConnectionId> {
        match self.0.shared.phase() {
            Phase::Connected(line) => line.id,
            _ => None,
        }
    }

    /// Calls a method and waits for its result; `()` is that of a method without result.
    ///
    /// Waits first if the connection is just being opened.
    ///
    /// # Errors
    /// The connection is not open, or ends; an argument cannot be serialized; the method fails ([`Error::remote_message`]); the result
    /// is no `R`.
    ///
    /// # Cancel safety
    /// Dropping the future cancels the call, at the server too, and its uploads. A call that was not queued is not sent.
    pub async fn invoke<R: CallResult>(
        &self,
        method: &str,
        arguments: impl CallArguments + Send,
    ) -> Result<R, Error> {
        let line = self.0.shared.line("invoke").await?;
        let invoking = {
            let mut arguments = arguments;
            let uploads = arguments.uploads().0;
            line.caller.invoke(method, &Values(arguments), uploads)
        };
        invoking.await
    }

    /// Calls a method and wants no answer. Completes when the message is queued and the uploads, if there are any, have ended; waits
    /// while the queue is full.
    ///
    /// # Errors
    /// The connection is not open, or ends, even if only an upload is cut off by that; an argument cannot be serialized.
    ///
    /// # Cancel safety
    /// A message that was not queued is not sent. Uploads end.
    pub async fn send(
        &self,
        method: &str,
        arguments: impl CallArguments + Send,
    ) -> Result<(), Error> {
        let line = self.0.shared.line("send").await?;
        let sending = {
            let mut arguments = arguments;
            let uploads = arguments.uploads().0;
            line.caller.send(method, &Values(arguments), uploads)
        };
        sending.await
    }

    /// Calls a streaming method and gives its items. Dropping the stream cancels the call.
    ///
    /// Uploads, if there are any, go on in the background until they or the call end.
    ///
    /// A stream has to be read, or dropped: when its [buffer](crate::HubConnectionBuilder::stream_buffer) and 64 KiB more are full nothing
    /// else of the connection is read either, neither messages nor answers nor other streams, until an item is taken. The server is slowed
    /// down by way of TCP, and stays connected, as pings go out; its own pings and its Close message are not heard meanwhile. Only
    /// while a call waits for its answer reading goes on, and a stream that is 1 MiB ahead of its reader ends with an error.
    ///
    /// # Errors
    /// The connection is not open, or ends; an argument cannot be serialized. What goes wrong later is the stream's last item.
    ///
    /// # Cancel safety
    /// Dropping the future cancels the call. One that was not queued is not sent.
    pub async fn stream<T: CallResult>(
        &self,
        method: &str,
        arguments: impl CallArguments + Send,
    ) -> Result<ItemStream<T>, Error> {
        let line = self.0.shared.line("stream").await?;
        let opening = {
            let mut arguments = arguments;
            let uploads = arguments.uploads().0;
            line.caller.stream(method, &Values(arguments), uploads)
        };
        opening.await
    }

    /// Has a closure called whenever the server sends a message of this name, whatever its letter case.
    ///
    /// Messages are handled one after another in the order in which they come, whatever their names: a closure is called when the
    /// handlers of all earlier messages have ended, so a slow one holds later messages up, but no answers. Handlers of one name run one after
    /// another in the order of their registration. A message whose arguments do not fit is logged, and not handled.
    ///
    /// Messages that have come before the connection was lost or stopped are still handled, and those of the next connection wait for that.
    /// Up to 16 MiB of them may outlive their connections; more is dropped, as a handler does not end, and the log says so.
    ///
    /// No message is lost while the connection lasts. When 64 KiB of them wait for their handlers nothing more is read, so the server is
    /// slowed down by way of TCP, and its pings and its Close message wait too. Only while an answer or an item of the server is waited
    /// for, which a handler may need to go on, up to 16 MiB wait. If that many do, and the handler that runs does not end within the
    /// [`server_timeout`](crate::HubConnectionBuilder::server_timeout), the connection ends with an error that says so.
    ///
    /// The closure takes up to 8 arguments, whose types are named and owned: `String`, not `&str`, unlike the methods of hubs and
    /// receivers. What it keeps must be `Send`, `Sync` and `'static`, and its future `Send`: `Arc` instead of `Rc`, and a clone for each call.
    ///
    /// # Example
    ///
    /// ```no_run
    /// use std::sync::{Arc, Mutex};
    ///
    /// # fn run(connection: signalr::HubConnection) {
    /// let texts = Arc::new(Mutex::new(Vec::new()));
    /// connection.on("said", move |user: String, text: String| {
    ///     let texts = Arc::clone(&texts);
    ///     async move { texts.lock().expect("no panic").push(format!("{user}: {text}")) }
    /// });
    /// # }
    /// ```
    #[expect(clippy::missing_panics_doc, reason = "only a second result is refused")]
    pub fn on<A, H>(&self, name: &str, handler: H) -> Registration
    where
        A: HandlerArguments,
        H: EventHandler<A, Future: Future<Output = ()> + Send + 'static> + Send + Sync + 'static,
    {
        let mut handlers = Handlers::default();
        add_event(&mut handlers, name, handler);
        self.register(handlers).expect("it gives no result")
    }

    /// Has a closure answer the server's questions of this name. Questions do not wait for each other, nor hold messages up.
    ///
    /// Up to 100 questions are answered at a time, whatever their names, those of lost connections included whose handlers have not ended.
    /// More than that are answered with an error at once.
    ///
    /// The closure is as those of [`on`](Self::on), with a result `Result<R, HubError>`.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # fn run(connection: signalr::HubConnection) -> Result<(), signalr::Error> {
    /// connection.respond("length", |text: String| async move { Ok(text.len()) })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// There is one for this name.
    pub fn respond<A, R, H>(&self, name: &str, handler: H) -> Result<Registration, Error>
    where
        A: HandlerArguments,
        R: HandlerResult,
        H: ResultHandler<A, R, Future: Send + 'static> + Send + Sync + 'static,
    {
        let mut handlers = Handlers::default();
        add_result(&mut handlers, name, handler);
        self.register(handlers)
    }

    /// Has a receiver, an implementation of a `#[receiver]` trait, handle all of its messages.
    ///
    /// # Errors
    /// It answers questions of a name for which there is an answer already.
    pub fn receive(&self, receiver: impl Callbacks) -> Result<Registration, Error> {
        let mut handlers = Handlers::default();
        Arc::new(receiver).register(&mut handlers);
        self.register(handlers)
    }

    /// Takes all handlers of a name away.
    pub fn off(&self, name: &str) {
        let removed = {
            let handlers = self.0.shared.handlers.write();
            let mut handlers = handlers.unwrap_or_else(PoisonError::into_inner);
            handlers.remove_all(name)
        };
        drop(removed);
    }

    /// Has a closure called when the connection is lost and will be opened again; with the error, if there was one.
    ///
    /// The handlers of all events run one after another, on a task of their own.
    pub fn on_reconnecting<F>(&self, handler: impl Fn(Option<Error>) -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.0.shared.events.add(reconnecting(handler));
    }

    /// Has a closure called when the connection is open again; with the new id, if something was negotiated. It is in no group.
    pub fn on_reconnected<F>(
        &self,
        handler: impl Fn(Option<ConnectionId>) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        self.0.shared.events.add(reconnected(handler));
    }

    /// Has a closure called when the connection has ended for good; with the error, if there was one. It may start it again.
    pub fn on_closed<F>(&self, handler: impl Fn(Option<Error>) -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.0.shared.events.add(closed(handler));
    }

    /// A handle that does not keep the connection from being stopped when all others are gone.
    #[must_use]
    pub fn downgrade(&self) -> WeakHubConnection {
        WeakHubConnection(Arc::downgrade(&self.0))
    }

    fn register(&self, mut new: Handlers) -> Result<Registration, Error> {
        let handlers = Arc::clone(&self.0.shared.handlers);
        let numbers = {
            let mut handlers = handlers.write().unwrap_or_else(PoisonError::into_inner);
            handlers.append(&mut new)?
        };
        Ok(Registration { handlers, numbers })
    }
}

impl fmt::Debug for HubConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubConnection")
            .field("state", &self.state())
            .field("id", &self.connection_id())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for WeakHubConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakHubConnection")
    }
}

pub(super) type OnEvent = Arc<dyn Fn(Event) -> crate::connection::BoxFuture<()> + Send + Sync>;

pub(super) fn reconnecting<F>(
    handler: impl Fn(Option<Error>) -> F + Send + Sync + 'static,
) -> OnEvent
where
    F: Future<Output = ()> + Send + 'static,
{
    Arc::new(move |event| match event {
        Event::Reconnecting(error) => Box::pin(handler(error)),
        _ => Box::pin(std::future::ready(())),
    })
}

pub(super) fn reconnected<F>(
    handler: impl Fn(Option<ConnectionId>) -> F + Send + Sync + 'static,
) -> OnEvent
where
    F: Future<Output = ()> + Send + 'static,
{
    Arc::new(move |event| match event {
        Event::Reconnected(id) => Box::pin(handler(id)),
        _ => Box::pin(std::future::ready(())),
    })
}

pub(super) fn closed<F>(handler: impl Fn(Option<Error>) -> F + Send + Sync + 'static) -> OnEvent
where
    F: Future<Output = ()> + Send + 'static,
{
    Arc::new(move |event| match event {
        Event::Closed(error) => Box::pin(handler(error)),
        _ => Box::pin(std::future::ready(())),
    })
}

pub(super) fn add_event<A, H>(handlers: &mut Handlers, name: &str, handler: H)
where
    A: HandlerArguments,
    H: EventHandler<A, Future: Future<Output = ()> + Send + 'static> + Send + Sync + 'static,
{
    let handler = Arc::new(handler);
    handlers.add(name.to_owned(), A::COUNT, false, move |args| {
        let arguments = A::read(args)?;
        // The closure too is called in its turn.
        let handler = Arc::clone(&handler);
        Ok(Box::pin(async move {
            handler.call(arguments).await;
            Ok(Reply::nothing())
        }))
    });
}

pub(super) fn add_result<A, R, H>(handlers: &mut Handlers, name: &str, handler: H)
where
    A: HandlerArguments,
    R: HandlerResult,
    H: ResultHandler<A, R, Future: Send + 'static> + Send + Sync + 'static,
{
    let handler = Arc::new(handler);
    handlers.add(name.to_owned(), A::COUNT, true, move |args| {
        let arguments = A::read(args)?;
        let handler = Arc::clone(&handler);
        Ok(Box::pin(async move {
            handler.call(arguments).await.map(Reply::value)
        }))
    });
}
