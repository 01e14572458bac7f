//! How moments, roles, actions and warnings are told of; what `mobile_id` has words for, it tells of itself.

use super::visit::Visit;
use crate::mobile_id::{Consent, Discount, Oddity, PlaceGround};
use crate::platform::clock::Timestamp;
use crate::platform::web::text::Text;
use crate::staff::{Role, What, Why};

/// A moment as people say it.
pub(super) fn moment(visit: &Visit<'_>, at: Timestamp) -> String {
    visit.context.text().moment(at.0, visit.now.0)
}

/// A role.
pub(super) fn role(text: Text, role: Role) -> &'static str {
    match role {
        Role::Operator => text.get("desk.role_operator"),
        Role::Supervisor => text.get("desk.role_supervisor"),
        Role::Administrator => text.get("desk.role_administrator"),
    }
}

/// What was done.
pub(super) fn what(text: Text, what: What) -> &'static str {
    text.get(match what {
        What::SignedIn => "desk.did_signed_in",
        What::Proved => "desk.did_proved",
        What::PasskeyMade => "desk.did_passkey_made",
        What::PasskeyRemoved => "desk.did_passkey_removed",
        What::LinkGiven => "desk.did_link_given",
        What::LinkAsked => "desk.did_link_asked",
        What::LinkConfirmed => "desk.did_link_confirmed",
        What::ListRead => "desk.did_list_read",
        What::Opened => "desk.did_opened",
        What::Read => "desk.did_read",
        What::EvidenceGiven => "desk.did_evidence_given",
        What::RegistriesAsked => "desk.did_registries_asked",
        What::CodeSent => "desk.did_code_sent",
        What::Completed => "desk.did_completed",
        What::Refused => "desk.did_refused",
        What::Withdrawn => "desk.did_withdrawn",
        What::Printed => "desk.did_printed",
        What::Revoked => "desk.did_revoked",
        What::Recovered => "desk.did_recovered",
        What::AccountOpened => "desk.did_account_opened",
        What::AccountConfirmed => "desk.did_account_confirmed",
        What::FaceSeen => "desk.did_face_seen",
        What::ActionsRead => "desk.did_actions_read",
        What::StaffRead => "desk.did_staff_read",
        What::ComplaintsRead => "desk.did_complaints_read",
        What::ComplaintOpened => "desk.did_complaint_opened",
        What::ComplaintAnswered => "desk.did_complaint_answered",
        What::HoldReleased => "desk.did_hold_released",
    })
}

/// Why it was done.
pub(super) fn why(text: Text, why: Why) -> &'static str {
    text.get(match why {
        Why::PersonPresent => "desk.why_person_present",
        Why::Resumed => "desk.why_resumed",
        Why::Clause18 => "desk.why_refusal",
        Why::Declined => "desk.why_declined",
        Why::OwnRequest => "desk.why_own_request",
        Why::Complaint => "desk.why_complaint",
        Why::Supervision => "desk.why_supervision",
        Why::Own => "desk.why_own_access",
    })
}

/// The grounds of clause 18 that somebody chooses. That the fee was not paid, the system finds in its time.
pub(super) const GROUNDS: [PlaceGround; 5] = [
    PlaceGround::Data,
    PlaceGround::Unfit,
    PlaceGround::NoOriginal,
    PlaceGround::Biometrics,
    PlaceGround::Declined,
];

/// What is odd and stops nothing.
pub(super) fn oddity(text: Text, oddity: Oddity) -> &'static str {
    text.get(match oddity {
        Oddity::SeveralPinfls => "desk.odd_several_pinfls",
        Oddity::CheckDigit => "desk.odd_check_digit",
        Oddity::NoPatronymic => "desk.odd_no_patronymic",
        Oddity::DocumentExpired => "desk.odd_document_expired",
    })
}

/// What a person agrees to, in their own language.
pub(super) fn consent(text: Text, consent: Consent) -> &'static str {
    // The charge is warned of with its sum beside the box.
    consent.words(text).unwrap_or_else(|| text.get("desk.consent_sms_charge"))
}

/// Why the person pays half.
pub(super) fn discount(text: Text, discount: Discount) -> &'static str {
    text.get(match discount {
        Discount::SocialRegister => "desk.discount_social",
        Discount::DisabilityFirst => "desk.discount_first",
        Discount::DisabilitySecond => "desk.discount_second",
    })
}
