//! What commands print on standard output: lines for people, or one JSON document for programs (`--format json`).

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write as _};

use clap::ValueEnum;
use serde::Serialize;

use crate::app::{StartError, cannot_start};

/// How a command prints what it found or did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(super) enum Format {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

impl Format {
    /// Prints `value` as JSON, or what `text` writes.
    ///
    /// # Errors
    /// [`StartError`] when standard output cannot be written.
    pub(super) fn print<T: Serialize>(
        self,
        value: &T,
        text: impl FnOnce() -> Result<(), StartError>,
    ) -> Result<(), StartError> {
        match self {
            Self::Text => text(),
            Self::Json => {
                let text = serde_json::to_string_pretty(value).map_err(cannot_start)?;
                line(format_args!("{text}"))
            }
        }
    }
}

/// Prints a line. Whoever closed the pipe (`yagona client list | head -1`) wants no more: the command goes on to its end.
///
/// # Errors
/// [`StartError`] when it cannot be written for another reason, such as a full disk.
pub(super) fn line(text: Arguments<'_>) -> Result<(), StartError> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(StartError(format!("standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// `println!` for commands: see [`line`].
macro_rules! say {
    ($($argument:tt)*) => { $crate::cli::output::line(format_args!($($argument)*))? };
}

pub(super) use say;
