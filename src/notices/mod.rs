//! SMS to people, through gateways, from an outbox that survives a crash.
//!
//! The gateways' wire formats and the texts of messages are in `sms`; the outbox and delivery reports are here. What is
//! sent to whom, and when, is decided by `sign_in`.

mod delivery;
mod outbox;
pub mod receipts;
mod recent;
pub mod sms;
mod store;

pub use delivery::{DELIVERIES, Deliveries};
pub use outbox::{OutboundMessage, Outbox, Prepared, Submitted};
pub use store::Series;
pub(crate) use store::TABLES;
