//! People as the state knows them: identification number, document, names in two scripts, mobile number, dates.
//! Values and their rules only; nothing here asks a registry, sends anything or decides who may sign in.

#[cfg(test)]
mod people_toml;
mod typed;

pub mod date;
pub mod document;
pub mod names;
pub mod phone;
pub mod pinfl;

pub use date::{BirthDate, CivilDate};
pub use document::{Document, DocumentKind, DocumentNumber};
pub use names::{PersonName, PersonNames};
pub use phone::{PhoneError, PhoneNumber};
pub use pinfl::{Pinfl, PinflError, Sex};
