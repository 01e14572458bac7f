//! Which of a person's data go to which service: what is asked, what was agreed and for how long, and the values
//! themselves.
//!
//! [`decide`] holds what a service asks ([`DataRequest`](crate::clients::DataRequest)) against the consent on
//! record. Protocols turn [`DataSet`]s into their own claims; pages show them with [`values`]. Consents are never
//! changed, only followed by newer ones.

mod agreed;
mod consent;
mod shown;
mod store;
mod told;

pub use agreed::AgreedData;
pub use consent::{Consent, Decision, Extent, NewConsent, PermittedBy, decide};
pub use shown::{kind_key, label, names_in, person_name, values, warning};
pub(crate) use store::TABLES;
pub use store::{ConsentContext, ListedConsent, Release, Standing};

pub use told::{consent_notices, release_notices};

/// The sets of data that can be released.
pub use crate::people::DataSet;
