//! How often somebody may begin to register: each beginning asks two registers.
//!
//! The address comes first, then the network around it, then the PINFL, each only when those before it are kept: what is refused because of
//! the sender uses up nothing of the person's.

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
        let window = |name: &str, of: &str| EphemeralKey::of(WINDOWS, &format!("register-{name}/{of}"));
        let per_address = u64::from(self.settings.per_address_hour);
        // People of a named network share few addresses: what holds for their codes in five minutes holds here for an hour.
        let (per_address, around) = match &network.named {
            Some(named) => (per_address.max(named.sends_per_address_5m), named.sends_5m),
            None => (per_address, per_address.saturating_mul(AROUND)),
        };
        let index = self.sign_in.people.pinfl_index(pinfl).encode();
        let mut batch = Batch::new(ephemeral);
        batch.limit(window("address", &network.text()), HOUR, per_address);
        batch.limit(window("around", &network.widest()), HOUR, around);
        batch.limit(window("pinfl", &index), DAY, self.settings.per_pinfl_day.into());
        let limits = [Limit::Address, Limit::Network, Limit::Person];
        Ok(match ephemeral.apply(batch).await? {
            Applied::Exceeded { group, .. } => {
                let limit = limits.get(group).copied().unwrap_or(Limit::Person);
                self.sign_in.metrics.limits(limit.name()).inc();
                Some(limit)
            }
            Applied::Done | Applied::Conflict => None,
        })
    }
}
