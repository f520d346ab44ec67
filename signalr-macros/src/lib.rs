//! The attributes of [`signalr`](https://docs.rs/signalr): [`#[hub]`](macro@hub), [`#[receiver]`](macro@receiver) and
//! [`#[dotnet]`](macro@dotnet).
//!
//! Use them through `signalr`, which re-exports them and holds what they expand to. The two crates are
//! released together, and only fit each other in the same version.
//!
//! # What an expansion looks like
//!
//! ```text
//! #[hub(client = ChatClient)]
//! impl ChatHub {
//!     pub async fn send(&self, cx: &Context<Self>, user: &str) -> Result<(), HubError> { … }
//! }
//! ```
//!
//! leaves the block as it is, and adds a table, which is a constant:
//!
//! ```text
//! impl Hub for ChatHub {
//!     type Client = <dyn ChatClient as ClientTrait>::Contract;
//!     type Session = ();
//!     const NAME: &'static str = "ChatHub";
//!     const METHODS: &'static [Method<Self>] = &[
//!         method("send", &["user"], 0, Kind::Call, |call, args| {
//!             let user = args.next::<String>("user")?;
//!             args.finish()?;
//!             Ok(Box::pin(async move {
//!                 let hub = call.hub().await?;
//!                 let result = Self::send(&hub, call.context(), &user).await;
//!                 Call::ok(&call, result)?;
//!                 call.value(())
//!             }))
//!         }),
//!     ];
//!     fn on_connected(…) { … }
//! }
//! ```
//!
//! and what clients in Rust call it through; nothing of it without `signalr`'s feature `client`:
//!
//! ```text
//! __client! {
//!     pub struct ChatHubProxy<M = Invoked>(Proxy<M>);
//!
//!     impl ChatHubProxy {
//!         pub fn new(connection: &HubConnection) -> Self { … }
//!         pub fn sending(&self) -> ChatHubProxy<Sent> { … }
//!         // streams: pub async fn count(&self, to: u32) -> Result<ItemStream<u32>, Error>
//!     }
//!
//!     impl<M: CallMode> ChatHubProxy<M> {
//!         pub async fn send(&self, user: &str) -> Result<M::Answer<()>, Error>
//!         where for<'defer> str: Lent, for<'defer> (): Answer
//!         {
//!             self.0.call("send", (user,)).await
//!         }
//!     }
//! }
//! ```
//!
//! ```text
//! #[hub]
//! trait Chat { async fn send(&self, cx: &Context<Self>, user: &str) -> Result<(), HubError>; }
//! ```
//!
//! becomes the trait, its table, and the same proxy:
//!
//! ```text
//! trait Chat {
//!     fn send(&self, cx: &Context<Self>, user: &str) -> impl Future<Output = Result<(), HubError>> + Send
//!     where Self: Hub;
//! }
//!
//! __server! {
//!     impl<H: Chat + Hub> Methods<H> for dyn Chat
//!     where for<'defer> String: HubArg
//!     {
//!         const METHODS: &'static [Method<H>] = &[ … ];
//!     }
//! }
//!
//! __client! { struct ChatProxy … }
//! ```
//!
//! and `#[hub] impl Chat for App` is the block, and an `impl Hub for App` with that table.
//!
//! ```text
//! #[receiver]
//! trait ChatClient { async fn said(&self, user: &str); }
//! ```
//!
//! becomes the trait and its proxy:
//!
//! ```text
//! trait ChatClient: Send + Sync + 'static {
//!     fn said(&self, user: &str) -> impl Future<Output = ()> + Send where Self: Sized;
//! }
//!
//! struct ChatClientProxy<T = Many>(T);
//!
//! impl<T: Target> ChatClientProxy<T> {
//!     fn said(&self, user: &str) -> Sending { send(&self.0, "said", (user,)) }
//! }
//!
//! impl Contract for ChatClientProxy { … }                     // how a server makes it
//! impl ClientTrait for dyn ChatClient { … }                   // how the trait leads to it
//! impl<C: ChatClient> Register<C> for ChatClientProxy { … }   // how a client listens
//! ```
//!
//! ```text
//! #[dotnet]
//! #[derive(Debug, Serialize, Deserialize)]
//! struct Order { order_id: u32 }
//! ```
//!
//! becomes the struct without serde's derives, and two shadows that have them:
//!
//! ```text
//! #[derive(Debug)]
//! struct Order { order_id: u32 }
//!
//! const _: () = {
//!     #[derive(Serialize, Deserialize)]
//!     #[serde(remote = "Order")]
//!     struct __OrderInJson { #[serde(rename = "orderId", alias = "OrderId")] order_id: u32 }
//!
//!     #[derive(Serialize, Deserialize)]
//!     #[serde(remote = "Order")]
//!     struct __OrderInMessagePack { #[serde(rename = "OrderId", alias = "orderId")] order_id: u32 }
//!
//!     impl Serialize for Order { … }                // through the shadow of the encoding
//!     impl<'de> Deserialize<'de> for Order { … }
//! };
//! ```

#![forbid(unsafe_code)]

mod args;
mod classify;
mod entry;
mod errors;
mod lifecycle;
mod model;
mod naming;
mod owned;
mod read_contract;
mod read_dotnet;
mod read_dotnet_enum;
mod read_hub;
mod read_receiver;
mod render;
mod render_callbacks;
mod render_contract;
mod render_dotnet;
mod render_hub;
mod render_proxy;
mod render_proxy_method;
mod render_receiver;
mod render_register;
mod serde_attrs;
mod types;
mod validate;

use proc_macro::TokenStream;

/// Makes the `pub` methods of an `impl` block callable by clients, or a trait the contract of a hub and its clients.
///
/// ```ignore
/// use signalr::{Context, HubError, hub};
///
/// struct ChatHub;
///
/// #[hub(client = ChatClient)]
/// impl ChatHub {
///     pub async fn send(&self, cx: &Context<Self>, user: &str, text: &str) -> Result<(), HubError> {
///         Ok(cx.clients().all().message_received(user, text).await?)
///     }
/// }
/// ```
///
/// A method is callable if it is `pub` and takes `&self`. All others are helpers, except for two names that
/// stand for the ends of a connection, `pub` or not:
///
/// ```ignore
/// async fn on_connected(&self, cx: &Connecting<Self>) -> Result<Session, HubError>
/// async fn on_disconnected(&self, cx: &Context<Self>, reason: Option<&Error>)
/// ```
///
/// What `on_connected` returns is the connection's session, which `cx.session()` lends to every call. Arguments
/// at the end of the two can be left out.
///
/// # Arguments
///
/// What an argument is depends on how its type is written:
///
/// | argument | is |
/// |---|---|
/// | `cx: &Context<Self>`, first | the context of the call |
/// | `Receiver<T>`, ours or tokio's `mpsc` one | an upload: a stream of values from the client |
/// | `CancellationToken` | what tells that the client has cancelled the call |
/// | `&str`, `&[T]`, `&T`, and these in an `Option` | a value from the client, lent for the call |
/// | any other `T` | a value from the client |
///
/// A client can cancel a call (.NET's can, and Rust's). A method that takes no token is dropped then, where it awaits; one that takes it
/// goes on, and answers what it likes. A stream is dropped in any case. The token fires too when the connection ends.
///
/// Values are read with `serde::Deserialize`, up to sixteen of them. Methods cannot be generic, and have no `impl Trait` and no
/// patterns among their arguments.
///
/// # Results
///
/// | return type | answers |
/// |---|---|
/// | none, or `()` | with no value |
/// | `impl Stream<Item = T>`, a boxed one, `BoxStream`, tokio's `ReceiverStream` | item by item |
/// | `Receiver<T>` | item by item |
/// | `Result<…, E>`, or a name that ends so, as `ApiResult<…>` | as what is inside, or with an error |
/// | any other `T` | with a value |
///
/// Values and items are written with `serde::Serialize`; the items of a stream can be `Result`s too. An error is a `HubError`
/// or a `std::error::Error`. A stream may borrow from the hub and from the arguments. Methods may be `async` or not.
///
/// An alias hides what it stands for. One for a `Result` is refused, unless its name and its arguments tell; one for a stream
/// is not recognized, and refused because streams have no `Serialize`.
///
/// # Options
///
/// On the block:
///
/// - `client = Trait`: what the server can call on clients, a trait with [`#[receiver]`](macro@receiver).
///   Default: whatever it likes, by name.
/// - `session = Type`: what a connection carries. Default: what `on_connected` returns; without `on_connected` it is `()`, and
///   a type given here is made by `Default`.
/// - `rename_all = "PascalCase"`: how methods are called on the wire; `"snake_case"` as well. Default: `"camelCase"`.
/// - `name = "…"`: what the hub is called in logs. Default: the name of the type.
/// - `proxy = pub(crate) Name`: the type through which clients in Rust call the hub. Default: `pub`, and called as the hub with
///   `Proxy` behind it.
///
/// On a method:
///
/// - `#[hub(name = "…")]`: what this one is called on the wire.
///
/// Two methods of a block cannot have one name on the wire, where ASCII case does not count.
///
/// # Clients in Rust
///
/// With the feature `client`, the hub's methods stand on `ChatHubProxy` as a client calls them:
///
/// ```ignore
/// let chat = ChatHubProxy::new(&connection);
/// chat.send("ann", "hello").await?;
/// ```
///
/// | the hub's | is the proxy's |
/// |---|---|
/// | `&Context<Self>`, `CancellationToken` | left out; a call is cancelled by dropping its future |
/// | `Receiver<T>` | `impl Stream<Item = T> + Send + 'static` |
/// | other arguments | as written: what is lent to the hub is lent by the caller |
/// | no result, `T`, `Result<T, E>` | `async`, with `Result<T, signalr::Error>` |
/// | a stream of `T`, or of `Result<T, E>` | `async`, with `Result<ItemStream<T>, signalr::Error>` |
/// | `&str`, `&[T]`, `&T` in results | `String`, `Vec<T>`, `T` |
/// | `impl Serialize` | what the caller says |
///
/// `chat.sending()` has the methods that are no streams once more: they want no answer, and are done when the call is queued. A generic
/// hub has a proxy with the same parameters. A hub's own methods `new` and `sending` go before these; `From<&HubConnection>`
/// makes a proxy, too. That arguments can be serialized, and results be read, is asked where a method is called.
///
/// # Contracts
///
/// On a trait, `#[hub]` makes the contract of a hub and its clients, which belongs into a crate of its own:
///
/// ```ignore
/// #[hub]
/// pub trait Chat {
///     async fn send(&self, cx: &Context<Self>, user: &str, text: &str) -> Result<(), HubError>;
///     fn history(&self) -> impl Stream<Item = String>;
/// }
/// ```
///
/// Clients call `ChatProxy`, which is as visible as the trait. The server implements it, with a session and the two ends of a connection
/// as above, and `client`, `session` and `name` as options:
///
/// ```ignore
/// #[hub(client = ChatClient)]
/// impl Chat for App {
///     async fn send(&self, cx: &Context<Self>, user: &str, text: &str) -> Result<(), HubError> {
///         Ok(cx.clients().all().message_received(user, text).await?)
///     }
///     fn history(&self) -> impl Stream<Item = String> {
///         stream::iter(self.history.clone())
///     }
/// }
/// ```
///
/// All methods of the trait are callable. They are declared as they are implemented, contexts and tokens included; `name` and
/// `rename_all` stand on the trait. For a hub in another language, a trait that nobody implements makes a typed client.
///
/// The crate depends on `signalr` with `default-features = false, features = ["macros"]`, and so needs neither server nor client.
#[proc_macro_attribute]
pub fn hub(options: TokenStream, item: TokenStream) -> TokenStream {
    entry::hub(options.into(), item.into()).into()
}

/// Makes a trait the contract of what a server can call on its clients.
///
/// ```ignore
/// use signalr::receiver;
///
/// #[receiver]
/// pub trait ChatClient {
///     async fn message_received(&self, user: &str, text: &str);
///     async fn confirm(&self, question: &str) -> bool;
/// }
/// ```
///
/// On the server, `#[hub(client = ChatClient)]` leads to it: `cx.clients()` then has these methods. A method without result can be sent
/// to any number of clients. One with a result asks a single client, and waits for the answer; `Result<T, E>` lets the client answer
/// with an error. What they are called on is the type `ChatClientProxy`, which stands beside the trait and is as visible.
///
/// On a client in Rust, the same attribute stands on the `impl`:
///
/// ```ignore
/// struct Ui;
///
/// #[receiver]
/// impl ChatClient for Ui {
///     async fn message_received(&self, user: &str, text: &str) {
///         println!("{user}: {text}");
///     }
///     async fn confirm(&self, question: &str) -> bool {
///         question.ends_with('?')
///     }
/// }
/// ```
///
/// Methods are `async`, take `&self`, and are not generic. Arguments are values as in [`#[hub]`](macro@hub): the server needs
/// `serde::Serialize` for those that it sends, a client `serde::Deserialize` for all of them, and results the other way about.
///
/// A type handles the messages of one contract.
///
/// # Options
///
/// On the trait:
///
/// - `rename_all = "PascalCase"`: how methods are called on the wire; `"snake_case"` as well. Default: `"camelCase"`. Clients in
///   JavaScript and Rust don't mind the case of names, but those in .NET and Java do, and .NET code usually listens to `"PascalCase"`.
///
/// On a method of the trait:
///
/// - `#[receiver(name = "…")]`: what this one is called on the wire.
///
/// The `impl` takes no options.
#[proc_macro_attribute]
pub fn receiver(options: TokenStream, item: TokenStream) -> TokenStream {
    entry::receiver(options.into(), item.into()).into()
}

/// What the `#[derive(Serialize, Deserialize)]` below it makes goes by .NET's defaults: camelCase in JSON, PascalCase in MessagePack.
///
/// # When it is needed
///
/// .NET declares `OrderId`. It writes `orderId` in JSON, and reads that in any letter case; in MessagePack it writes `OrderId`, and
/// reads nothing else. Enums are numbers in JSON, and names in MessagePack. So what to write depends on who is there:
///
/// | clients | on a type that travels |
/// |---|---|
/// | none in .NET, or those with JSON only | `#[serde(rename_all = "camelCase")]` |
/// | in .NET, with MessagePack only | `#[serde(rename_all = "PascalCase")]` |
/// | in .NET with MessagePack, and any with JSON | `#[dotnet]` |
///
/// It goes on the types inside as well, each for itself. Clients in JavaScript, Java and Python see the names as they are sent:
/// `order.orderId` in JSON, `order.OrderId` in MessagePack. What clients send is read with either name in both encodings, so it
/// does not matter which of them they took.
///
/// # Structs
///
/// A property is called as the field, in PascalCase, and in JSON what .NET makes of that: `orderId` of `OrderId`, but `url` of `URL`
/// and `urlValue` of `URLValue`. On a field:
///
/// - `#[dotnet(name = "…")]`: what .NET calls the property, where that is not the PascalCase of the field: `"URLValue"`.
/// - `#[dotnet(json = "…")]`: what it is called in JSON, where .NET has a `[JsonPropertyName]` on it.
///
/// All other attributes of serde stay in force: `default`, `skip`, `flatten`, `with`, `deny_unknown_fields` and so on. As with serde alone, a
/// property that is missing is an error, unless it is an `Option` or has a `default`; .NET writes all of them.
///
/// # Enums
///
/// An enum without data is its number in JSON, and its name in MessagePack; neither is read for the other.
///
/// - `#[dotnet(name = "…")]` on a variant: what .NET calls it.
/// - `#[serde(other)]` on a variant: what all unknown numbers and names are read as. Without it, they are errors.
///
/// # What it does not go on
///
/// Tuple structs, which serde writes as what is in them, and enums with data, which .NET does not have. Where .NET has a
/// `[JsonDerivedType]` for each case, the enum is serde's with `#[serde(tag = "$type")]`, and `#[dotnet]` goes on the structs in it.
///
/// A type that is read has no lifetimes; one that is only written may have them.
///
/// Other formats than MessagePack, such as a file in TOML, get what JSON gets.
#[proc_macro_attribute]
pub fn dotnet(options: TokenStream, item: TokenStream) -> TokenStream {
    entry::dotnet(options.into(), item.into()).into()
}
