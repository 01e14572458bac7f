//! `yagona completions`, `yagona man`: what shells and `man` know of the commands.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::output::say;
use crate::app::{StartError, cannot_start};

/// Prints completions.
#[derive(Args)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run<C: CommandFactory>(self) -> Result<(), StartError> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut C::command(), "yagona", &mut text);
        match io::stdout().write_all(&text) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(cannot_start(error)),
            _ => Ok(()),
        }
    }
}

/// Writes manual pages.
#[derive(Args)]
pub(super) struct Man {
    /// The folder, made if it is missing
    folder: PathBuf,
}

impl Man {
    pub(super) fn run<C: CommandFactory>(self) -> Result<(), StartError> {
        std::fs::create_dir_all(&self.folder).map_err(cannot_start)?;
        clap_mangen::generate_to(C::command(), &self.folder).map_err(cannot_start)?;
        say!("The manual pages are in {}.", self.folder.display());
        Ok(())
    }
}
