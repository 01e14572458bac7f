//! Institutions, and the contracts under which their services live (R99, R104).
//!
//! A contract says what a service may have: under which law or agreement, for which purposes, which data, for how long and
//! how often. A client names one contract. What the protocols read of a client is its registration as far as its contract in
//! force goes (`narrow.rs`), at the one place where clients are published ([`Registry`](super::Registry)); so nothing else has to
//! know of contracts, and what a contract loses is lost at every node at once. A client whose contract is not in force is
//! suspended like a disabled one.

mod book;
mod contract;
mod file;
mod institution;
mod narrow;
mod operator;
mod person;
mod store;
mod suspension;
#[cfg(test)]
mod tests;
mod usage;
mod words;

pub(super) use book::{Book, built_in};
pub use contract::{Contract, ContractDocument, Payment, Purpose, Right};
pub use file::{ContractFile, ContractFileError};
pub use institution::{Institution, InstitutionKind};
pub(super) use narrow::{beyond, narrow};
pub use operator::{ContractsError, Listed, Version};
pub use person::Unsuited;
pub(super) use store::{TABLES, book, changed, uncleared};
pub use suspension::Suspension;
pub(super) use usage::Usage;
pub use usage::{Spent, UsageRow};
pub use words::Words;
