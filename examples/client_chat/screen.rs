//! What the user sees. Everything is printed here, and nothing that could steer a terminal gets through.

use std::{
    io::{self, Write},
    iter,
};

use rustyline::ExternalPrinter;
use signalr::Error;

/// Prints above the line that is being edited, or simply to the standard output where no line is edited.
pub(crate) struct Screen(Option<Box<dyn ExternalPrinter + Send>>);

impl Screen {
    pub(crate) fn new(printer: Option<Box<dyn ExternalPrinter + Send>>) -> Self {
        Self(printer)
    }

    /// Whether lines are edited, so that the user sees what they have typed.
    pub(crate) fn is_terminal(&self) -> bool {
        self.0.is_some()
    }

    /// What somebody said. Further lines are indented, so that only ours begin with `*` or `!`.
    pub(crate) fn said(&mut self, from: &str, text: &str) {
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        self.line(&format!("<{from}> {first}"));
        for line in lines {
            self.line(&format!("    {line}"));
        }
    }

    pub(crate) fn notice(&mut self, text: &str) {
        self.line(&format!("* {text}"));
    }

    pub(crate) fn error(&mut self, text: &str) {
        self.line(&format!("! {text}"));
    }

    pub(crate) fn line(&mut self, text: &str) {
        let line = visible(text) + "\n";
        // Where nobody reads any more, nothing is shown.
        match &mut self.0 {
            Some(printer) => printer.print(line).unwrap_or_default(),
            None => io::stdout().write_all(line.as_bytes()).unwrap_or_default(),
        }
    }
}

/// A text in one line: without control characters, and without those that turn the direction of the text around them or show nothing
/// at all.
pub(crate) fn visible(text: &str) -> String {
    let visible = |c: char| match c {
        '\n' | '\t' | '\u{2028}' | '\u{2029}' => Some(' '),
        '\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => None,
        c => (!c.is_control()).then_some(c),
    };
    text.chars().filter_map(visible).collect()
}

/// An error with its causes; or what the hub has said, which arrives with SignalR's own words before it.
pub(crate) fn reason(error: &Error) -> String {
    if let Some(text) = error.remote_message() {
        let meant = text.rsplit_once("HubException: ");
        return meant.map_or(text, |(_, meant)| meant).to_owned();
    }
    let causes = iter::successors(Some(error as &dyn std::error::Error), |error| {
        error.source()
    });
    let texts: Vec<_> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}

/// Why a connection was lost.
pub(crate) fn reason_of_end(error: Option<&Error>) -> String {
    error.map_or_else(|| "the server has ended it".into(), reason)
}
