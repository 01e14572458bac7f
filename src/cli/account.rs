//! The account that a command is about, by what an operator typed: a number, a PINFL, or the identifier that the audit log has.

use crate::app::settings::{Environment, Settings};
use crate::app::{StartError, Stores, cannot_start};
use crate::people::{AccountState, Named, NamedAccount, People as Store, PersonId, PhoneNumber, Pinfl};
use crate::platform::bytes;

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

/// Reads how an operator named a person. A person's identifier is 22 characters, 16 bytes in base64url.
pub(super) fn named(typed: &str, settings: &Settings) -> Result<Named, StartError> {
    let typed = typed.trim();
    if let Ok(pinfl) = Pinfl::from_registry(typed) {
        return Ok(Named::Pinfl(pinfl));
    }
    if bytes::decode(typed).is_some_and(|id| id.len() == 16) {
        return Ok(Named::Id(PersonId::stored(typed.to_owned())));
    }
    parse(typed, settings).map(Named::Number).map_err(|_| {
        StartError("that is no Uzbek mobile number, no PINFL and no identifier of a person".to_owned())
    })
}

/// The person who is named so.
pub(super) async fn person_of(stores: &Stores, named: &Named) -> Result<NamedAccount, StartError> {
    let people = Store::new(stores.db.clone(), &stores.keyring);
    let found = people.named(named).await.map_err(cannot_start)?;
    found.ok_or_else(|| {
        StartError(match named {
            Named::Number(number) => format!("no account has the number {}", number.masked()),
            Named::Pinfl(_) => "nobody with that PINFL has an account".to_owned(),
            Named::Id(_) => "nobody with that identifier has an account".to_owned(),
        })
    })
}

/// What a person is called in answers: by their number, masked, or by their identifier.
pub(super) fn called(found: &NamedAccount) -> String {
    let number = found.number.as_ref().or(found.contact.as_ref());
    number.map_or_else(|| found.state.person_id.as_str().to_owned(), PhoneNumber::masked)
}
