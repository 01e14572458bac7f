//! People: identification number, document, names in two scripts, mobile number, and the state of their account, which
//! decides whether they may sign in.
//!
//! Values and their rules, and the store of persons and numbers. This module queries no registry, sends nothing and
//! knows no clients.

mod account;
mod data_set;
mod data_sets;
mod facts;
mod organisation;
#[cfg(test)]
mod people_toml;
mod person;
mod store;
pub mod test_people;
mod typed;

pub mod date;
pub mod document;
pub mod names;
pub mod phone;
pub mod pinfl;

pub use account::{Account, AccountState, Delays, Epoch, Failures, NumberStatus, Side};
pub use data_set::DataSet;
pub use data_sets::{Definition, Origin, Register};
pub use date::{BirthDate, CivilDate};
pub use document::{Category, Document, DocumentKind, DocumentNumber};
pub use facts::{BirthPlace, Employment, NotAPhoto, NotATin, Photo, Tin};
pub use names::{PersonName, PersonNames};
pub use organisation::Organisation;
pub use person::{Address, Person, PersonId};
pub use phone::{PhoneError, PhoneNumber};
pub use pinfl::{Pinfl, PinflError, Sex};
pub(crate) use store::TABLES;
pub use store::{
    AccountUse, Binding, ConfirmedBy, EndGround, Holding, Known, Named, NamedAccount, OpenedBy, OwnLock,
    People, Registering, Standing, Unblocked,
};
pub(crate) use store::{account_columns, account_holds, account_is_usable, usable_account};
pub use typed::digits_of;
