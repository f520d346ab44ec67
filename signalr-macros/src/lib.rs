//! The attributes of [`signalr`](https://docs.rs/signalr): `#[hub]` and `#[receiver]`.
//!
//! Use them through `signalr`, which re-exports them and holds what they expand to.

#![forbid(unsafe_code)]

mod args;
mod classify;
mod entry;
mod errors;
mod lifecycle;
mod model;
mod naming;
mod read_hub;
mod read_receiver;
mod render;
mod render_callbacks;
mod render_hub;
mod render_receiver;
mod render_register;
mod types;
mod validate;

use proc_macro::TokenStream;

/// hub
#[proc_macro_attribute]
pub fn hub(options: TokenStream, item: TokenStream) -> TokenStream {
    entry::hub(options.into(), item.into()).into()
}

/// receiver
#[proc_macro_attribute]
pub fn receiver(options: TokenStream, item: TokenStream) -> TokenStream {
    entry::receiver(options.into(), item.into()).into()
}
