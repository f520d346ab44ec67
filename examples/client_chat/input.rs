//! What the user types: lines that are edited in a terminal, with a history, or plain lines of a file or a pipe.

use std::{
    cell::Cell,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rustyline::{
    Config, Context, Editor, Helper, completion::Completer, error::ReadlineError,
    highlight::Highlighter, hint::Hinter, history::DefaultHistory, validate::Validator,
};

use crate::{
    events::{Event, Events},
    screen::Screen,
};

/// How often the hub hears that the user is still typing.
const AGAIN: Duration = Duration::from_secs(2);

/// Reads on a thread of its own: a line for each prompt that it is sent. So it never waits in the terminal's raw mode while the program
/// may end.
pub(crate) fn start(events: Events) -> rustyline::Result<(Screen, mpsc::Sender<String>)> {
    let config = Config::builder().auto_add_history(true).build();
    let mut editor = Editor::<Keys, DefaultHistory>::with_config(config)?;
    editor.set_helper(Some(Keys {
        events: events.clone(),
        told: Cell::default(),
    }));
    // There is none where no line is edited.
    let screen = match editor.create_external_printer() {
        Ok(printer) => Screen::new(Some(Box::new(printer))),
        Err(_) => Screen::new(None),
    };

    let (prompts, wanted) = mpsc::channel::<String>();
    thread::spawn(move || {
        for prompt in wanted {
            let event = match editor.readline(&prompt) {
                Ok(line) => Event::Line(line),
                Err(ReadlineError::Eof | ReadlineError::Interrupted) => Event::End(None),
                Err(error) => Event::End(Some(error.to_string())),
            };
            if let Some(keys) = editor.helper() {
                keys.told.take();
            }
            if events.0.blocking_send(event).is_err() {
                break;
            }
        }
    });
    Ok((screen, prompts))
}

/// Looks at the line whenever it changes, and tells whether the user is typing.
struct Keys {
    events: Events,
    /// When that was told, if the line was not empty then.
    told: Cell<Option<Instant>>,
}

impl Hinter for Keys {
    type Hint = String;

    fn hint(&self, line: &str, _: usize, _: &Context<'_>) -> Option<String> {
        let types = !line.is_empty() && !line.starts_with('/');
        let is_news = match self.told.get() {
            None => types,
            Some(told) => !types || told.elapsed() >= AGAIN,
        };
        // An indicator that finds the queue full can be missed.
        if is_news && self.events.0.try_send(Event::Edits(types)).is_ok() {
            self.told.set(types.then(Instant::now));
        }
        None
    }
}

impl Completer for Keys {
    type Candidate = String;
}
impl Helper for Keys {}
impl Highlighter for Keys {}
impl Validator for Keys {}
