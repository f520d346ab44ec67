//! What strangers may send. The runtime bounds messages, queues and parallel calls; these are the chat's own rules.

use std::time::Instant;

use signalr::HubError;

/// Letters in the name of a person or a room.
const NAME: usize = 24;
/// Letters in a message.
const TEXT: usize = 1_000;
/// Messages that a room remembers.
pub(crate) const HISTORY: usize = 50;
/// Rooms open at once.
pub(crate) const ROOMS: usize = 100;
/// People in one room.
pub(crate) const PEOPLE: usize = 200;

/// The name of a person or a room: visible, on one line, short.
pub(crate) fn name(what: &str, raw: &str) -> Result<String, HubError> {
    let visible: String = raw
        .chars()
        .filter(|c| c.is_whitespace() || is_visible(*c))
        .collect();
    let name = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    bounded(name, NAME, what)
}

/// The text of a message: line breaks are fine, other control characters vanish.
pub(crate) fn text(raw: &str) -> Result<String, HubError> {
    let visible: String = raw
        .chars()
        .filter(|c| *c == '\n' || is_visible(*c))
        .collect();
    bounded(visible.trim().to_owned(), TEXT, "message")
}

/// Control characters, and those that turn the direction of the text around them or show nothing at all.
fn is_visible(c: char) -> bool {
    let hidden = matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !c.is_control() && !hidden
}

fn bounded(text: String, most: usize, what: &str) -> Result<String, HubError> {
    match text.chars().count() {
        0 => Err(HubError::new(format!("the {what} is empty"))),
        n if n > most => Err(HubError::new(format!(
            "the {what} is longer than {most} letters"
        ))),
        _ => Ok(text),
    }
}

/// How much one connection may still do: a bucket that leaks. Bursts are fine, floods are not.
#[derive(Debug)]
pub(crate) struct Allowance {
    left: f64,
    since: Instant,
}

impl Allowance {
    const BURST: f64 = 20.0;
    const PER_SECOND: f64 = 4.0;

    pub(crate) fn spend(&mut self, price: f64) -> Result<(), HubError> {
        let earned = self.since.elapsed().as_secs_f64() * Self::PER_SECOND;
        self.since = Instant::now();
        self.left = (self.left + earned).min(Self::BURST);
        if self.left < price {
            return Err(HubError::new("not so fast; wait a moment"));
        }
        self.left -= price;
        Ok(())
    }
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            left: Self::BURST,
            since: Instant::now(),
        }
    }
}
