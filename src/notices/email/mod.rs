//! Mails to people who gave an address: notices that warn of somebody else at work, and the links by which addresses are confirmed.
//!
//! An address is optional, sealed, and used only after whoever reads it has pressed a button on the page of a link (`store.rs`). A mail
//! is a row that is stored with what it tells of and sent in the background (`send.rs`): tried again with growing pauses, and given up
//! after a day. What it says is made when it is sent (`words.rs`), in the person's language; the wire is SMTP (`transport.rs`).
//! Without the section `[email]` there is none of it anywhere.

mod address;
mod send;
mod settings;
mod store;
#[cfg(test)]
mod tests;
mod transport;
mod words;

pub use address::EmailAddress;
pub use send::{Mailer, ServiceName};
pub use settings::{EmailSettings, EmailTls};
pub(super) use store::TABLES;
pub use store::{Asked, Confirmed, Emails, Waiting};
pub use transport::{Transport, TransportError};

/// The path of the page on which a link's button confirms an address.
pub const CONFIRM: &str = "/cabinet/email/confirm";
