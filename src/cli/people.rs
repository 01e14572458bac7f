//! `yagona people`: what operators can do for a person.

use clap::Subcommand;

use super::operator;
use crate::app::settings::{Environment, Settings};
use crate::app::{StartError, Stores, cannot_start};
use crate::audit::{Event, Kind};
use crate::people::{AccountState, People as Store, PhoneNumber};

/// Unlocks accounts and ends a person's access.
#[derive(Subcommand)]
pub(super) enum People {
    /// Ends the delay of an account after wrong codes; first identify its holder
    Unlock {
        /// The enrolled number
        number: String,
    },
    /// Ends all sessions, grants and tokens of a person, such as after a phone was stolen; consents and enrolment stay
    EndAccess {
        /// The enrolled number
        number: String,
    },
}

impl People {
    pub(super) async fn run(self, settings: Settings) -> Result<(), StartError> {
        let (Self::Unlock { number } | Self::EndAccess { number }) = &self;
        let number = parse(number, &settings)?;
        let stores = Stores::open(settings).await?;
        let account = account_of(&stores, &number).await?;
        let person = account.person_id.as_str();
        match self {
            Self::Unlock { .. } => {
                let people = Store::new(stores.db.clone(), &stores.keyring);
                let unlock = async {
                    people.unlock(&account.person_id).await.map_err(cannot_start)?;
                    stores.audit.record(Event::new(Kind::PersonUnlocked).person(person));
                    Ok(())
                };
                operator::recorded(&stores, "people unlock", |event| event.person(person), unlock).await?;
                let (number, failures) = (number.masked(), account.strangers.count + account.known.count);
                println!("The account of {number} is unlocked: {failures} wrong code(s) cleared.");
            }
            Self::EndAccess { .. } => {
                let end = async {
                    let life_events = stores.life_events().await?;
                    let ended = life_events.end_access(&account.person_id).await;
                    ended.map_err(|error| {
                        StartError(format!("access may not have ended, repeat this: {error}"))
                    })
                };
                operator::recorded(&stores, "people end-access", |event| event.person(person), end).await?;
                println!("All sessions, grants and tokens of {} have ended.", number.masked());
            }
        }
        stores.db.close().await;
        Ok(())
    }
}

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
