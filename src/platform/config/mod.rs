//! How settings are declared, read and checked: built-in defaults, then a TOML file, then `YAGONA__SECTION__KEY`
//! variables.
//!
//! A subject declares its section beside its own code, one entry per key, with [`settings!`]; the entry yields the
//! field, its reader, its line of the reference and its place in every report. `app::settings` puts the sections
//! together. No key is named here, and nothing here opens a store or a socket.

mod cidr;
mod declare;
mod kind;
mod layers;
mod loader;
mod problems;
mod reference;
mod suggest;
mod value;

pub use cidr::{Cidr, CidrError};
pub use layers::environment;
pub use problems::{ConfigProblem, ConfigProblems, SettingSource};

pub(crate) use declare::{Fallback, Section, SettingKey, SettingsSection, choices, settings};
pub(crate) use kind::ValueKind;
pub(crate) use loader::{Loader, shared};
pub(crate) use reference::reference;
pub(crate) use value::{Raw, SettingValue, WrongValue, choose, mismatch, text};

#[cfg(test)]
pub(crate) use {layers::variable, suggest::suggestion};
