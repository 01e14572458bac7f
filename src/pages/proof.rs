//! What a means of signing in that needs no number proved, and what follows from it.

use super::finish::{is_over, refused, signed_in};
use super::step::{Flow, StepContext};
use super::visitor::Visitor;
use super::{Pages, locked};
use crate::people::{Account, ConfirmedBy, Epoch, PersonId};
use crate::platform::service_error::ServiceError;
use crate::sign_in::{Acr, Amr, Authenticated, Means, Organisation, Proofs, SessionId, told};

/// What a means of signing in proved.
pub(super) struct Proof {
    /// Who.
    pub(super) person: PersonId,
    /// By what.
    pub(super) means: Means,
    /// By which methods.
    pub(super) amr: Vec<Amr>,
    /// For which legal entity they act, by their certificate.
    pub(super) organisation: Option<Box<Organisation>>,
    /// Whether it counts as a factor; a means that was added on a code by SMS alone does not for a while.
    pub(super) counts: bool,
    /// When what was proved had been read from the store, in milliseconds, and under which epoch of the person, where the proof takes long: what ended
    /// meanwhile is not gone round.
    pub(super) read: Option<(i64, Epoch)>,
}

/// Goes on from a proof of a means that needs no number: to consent, to a further factor, or to the answer. Where the account cannot be
/// used now, or the proof is another person's than the one who is signed in, the page of means says so.
///
/// # Errors
/// [`ServiceError`] when a store is unavailable; then nobody is signed in.
pub(super) async fn proved(
    pages: &Pages,
    step: &mut StepContext<'_>,
    visitor: &Visitor,
    proof: Proof,
) -> Result<Flow, ServiceError> {
    let Some(person) = pages.release.consent_context(&proof.person, &step.client).await? else {
        let Some(token) = locked::proof(pages, step, (&proof.person, proof.means)).await? else {
            return refused(pages, step, "unusable").await;
        };
        return Ok(if is_over(pages, step).await? { locked::page(step, &token).into() } else { Flow::Due });
    };
    // What was added to an account that nobody confirmed is no service's factor; the cabinet is its owner's all the same.
    let known = person.account.is_confirmed() || step.open.attempt.request.reply.protocol.is_own();
    let counts = proof.counts && (known || matches!(proof.means, Means::Eri | Means::Face));
    if step.open.attempt.stage().base().is_some() && !counts {
        return refused(pages, step, "not_yet").await;
    }
    let epoch = person.account.account_state.epoch;
    if proof.read.is_some_and(|(_, read)| read != epoch) {
        return refused(pages, step, "expired").await;
    }
    confirm(pages, &proof, &person.account).await?;
    let id = SessionId::random();
    let means = vec![proof.means];
    let authenticated = Authenticated {
        person_id: proof.person,
        epoch,
        number: None,
        session: id.digest(),
        sid_key: id.digest(),
        auth_time: pages.sign_in.clock.now(),
        acr: told(&means, &[]).filter(|_| counts).unwrap_or(Acr::Password),
        amr: proof.amr,
        means,
        proofs: Proofs::at_once(!counts).read_at(proof.read.map_or(0, |(at, _)| at)),
        organisation: proof.organisation,
        code: None,
    };
    signed_in(pages, step, visitor, (id, authenticated), &person).await
}

/// A signature or a face confirms the person of an account that has no enrolled number (R3).
async fn confirm(pages: &Pages, proof: &Proof, account: &Account) -> Result<(), ServiceError> {
    let ground = match proof.means {
        Means::Eri => ConfirmedBy::Eri,
        Means::Face => ConfirmedBy::Face,
        Means::MobileId | Means::Password | Means::Passkey | Means::Qr => return Ok(()),
    };
    if account.phone.is_none() {
        pages.sign_in.people.confirmed_now(&proof.person, ground, pages.sign_in.clock.now()).await?;
    }
    Ok(())
}
