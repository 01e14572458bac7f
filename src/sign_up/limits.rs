//! How often somebody may begin to register: each beginning asks two registers.
//!
//! The address comes first, then the network around it, then the PINFL from that network, then the PINFL from anywhere, each only when those
//! before it are kept: what is refused because of the sender uses up nothing of the person's. What registers confirm is given back:
//! so only who does not know the person's document and number uses up their tries, and in each network a few of many.

use super::SignUp;
use crate::people::Pinfl;
use crate::platform::ephemeral::{Applied, Batch, EphemeralKey, Unavailable};
use crate::sign_in::{ClientNetwork, Limit, WINDOWS};

const HOUR: i64 = 3600;
const DAY: i64 = 86_400;

/// How many times as many as one address the network around it may begin.
const AROUND: u64 = 8;

impl SignUp {
    /// Counts a beginning; the limit that it meets.
    ///
    /// # Errors
    /// [`Unavailable`]; then nothing begins.
    pub(super) async fn count_beginning(
        &self,
        network: &ClientNetwork,
        pinfl: &Pinfl,
    ) -> Result<Option<Limit>, Unavailable> {
        let ephemeral = &self.sign_in.ephemeral;
        let per_address = u64::from(self.settings.per_address_hour);
        // People of a named network share few addresses: what holds for their codes in five minutes holds here for an hour.
        let (per_address, around) = match &network.named {
            Some(named) => (per_address.max(named.sends_per_address_5m), named.sends_5m),
            None => (per_address, per_address.saturating_mul(AROUND)),
        };
        let [from_there, from_anywhere] = self.of_pinfl(network, pinfl);
        let mut batch = Batch::new(ephemeral);
        batch.limit(window("address", &network.text()), HOUR, per_address);
        batch.limit(window("around", &network.widest()), HOUR, around);
        batch.limit(from_there, DAY, self.settings.per_pinfl_network_day.into());
        batch.limit(from_anywhere, DAY, self.settings.per_pinfl_day.into());
        // It is one of the accounts that are begun with from there (docs/risk.md).
        let index = self.sign_in.people.pinfl_index(pinfl);
        self.sign_in.limits.of_registration(network, &index).count_in(&mut batch);
        let limits = [Limit::Address, Limit::Network, Limit::Person, Limit::Person];
        Ok(match ephemeral.apply(batch).await? {
            Applied::Exceeded { group, .. } => {
                let limit = limits.get(group).copied().unwrap_or(Limit::Person);
                self.sign_in.metrics.limits(limit.name()).inc();
                Some(limit)
            }
            Applied::Done | Applied::Conflict => None,
        })
    }

    /// Gives back what a beginning used up of its person's: registers confirmed that person, document and number belong together.
    ///
    /// # Errors
    /// [`Unavailable`]; then it stays used up.
    pub(super) async fn give_back(&self, network: &ClientNetwork, pinfl: &Pinfl) -> Result<(), Unavailable> {
        let windows = self.of_pinfl(network, pinfl).map(|key| (key, DAY));
        self.sign_in.ephemeral.give_back(&windows).await
    }

    /// The windows of a PINFL: from one network, and from anywhere.
    fn of_pinfl(&self, network: &ClientNetwork, pinfl: &Pinfl) -> [EphemeralKey; 2] {
        let index = self.sign_in.people.pinfl_index(pinfl).encode();
        [window("pinfl-from", &format!("{index}/{}", network.widest())), window("pinfl", &index)]
    }
}

fn window(name: &str, of: &str) -> EphemeralKey {
    EphemeralKey::of(WINDOWS, &format!("register-{name}/{of}"))
}
