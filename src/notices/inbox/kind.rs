//! What a notice tells of, and the words for it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::notices::sms::text::Topic;
use crate::platform::web::text::Text;

/// What a notice tells of. Its name is stored; a name that this version does not know is shown as a notice without particulars.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum NoticeKind {
    /// A service got data that a law gives it, without being asked for consent (R70, D-i): `service`, `data_sets`, `purpose`.
    DataReleased,
    /// A service asked whether a number is this person's: `service`.
    NumberVerified,
    /// A sign-in from a browser that was not known: `service`, `device`.
    NewDevice,
    /// A sign-in from a known browser in a network where it had not been: `service`, `device`.
    NewPlace,
    /// Sign-ins came from many networks in an hour, and the last one is asked for more: `service`, `device`.
    ManyNetworks,
    /// Wrong codes were entered for the person's number.
    WrongCodes,
    /// Wrong passwords were entered for the person's login.
    WrongPasswords,
    /// A forgotten password was set anew by a stronger means.
    Recovered,
    /// A password was set anew in person, at a place: `reference`.
    RecoveredAtPlace,
    /// A recovery was stopped.
    RecoveryStopped,
    /// Another number was enrolled in place of the one before.
    NumberChanged,
    /// The number was blocked, or is enrolled no more.
    NumberBlocked,
    /// A number that was blocked is enrolled again.
    NumberUnblocked,
    /// A means of signing in was changed.
    CredentialChanged,
    /// A passkey was added, and can be used at once.
    PasskeyAdded,
    /// A passkey was added on a code by SMS alone, and can be used later: `until`.
    PasskeyWaits,
    /// The person removed a passkey.
    PasskeyRemoved,
    /// A passkey was removed because somebody may have a copy of it.
    PasskeyCopied,
    /// A sign-in at a computer was approved on a phone: `service`, `device`.
    SignedInByQr,
    /// A sign-in at a computer was refused on a phone, or wrong words were chosen: `service`, `device`.
    QrRefused,
    /// All access was ended: sessions, tokens, sign-ins in progress.
    AccessEnded,
    /// The person locked their account.
    AccountLocked,
    /// The operator blocked an account that has no number.
    AccountBlocked,
    /// The lock that the person put on their account was ended, or such a block.
    AccountUnlocked,
    /// A consent was given: `service`, `data_sets`, `until`.
    ConsentGiven,
    /// A consent ended before its time: `service`.
    ConsentEnded,
    /// An application was confirmed: `service`, `reference`.
    ApplicationConfirmed,
    /// A service may ask for no approvals for a while: `service`, `until`.
    ServiceMuted,
    /// A muted service may ask again: `service`.
    ServiceUnmuted,
    /// The contract of a connected service ends soon: `service`, `until`.
    ContractEnding,
    /// The contract of a connected service has ended: `service`.
    ContractEnded,
    /// A number was enrolled in Mobile-ID: `reference`.
    Enrolled,
    /// The enrolment ended: the number is somebody else's, was returned to the operator, or the person asked for it.
    EnrolmentEnded,
    /// An account was opened by registration on-line.
    Registered,
    /// An account was opened in person, at a place: `reference`.
    OpenedAtPlace,
    /// An account was confirmed in person, at a place: `reference`.
    ConfirmedAtPlace,
    /// Somebody tried to register with the data of a person who has an account.
    RegistrationTried,
    /// The e-mail address for mails was confirmed, changed or removed.
    EmailChanged,
}

/// Name, and the keys of title and sentence.
type Row = (NoticeKind, &'static str, &'static str, &'static str);

const ROWS: [Row; 38] = [
    (NoticeKind::DataReleased, "data_released", "notices.data_released", "notices.data_released_then"),
    (
        NoticeKind::NumberVerified,
        "number_verified",
        "notices.number_verified",
        "notices.number_verified_then",
    ),
    (NoticeKind::NewDevice, "new_device", "notices.new_device", "notices.new_device_then"),
    (NoticeKind::NewPlace, "new_place", "notices.new_place", "notices.new_place_then"),
    (NoticeKind::ManyNetworks, "many_networks", "notices.many_networks", "notices.many_networks_then"),
    (NoticeKind::WrongCodes, "wrong_codes", "notices.wrong_codes", "notices.wrong_codes_then"),
    (
        NoticeKind::WrongPasswords,
        "wrong_passwords",
        "notices.wrong_passwords",
        "notices.wrong_passwords_then",
    ),
    (NoticeKind::Recovered, "recovered", "notices.recovered", "notices.recovered_then"),
    (
        NoticeKind::RecoveredAtPlace,
        "recovered_at_place",
        "notices.recovered_at_place",
        "notices.recovered_at_place_then",
    ),
    (
        NoticeKind::RecoveryStopped,
        "recovery_stopped",
        "notices.recovery_stopped",
        "notices.recovery_stopped_then",
    ),
    (NoticeKind::NumberChanged, "number_changed", "notices.number_changed", "notices.number_changed_then"),
    (NoticeKind::NumberBlocked, "number_blocked", "notices.number_blocked", "notices.number_blocked_then"),
    (
        NoticeKind::NumberUnblocked,
        "number_unblocked",
        "notices.number_unblocked",
        "notices.number_unblocked_then",
    ),
    (
        NoticeKind::CredentialChanged,
        "credential_changed",
        "notices.credential_changed",
        "notices.credential_changed_then",
    ),
    (NoticeKind::PasskeyAdded, "passkey_added", "notices.passkey_added", "notices.passkey_added_then"),
    (NoticeKind::PasskeyWaits, "passkey_waits", "notices.passkey_waits", "notices.passkey_waits_then"),
    (
        NoticeKind::PasskeyRemoved,
        "passkey_removed",
        "notices.passkey_removed",
        "notices.passkey_removed_then",
    ),
    (NoticeKind::PasskeyCopied, "passkey_copied", "notices.passkey_copied", "notices.passkey_copied_then"),
    (NoticeKind::SignedInByQr, "signed_in_by_qr", "notices.signed_in_by_qr", "notices.signed_in_by_qr_then"),
    (NoticeKind::QrRefused, "qr_refused", "notices.qr_refused", "notices.qr_refused_then"),
    (NoticeKind::AccessEnded, "access_ended", "notices.access_ended", "notices.access_ended_then"),
    (NoticeKind::AccountLocked, "account_locked", "notices.account_locked", "notices.account_locked_then"),
    (
        NoticeKind::AccountBlocked,
        "account_blocked",
        "notices.account_blocked",
        "notices.account_blocked_then",
    ),
    (
        NoticeKind::AccountUnlocked,
        "account_unlocked",
        "notices.account_unlocked",
        "notices.account_unlocked_then",
    ),
    (NoticeKind::ConsentGiven, "consent_given", "notices.consent_given", "notices.consent_given_then"),
    (NoticeKind::ConsentEnded, "consent_ended", "notices.consent_ended", "notices.consent_ended_then"),
    (
        NoticeKind::ApplicationConfirmed,
        "application_confirmed",
        "notices.application_confirmed",
        "notices.application_confirmed_then",
    ),
    (NoticeKind::ServiceMuted, "service_muted", "notices.service_muted", "notices.service_muted_then"),
    (
        NoticeKind::ServiceUnmuted,
        "service_unmuted",
        "notices.service_unmuted",
        "notices.service_unmuted_then",
    ),
    (
        NoticeKind::ContractEnding,
        "contract_ending",
        "notices.contract_ending",
        "notices.contract_ending_then",
    ),
    (NoticeKind::ContractEnded, "contract_ended", "notices.contract_ended", "notices.contract_ended_then"),
    (NoticeKind::Enrolled, "enrolled", "notices.enrolled", "notices.enrolled_then"),
    (
        NoticeKind::EnrolmentEnded,
        "enrolment_ended",
        "notices.enrolment_ended",
        "notices.enrolment_ended_then",
    ),
    (NoticeKind::Registered, "registered", "notices.registered", "notices.registered_then"),
    (NoticeKind::OpenedAtPlace, "opened_at_place", "notices.opened_at_place", "notices.opened_at_place_then"),
    (
        NoticeKind::ConfirmedAtPlace,
        "confirmed_at_place",
        "notices.confirmed_at_place",
        "notices.confirmed_at_place_then",
    ),
    (
        NoticeKind::RegistrationTried,
        "registration_tried",
        "notices.registration_tried",
        "notices.registration_tried_then",
    ),
    (NoticeKind::EmailChanged, "email_changed", "notices.email_changed", "notices.email_changed_then"),
];

impl NoticeKind {
    /// All, in the order in which preferences show them.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|row| row.0)
    }

    fn row(self) -> &'static Row {
        ROWS.iter().find(|row| row.0 == self).unwrap_or(&ROWS[0])
    }

    /// Its name in the store and in forms.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        ROWS.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// What its SMS says it is about.
    pub(in crate::notices) fn topic(self) -> Topic {
        match self {
            Self::NewDevice | Self::NewPlace | Self::ManyNetworks | Self::SignedInByQr | Self::QrRefused => {
                Topic::SignIn
            }
            Self::DataReleased | Self::NumberVerified => Topic::Data,
            _ => Topic::Other,
        }
    }

    /// Whether it warns of somebody else at work: SMS about such are counted apart, so that nothing else uses up theirs, and it goes to
    /// people's e-mail.
    pub fn is_security(self) -> bool {
        matches!(
            self,
            Self::NewDevice
                | Self::NewPlace
                | Self::ManyNetworks
                | Self::WrongCodes
                | Self::WrongPasswords
                | Self::Recovered
                | Self::RecoveredAtPlace
                | Self::RecoveryStopped
                | Self::NumberChanged
                | Self::NumberBlocked
                | Self::NumberUnblocked
                | Self::CredentialChanged
                | Self::PasskeyAdded
                | Self::PasskeyWaits
                | Self::PasskeyRemoved
                | Self::PasskeyCopied
                | Self::SignedInByQr
                | Self::QrRefused
                | Self::AccessEnded
                | Self::AccountLocked
                | Self::AccountBlocked
                | Self::AccountUnlocked
                | Self::Enrolled
                | Self::EnrolmentEnded
                | Self::Registered
                | Self::OpenedAtPlace
                | Self::ConfirmedAtPlace
                | Self::RegistrationTried
                | Self::EmailChanged
        )
    }

    /// Whether the same told again on the same day is one notice: what services raise, as often as they like.
    pub(super) fn is_of_a_day(self) -> bool {
        matches!(self, Self::DataReleased | Self::NumberVerified)
    }

    /// What it is called where people choose of which kinds they want an SMS, and as a notice's title.
    pub fn title(self, text: Text) -> &'static str {
        text.get(self.row().2)
    }
}

/// What a notice says beside its kind. Nothing that this provider says here is a value of anybody's data; but a service chooses the
/// words of its purpose, so all of it is sealed where it is kept.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// The identifier of the service that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Names of sets of data (`DataSet::name`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data_sets: Vec<String>,
    /// What a service wants data for, as its contract or request says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// The same where a registration says it: by the tag of the language.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub purposes: BTreeMap<String, String>,
    /// The law or agreement that lets the service have data, by the tag of the language.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub laws: BTreeMap<String, String>,
    /// Until when, in seconds since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// A browser and its system, such as `Chrome, Android`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The network that it came from, without its last parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What a service or this provider files the matter under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// How names are looked up that only higher floors know.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    /// The name of a service in the reader's language; `None` when there is none of that identifier any more.
    pub service: &'a dyn Fn(&str) -> Option<String>,
    /// The plain name of a set of data in the reader's language.
    pub data_set: &'a dyn Fn(&str) -> Option<String>,
}

/// A notice in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoticeWords {
    /// What it is, in a few words.
    pub title: String,
    /// A sentence or two.
    pub sentence: String,
    /// Which data, where it tells of any: plain names.
    pub data: Vec<String>,
    /// What for, where a service said it.
    pub purpose: Option<String>,
    /// By which law or agreement, where there is one.
    pub law: Option<String>,
}

/// The words of a notice in the reader's language; `kind` is `None` for one of a later version.
pub(super) fn words(kind: Option<NoticeKind>, about: &About, text: Text, names: Names<'_>) -> NoticeWords {
    let known = |id: &str| (names.service)(id).unwrap_or_else(|| id.to_owned());
    let service = about.service.as_deref().map_or_else(|| text.get("notices.a_service").to_owned(), known);
    let device = about.device.as_deref().unwrap_or_else(|| text.get("notices.a_browser"));
    let until = about.until.map_or_else(String::new, |until| text.date_for_suffix(until));
    let reference = about.reference.as_deref().unwrap_or("–");
    let Some(kind) = kind else {
        let (title, sentence) = (text.get("notices.unknown"), text.get("notices.unknown_then"));
        return NoticeWords {
            title: title.to_owned(),
            sentence: sentence.to_owned(),
            data: Vec::new(),
            purpose: None,
            law: None,
        };
    };
    let values = [
        ("service", service.as_str()),
        ("device", device),
        ("until", until.as_str()),
        ("reference", reference),
        ("place", about.place.as_deref().unwrap_or("–")),
    ];
    let data = about.data_sets.iter().map(|set| (names.data_set)(set).unwrap_or_else(|| set.clone()));
    NoticeWords {
        title: kind.title(text).to_owned(),
        sentence: text.with(kind.row().3, &values),
        data: data.collect(),
        purpose: about.purpose.as_ref().or_else(|| about.purposes.get(text.language().tag())).cloned(),
        law: about.laws.get(text.language().tag()).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::platform::web::locale::Language;

    #[test]
    fn every_kind_has_one_row_and_is_found_by_its_name() {
        for kind in NoticeKind::all() {
            assert_eq!(NoticeKind::parse(kind.name()), Some(kind));
        }
        let names: BTreeSet<_> = NoticeKind::all().map(NoticeKind::name).collect();
        assert_eq!(names.len(), ROWS.len());
        assert!(ROWS.iter().all(|row| row.2 == format!("notices.{}", row.1)));
        assert!(ROWS.iter().all(|row| row.3 == format!("notices.{}_then", row.1)));
        assert_eq!(NoticeKind::parse("*"), None, "it stands for all in the store");
    }

    #[test]
    fn a_notice_is_told_in_each_language_with_nothing_left_to_fill_in() {
        let about = About {
            service: Some("agency".into()),
            data_sets: vec!["address".into()],
            purpose: Some("Subsidy".into()),
            purposes: BTreeMap::new(),
            laws: BTreeMap::from([("en".into(), "Tax Code, article 1".into())]),
            until: Some(1_795_244_400),
            device: Some("Chrome, Android".into()),
            place: Some("91.204.•.•".into()),
            reference: Some("A-17".into()),
        };
        let names = Names {
            service: &|id| (id == "agency").then(|| "Tax agency".to_owned()),
            data_set: &|set| (set == "address").then(|| "Address".to_owned()),
        };
        for language in Language::ALL {
            for kind in NoticeKind::all() {
                let said = words(Some(kind), &about, Text::new(language), names);
                for part in [&said.title, &said.sentence] {
                    assert!(!part.contains(['{', '}']) && !part.contains("notices."), "{part}");
                }
                assert_eq!(said.data, ["Address"]);
            }
            let said = words(Some(NoticeKind::DataReleased), &About::default(), Text::new(language), names);
            assert!(!said.sentence.contains(['{', '}']), "{}", said.sentence);
        }
        let english = words(Some(NoticeKind::DataReleased), &about, Text::new(Language::En), names);
        assert!(english.sentence.contains("Tax agency"), "{}", english.sentence);
        assert_eq!(english.law.as_deref(), Some("Tax Code, article 1"));
        let later = words(None, &about, Text::new(Language::En), names);
        assert_eq!(later.title, "A notice");
    }
}
