//! What Yagona tells people: SMS through the gateways, by way of an outbox that survives a crash.
//!
//! The gateways' wire formats and the texts of messages are in `sms`; the outbox and what
//! gateways report are here. Who is told what, and when, is decided above.

mod delivery;
mod outbox;
pub mod receipts;
mod recent;
pub mod sms;
mod store;

pub use delivery::{DELIVERIES, Deliveries};
pub use outbox::{OutboundMessage, Outbox, Prepared, Submitted};
pub(crate) use store::TABLES;
