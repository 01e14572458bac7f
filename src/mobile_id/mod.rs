//! Identification in Mobile-ID, as resolution 479 orders it: an application from its form to the number that is bound, by every door
//! (`docs/mobile-id.md` lists the clauses).
//!
//! Here are the rules, the fee, the state of an application and its store. `flow.rs` alone says what follows what. Completion touches
//! people, grants, notices and signals in one transaction, so it is on a higher floor: `life_events::Enrolments`. Registers are asked by
//! `registries`; pages and protocols are above.

pub mod accounts;
mod codes;
mod consent;
mod door;
pub mod exchange;
pub mod fee;
mod flow;
mod ground;
mod id;
mod identification;
mod identifications;
#[cfg(test)]
mod listed;
mod payments;
mod precheck;
mod questionnaire;
mod queue;
mod settings;
mod store;
mod words;

pub use codes::Tried;
pub use consent::{Consent, Consented};
pub use door::{Channel, Door};
pub use fee::{BhmTable, Discount, Fee, Invoice, Recipient, Share};
pub use flow::{Event, Illegal, State};
pub use ground::{Ground, PlaceGround, RemoteGround};
pub use id::{IdentificationId, Reference};
pub use identification::{
    Compared, Evidence, Findings, Identification, Missing, Obstacle, Oddity, SentCode, Signed, missing,
};
pub use identifications::{ActError, Identifications, Opening, Returning, Rules};
pub use payments::{KeptPayment, Payment, PaymentOutcome};
pub use precheck::{Comparison, Material, PRECHECKS, Precheck, person_of};
pub use questionnaire::{Field, FieldError, PersonCategory, Questionnaire, Typed};
pub use queue::Queue;
pub use settings::MobileIdSettings;
pub(crate) use store::TABLES;
