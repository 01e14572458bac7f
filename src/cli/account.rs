//! The account that a command is about, by the number that an operator typed.

use crate::app::settings::{Environment, Settings};
use crate::app::{StartError, Stores, cannot_start};
use crate::people::{AccountState, People as Store, PhoneNumber};

/// Reads an enrolled number as an operator typed it.
pub(super) fn parse(number: &str, settings: &Settings) -> Result<PhoneNumber, StartError> {
    let sandbox = settings.environment == Environment::Sandbox;
    PhoneNumber::parse_typed(number, sandbox)
        .map_err(|_| StartError("that is not an Uzbek mobile number".to_owned()))
}

/// The account of a number.
pub(super) async fn account_of(stores: &Stores, number: &PhoneNumber) -> Result<AccountState, StartError> {
    let people = Store::new(stores.db.clone(), &stores.keyring);
    let account = people.account_state(&people.number_index(number)).await.map_err(cannot_start)?;
    account.ok_or_else(|| StartError(format!("no account has the number {}", number.masked())))
}
