//! `yagona people`: what operators can do for a person.

use clap::Subcommand;

use crate::app::settings::{Environment, Settings};
use crate::app::{StartError, Stores, cannot_start};
use crate::people::{People as Store, PhoneNumber};

/// Manages accounts.
#[derive(Subcommand)]
pub(super) enum People {
    /// Unlocks an account that is locked out after wrong codes; first identify its holder
    Unlock {
        /// The enrolled number
        number: String,
    },
}

impl People {
    pub(super) async fn run(self, settings: Settings) -> Result<(), StartError> {
        let Self::Unlock { number } = self;
        let sandbox = settings.environment == Environment::Sandbox;
        let number = PhoneNumber::parse_typed(&number, sandbox)
            .map_err(|_| StartError("that is not an Uzbek mobile number".to_owned()))?;
        let stores = Stores::open(settings).await?;
        let people = Store::new(stores.db.clone(), &stores.keyring);
        let account_state =
            people.account_state(&people.number_index(&number)).await.map_err(cannot_start)?;
        let account_state =
            account_state.ok_or_else(|| StartError(format!("{} is not enrolled", number.masked())))?;
        people.clear_failures(&account_state.person_id).await.map_err(cannot_start)?;
        println!(
            "The account of {} is unlocked: {} wrong code(s) cleared.",
            number.masked(),
            account_state.failures
        );
        stores.db.close().await;
        Ok(())
    }
}
