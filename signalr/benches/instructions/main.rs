//! Work whose instructions are counted, on a machine however busy: see `signalr/benches/count`.
//!
//! Without an argument the names are printed, with the number of messages that each handles; with a name, that one runs.

mod codec;
mod messages;
mod pipe;

/// A name, how many messages it handles, and what makes everything ready and returns the work.
type Case = (&'static str, u64, fn() -> Box<dyn FnOnce()>);

fn main() {
    let cases: Vec<Case> = [codec::CASES, pipe::CASES].concat();
    // `cargo bench` passes options of its own.
    let wanted = std::env::args()
        .nth(1)
        .filter(|name| !name.starts_with('-'));
    match wanted {
        None => {
            for (name, messages, _) in cases {
                println!("{name} {messages}");
            }
        }
        Some(wanted) => {
            let case = cases.iter().find(|(name, ..)| *name == wanted);
            let (_, _, prepare) = case.expect("one of the names that are printed without any");
            measured(prepare());
        }
    }
}

/// Counting begins and ends with this function.
#[inline(never)]
fn measured(work: Box<dyn FnOnce()>) {
    work();
}
