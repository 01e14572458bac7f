//! By which means a person may sign in here: those that can lead to what the service accepts, and none that cannot succeed.

use super::{Means, Protocol, ServiceError, SignIn, SignInAttempt, UNLOCKING, can_lead, told};
use crate::accounts::{Held, Kind};
use crate::people::Account;
use crate::platform::web::cookies::CookieName;

/// The cookie with the name of the means that was used last at a browser, whose page then comes first. It says nothing of anybody.
pub const LAST_MEANS: CookieName = CookieName::new("__Host-yagona-means");

/// How long it is kept, in seconds.
pub const LAST_MEANS_SECONDS: i64 = 400 * 86_400;

impl SignIn {
    /// The means that the pages of an attempt offer, the one whose page comes first before the others. With `held`, those that its person
    /// has: only they can add a factor.
    pub fn choice(&self, attempt: &SignInAttempt, held: Option<&[Means]>) -> Vec<Means> {
        let proved = attempt.stage().base().map_or(&[][..], |base| base.counting());
        let mut choice = self.able(&attempt.request.acr, proved, held);
        // What is dangerous on this provider's own pages is proved at the browser that does it.
        if attempt.request.reply.protocol.is_own() && attempt.request.ask_again.sign_in {
            choice.retain(|means| *means != Means::Qr);
        }
        // On the way to unlocking an account no device of its person is signed in that could approve anything.
        choice.retain(|means| *means != Means::Qr || !unlocks(attempt));
        choice.sort_by_key(|means| *means != attempt.first);
        choice
    }

    /// Whether an account that its person locked can be unlocked without going anywhere: by a means that this installation offers.
    pub fn unlocks_here(&self) -> bool {
        self.settings.offered.iter().any(|means| super::unlocks(*means))
    }

    /// As [`SignIn::choice`], in the order of the settings.
    pub(super) fn able(
        &self,
        accepted: &[super::Acr],
        proved: &[Means],
        held: Option<&[Means]>,
    ) -> Vec<Means> {
        let offered = &self.settings.offered;
        let others = held.unwrap_or(offered);
        let leads = |means: &Means| {
            held.is_none_or(|held| held.contains(means))
                && !proved.contains(means)
                && can_lead(*means, proved, others, accepted)
        };
        offered.iter().copied().filter(leads).collect()
    }

    /// The means that a person has of those that this installation offers, as far as they count as a further factor. What was added to an
    /// account that nobody has confirmed rests on a document's number and a phone, or on what rests on them: it counts for this provider's
    /// own pages, so that who has stolen a password sees nothing there, and for no service.
    ///
    /// # Errors
    /// [`ServiceError`] when the store is unavailable.
    pub async fn held(&self, account: &Account, protocol: Protocol) -> Result<Vec<Means>, ServiceError> {
        let now = self.clock.now();
        let added = self.accounts.means_of(&account.account_state.person_id).await?;
        let known = account.is_confirmed() || protocol.is_own();
        let counts = |means: &Held| known && means.counts_from <= now;
        let has = |kind| added.iter().any(|means| means.kind == kind && counts(means));
        let holds = |means: &Means| match means {
            Means::MobileId => account.phone.is_some(),
            Means::Password => has(Kind::Password),
            Means::Passkey => has(Kind::Passkey),
            // Whoever has a certificate, or a face in the register, needs nothing here.
            Means::Eri | Means::Face => true,
            Means::Qr => false,
        };
        Ok(self.settings.offered.iter().copied().filter(holds).collect())
    }

    /// Whether what was proved is not enough for what is accepted, and the person has what is missing.
    ///
    /// # Errors
    /// [`ServiceError`] when the store is unavailable.
    pub async fn lacks_a_factor(
        &self,
        attempt: &SignInAttempt,
        proved: &[Means],
        account: &Account,
    ) -> Result<bool, ServiceError> {
        let accepted = &attempt.request.acr;
        if told(proved, accepted).is_some() {
            return Ok(false);
        }
        let held = self.held(account, attempt.request.reply.protocol).await?;
        Ok(!self.able(accepted, proved, Some(&held)).is_empty())
    }
}

/// Whether an attempt leads to unlocking an account.
fn unlocks(attempt: &SignInAttempt) -> bool {
    attempt.request.reply.protocol.is_own() && attempt.request.acr == UNLOCKING
}
