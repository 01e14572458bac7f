//! What people are told: notices in their cabinets (`inbox`), and SMS through gateways from an outbox that survives a crash.
//!
//! Mails, to those who gave an address, are in `email`.
//!
//! The gateways' wire formats and the texts of messages are in `sms`; the outbox and delivery reports are here. Which codes are
//! sent to whom, and when, is decided by `sign_in`.

mod by_sms;
pub mod charges;
mod delivery;
pub mod email;
pub mod inbox;
mod outbox;
pub mod receipts;
mod recent;
mod settings;
pub mod sms;
mod store;
mod wishes;

pub use by_sms::NoticeSms;
pub use delivery::{DELIVERIES, Deliveries};
pub use outbox::{OutboundMessage, Outbox, Prepared, Submitted};
pub use settings::{NoticeSettings, QuietHours};
pub use store::Series;
pub(crate) use store::TABLES;
pub use wishes::{ChargeConsent, ChargeWarning, SmsWishes, Wish, Wished, charge_warning, in_soms};
