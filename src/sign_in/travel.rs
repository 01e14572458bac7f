//! Whether a person seems to be in many places at once: sign-ins that one factor proved, in browsers that do not know the person, from more
//! networks in an hour than people are in (`docs/risk.md`). It is found out in the batch that opens the session.

use super::known_browsers::{KnownPersons, Newness};
use super::network::ClientNetwork;
use super::risk::TollRules;
use super::{Authenticated, ServiceError, SignIn, WINDOWS, is_single_factor};
use crate::notices::inbox::NewNotice;
use crate::people::{Account, PersonId};
use crate::platform::ephemeral::{Batch, EphemeralKey};

/// Seconds in which a person is told of it once.
const DAY: i64 = 86_400;

impl SignIn {
    /// Whether the networks of the person's last hour are looked at for what was proved.
    pub fn looks_at_networks(
        &self,
        person: &Authenticated,
        known: &KnownPersons,
        network: &ClientNetwork,
    ) -> bool {
        let who = (&person.person_id, person.epoch);
        is_single_factor(&person.means) && self.known.newness(known, who, &network.place) == Newness::Browser
    }

    /// Adds to a batch, before everything else, that the person signed in from a network; the batch exceeds it where there were too many.
    /// A network that is new in this hour counts as one more code asked for the person's number, so that the next one costs more.
    pub fn arrive_in(
        &self,
        batch: &mut Batch<'_>,
        person: &Authenticated,
        account: &Account,
        network: &ClientNetwork,
    ) {
        let window = self.settings.travel.window(&person.person_id, &network.place);
        let of = |name: &str| EphemeralKey::of(WINDOWS, name);
        let networks =
            [(of(&window.once), window.seconds, u64::MAX), (of(&window.name), window.seconds, window.cap)];
        let number = account.phone.as_ref().map(|phone| self.people.number_index(phone));
        let number = number.map(|number| TollRules::one_more_code(&number.encode()));
        let number = number.map(|(name, seconds)| (of(&name), seconds, u64::MAX));
        batch.limits_once(networks.into_iter().chain(number));
    }

    /// Whether a sign-in from a network would be one too many, without counting it.
    ///
    /// # Errors
    /// [`ServiceError`] when short-lived state is unavailable.
    pub async fn is_elsewhere(
        &self,
        person: &Authenticated,
        network: &ClientNetwork,
    ) -> Result<bool, ServiceError> {
        let window = self.settings.travel.window(&person.person_id, &network.place);
        let of = |name: &str| (EphemeralKey::of(WINDOWS, name), window.seconds, 0);
        let counts = self.ephemeral.count_all(&[of(&window.once), of(&window.name)]).await?;
        Ok(counts.first() == Some(&0) && counts.get(1).is_none_or(|count| *count >= window.cap))
    }

    /// Tells a person that more was asked of them, once a day.
    ///
    /// # Errors
    /// [`ServiceError`] when short-lived state is unavailable.
    pub async fn tell_of_networks(&self, person: &PersonId, notice: NewNotice) -> Result<(), ServiceError> {
        let told = EphemeralKey::of(WINDOWS, &format!("travel-told/{}", person.as_str()));
        if self.ephemeral.count(told, DAY).await? == 1 {
            self.inbox.post(person, notice);
        }
        Ok(())
    }
}
