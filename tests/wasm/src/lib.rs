//! The Rust client in a browser: cases that a page runs, and whose outcomes the test in Node compares.

mod calls;
mod endings;
mod questions;
mod refreshes;
mod refusals;
mod streams;
mod world;

use std::error::Error;

use serde_json::Value;
use wasm_bindgen::prelude::{JsError, wasm_bindgen};

use crate::world::World;

type Outcome = Result<Value, Box<dyn Error>>;

/// Runs a case; gives its outcome as JSON.
#[wasm_bindgen]
pub async fn run(
    case: String,
    base: String,
    encoding: String,
    way: String,
) -> Result<String, JsError> {
    console_error_panic_hook::set_once();
    let world = World::new(base, &encoding, &way);
    let outcome = match &*case {
        "calls" => calls::calls(world).await,
        "proxies" => calls::proxies(world).await,
        "members" => calls::members(world).await,
        "streams" => streams::streams(world).await,
        "uploads" => streams::uploads(world).await,
        "large uploads" => streams::large_uploads(world).await,
        "unread streams" => streams::unread(world).await,
        "messages" => questions::messages(world).await,
        "questions" => questions::questions(world).await,
        "closing" => endings::closing(world).await,
        "coming back" => endings::coming_back(world).await,
        "a broken network" => endings::broken_network(world).await,
        "a cut network" => endings::cut_network(world).await,
        "a silent server" => endings::silent_server(world).await,
        "rounds" => endings::rounds(world).await,
        "dropped" => endings::dropped(world).await,
        "slow timers" => endings::slow_timers(world).await,
        "refreshes" => refreshes::refreshes(world).await,
        "late timers" => refreshes::late_timers(world).await,
        "refusals" => refusals::refusals(world).await,
        "one attempt" => refusals::one_attempt(world).await,
        "options" => refusals::options(),
        "absent" => refusals::absent(),
        "byte streams" => refusals::byte_streams().await,
        other => Err(format!("there is no case {other:?}").into()),
    };
    outcome
        .map(|value| value.to_string())
        .map_err(|error| JsError::new(&world::told(&*error)))
}
