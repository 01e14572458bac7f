//! Whether registers answer: each is asked something harmless, with the test identifier of its settings where it has one.

use std::net::{IpAddr, Ipv4Addr};

use super::billing::InvoiceNumber;
use super::error::{ErrorKind, RegisterName, RegistryError};
use super::query::{AddressQuery, JobQuery, PersonQuery, SubscriberQuery, TinQuery};
use super::{Asker, Registries, Why};
use crate::people::{PhoneNumber, Pinfl};

/// What was found of a register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Which one.
    pub register: RegisterName,
    /// What was found, in words for an operator; the error says what failed.
    pub found: Result<&'static str, String>,
}

/// An invoice that nobody registers.
const NO_INVOICE: &str = "CHECK-0000";

impl Registries {
    /// Asks every configured register, in the order of the settings. One that does not know what it is asked for answers all
    /// the same. Comparison of biometrics, E-IMZO's server and MyID are asked what
    /// needs no person.
    pub async fn check(&self) -> Vec<Checked> {
        let mut found = Vec::new();
        for register in RegisterName::ALL {
            if self.is_connected(register) {
                found.push(Checked { register, found: self.check_one(register).await });
            }
        }
        found
    }

    async fn check_one(&self, register: RegisterName) -> Result<&'static str, String> {
        let identifier = self.line(register).ok().and_then(|line| line.test_identifier.clone());
        let asker = Asker::provider(Why::Check);
        let key = format!("registries.{register}.test_identifier");
        let pinfl = || {
            let digits =
                identifier.as_deref().ok_or_else(|| format!("{key} is not set: nothing was asked"))?;
            Pinfl::from_registry(digits).map_err(|_| format!("{key} is no PINFL"))
        };
        let asked: Result<(), RegistryError> = match register {
            RegisterName::Personalisation => {
                let query = PersonQuery::Pinfl(pinfl()?);
                // Only the Centre: a person that it does not know is asked for nowhere else.
                self.person_of_centre(&query, &asker).await
            }
            RegisterName::Interior => self.address(&AddressQuery::Pinfl(pinfl()?), &asker).await.map(drop),
            RegisterName::Tax => self.tin(&TinQuery::Pinfl(pinfl()?), &asker).await.map(drop),
            RegisterName::Employment => self.job(&JobQuery::Pinfl(pinfl()?), &asker).await.map(drop),
            RegisterName::CivilRegistry => self.death(&pinfl()?, &asker).await.map(drop),
            RegisterName::Social => self.social(&pinfl()?, &asker).await.map(drop),
            RegisterName::Disability => self.disability(&pinfl()?, None, &asker).await.map(drop),
            RegisterName::Biometrics => {
                // A photo on which there is nothing: the Centre says so, and has read it.
                self.face(&pinfl()?, &EMPTY_PHOTO, &asker).await.map(drop)
            }
            RegisterName::Operators => {
                let digits =
                    identifier.as_deref().ok_or_else(|| format!("{key} is not set: nothing was asked"))?;
                let number =
                    PhoneNumber::from_digits(digits).map_err(|_| format!("{key} is no phone number"))?;
                self.subscribers(&SubscriberQuery::Number(number), &asker).await.map(drop)
            }
            RegisterName::Billing => match InvoiceNumber::parse(NO_INVOICE) {
                Some(number) => self.billing().state_of(&number, &asker).await.map(drop),
                None => Ok(()),
            },
            RegisterName::Eimzo => {
                let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
                self.eimzo().begin(ip, &asker).await.map(drop)
            }
            RegisterName::Myid => self.myid().log_in(&asker).await,
        };
        match asked {
            Ok(()) => Ok("answers"),
            Err(RegistryError { kind: ErrorKind::NotFound, .. }) => {
                Ok("answers; it does not know the test identifier")
            }
            Err(error) => Err(error.kind.to_string()),
        }
    }
}

/// The smallest file that passes as a photo.
const EMPTY_PHOTO: [u8; 256] = {
    let mut bytes = [0; 256];
    bytes[0] = 0xff;
    bytes[1] = 0xd8;
    bytes[2] = 0xff;
    bytes[254] = 0xff;
    bytes[255] = 0xd9;
    bytes
};
