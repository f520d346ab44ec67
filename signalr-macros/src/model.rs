//! What a `#[hub]` block, a `#[receiver]` trait and a `#[dotnet]` type say, as plain data.

use proc_macro2::Ident;
use syn::{
    Attribute, Generics, ImplItemFn, Item, ItemImpl, ItemStruct, ItemTrait, Path, Signature, Type,
    Visibility, WherePredicate,
};

use crate::validate::Named;

/// An `impl` block with `#[hub]`.
pub(crate) struct HubModel {
    /// The block as the user gets it back: without our attributes and the lifecycle methods.
    pub(crate) block: ItemImpl,
    pub(crate) client: Option<Path>,
    /// What clients in Rust call it through; nothing, where the type has no name.
    pub(crate) proxy: Option<ProxyName>,
    pub(crate) session: Session,
    pub(crate) name: String,
    /// `on_connected` and `on_disconnected`, ready to stand in `impl Hub`.
    pub(crate) lifecycle: Vec<ImplItemFn>,
    pub(crate) methods: Methods,
}

/// What clients can call.
pub(crate) enum Methods {
    /// The block's own methods.
    Own(Vec<HubMethod>),
    /// Those of the trait that the block implements.
    Contract(Path),
}

/// A trait with `#[hub]`.
pub(crate) struct ContractModel {
    /// The trait, with no items.
    pub(crate) item: ItemTrait,
    pub(crate) proxy: ProxyName,
    /// The trait itself has mistakes that forbid to name it in what we make of it.
    pub(crate) broken: bool,
    pub(crate) methods: Vec<ContractMethod>,
}

/// A method that a contract declares.
pub(crate) struct ContractMethod {
    pub(crate) attrs: Vec<Attribute>,
    /// As the trait declares it.
    pub(crate) sig: Signature,
    /// Nothing, where there are mistakes.
    pub(crate) callable: Option<HubMethod>,
}

/// What a connection carries, and where it comes from.
pub(crate) enum Session {
    /// Nothing: no session was named, and no `on_connected` written.
    Unit,
    /// Named in the attribute; no `on_connected` makes it.
    Default(Type),
    /// Made by `on_connected`.
    Made(Type),
    /// Of an `on_connected` that can't be used.
    Broken(Option<Type>),
}

/// The type through which clients call a hub.
pub(crate) struct ProxyName {
    pub(crate) vis: Visibility,
    pub(crate) ident: Ident,
}

/// A method that clients can call.
pub(crate) struct HubMethod {
    pub(crate) ident: Ident,
    pub(crate) wire: String,
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) is_async: bool,
    pub(crate) args: Vec<Arg>,
    pub(crate) outcome: Outcome,
}

impl HubMethod {
    pub(crate) fn named(&self) -> Named<'_> {
        Named {
            ident: &self.ident,
            wire: &self.wire,
            has_cfg: !self.cfgs.is_empty(),
        }
    }
}

/// One argument of a hub method.
#[expect(clippy::large_enum_variant, reason = "there are few of them")]
pub(crate) enum Arg {
    Context,
    Upload {
        ident: Ident,
        ty: Type,
    },
    /// What tells the method that it is cancelled.
    Cancellation {
        ty: Type,
    },
    Wire {
        ident: Ident,
        /// As written.
        ty: Type,
        wire: Wire,
    },
}

/// A value that is decoded owned, and then given or lent to the method.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) ty: Type,
    pub(crate) lend: Lend,
}

/// How a method wants a decoded value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lend {
    /// `T`
    Given,
    /// `&T`, `&str`, `&[T]`
    Lent,
    /// `Option<&T>`
    LentInOption,
    /// `Option<&str>`, `Option<&[T]>`
    LentInOptionUnsized,
}

/// What a method returns, or its future.
pub(crate) struct Outcome {
    pub(crate) fallible: Option<Fallible>,
    pub(crate) yields: Yields,
}

/// The `Result` around what a method yields.
#[derive(Clone)]
pub(crate) struct Fallible {
    /// The whole type, as written.
    pub(crate) ty: Type,
    /// The error type, where it is written.
    pub(crate) error: Option<Type>,
    /// A name such as `ApiResult<T>` is not sure to mean a `Result`.
    pub(crate) by_name: bool,
}

/// What a method yields, errors aside.
pub(crate) enum Yields {
    Unit,
    Value(Type),
    /// A stream.
    Items(Box<Items>),
    /// The receiving half of a channel.
    Received(Type),
}

/// What a stream yields: values, or `Result`s with such values.
pub(crate) struct Items {
    pub(crate) item: Type,
    pub(crate) fallible: Option<Fallible>,
}

/// A trait with `#[receiver]`.
pub(crate) struct ReceiverModel {
    /// The trait, with no items.
    pub(crate) item: ItemTrait,
    /// The trait itself has mistakes that forbid to name it in what we make of it.
    pub(crate) broken: bool,
    pub(crate) methods: Vec<ReceiverMethod>,
}

/// A message to clients.
pub(crate) struct ReceiverMethod {
    pub(crate) attrs: Vec<Attribute>,
    /// As the trait declares it, but for `async` and the return type.
    pub(crate) sig: Signature,
    pub(crate) wire: String,
    pub(crate) params: Vec<Param>,
    pub(crate) outcome: Outcome,
    /// A method with mistakes still gets a proxy method, so that calls of it raise no others.
    pub(crate) broken: bool,
}

impl ReceiverMethod {
    pub(crate) fn named(&self) -> Named<'_> {
        Named {
            ident: &self.sig.ident,
            wire: &self.wire,
            has_cfg: self.attrs.iter().any(|attr| attr.path().is_ident("cfg")),
        }
    }
}

/// An argument of a message.
pub(crate) struct Param {
    pub(crate) ident: Ident,
    /// As written.
    pub(crate) ty: Type,
    pub(crate) wire: Wire,
}

/// A type with `#[dotnet]`.
pub(crate) struct DotnetModel {
    /// The type as the user gets it back: without our attributes, and without what is ours to do.
    pub(crate) item: Item,
    /// Nothing, where there are mistakes: what the item derives is left to serde then.
    pub(crate) wire: Option<DotnetWire>,
}

/// How a type travels.
pub(crate) struct DotnetWire {
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) derives: Derives,
    pub(crate) shape: DotnetShape,
}

/// The traits of serde that a type derives, as they are written there.
#[derive(Default)]
pub(crate) struct Derives {
    pub(crate) serialize: Option<Path>,
    pub(crate) deserialize: Option<Path>,
}

pub(crate) enum DotnetShape {
    Struct(Box<DotnetStruct>),
    Enum(Vec<DotnetVariant>),
}

/// A struct, to be described to serde once for each encoding.
pub(crate) struct DotnetStruct {
    /// The struct, private and with nothing but the attributes that are meant for serde.
    pub(crate) shadow: ItemStruct,
    /// For each field what it is called, unless that is up to serde.
    pub(crate) names: Vec<Option<DotnetName>>,
    pub(crate) needs: DotnetNeeds,
}

/// What a property is called.
pub(crate) struct DotnetName {
    /// In .NET, and so in MessagePack.
    pub(crate) property: String,
    pub(crate) json: String,
}

/// What has to hold for the type parameters of a struct beside its own bounds.
#[derive(Default)]
pub(crate) struct DotnetNeeds {
    /// Given by hand, in place of `Serialize` for all of them.
    pub(crate) to_write: Option<Vec<WherePredicate>>,
    /// Given by hand, in place of `Deserialize` for all of them.
    pub(crate) to_read: Option<Vec<WherePredicate>>,
    /// The struct fills what is missing from its own default.
    pub(crate) default: bool,
    /// A field does.
    pub(crate) field_default: bool,
}

/// A value of an enum.
pub(crate) struct DotnetVariant {
    pub(crate) ident: Ident,
    pub(crate) name: String,
    pub(crate) cfgs: Vec<Attribute>,
    /// It stands for all that is read and unknown.
    pub(crate) is_other: bool,
}
