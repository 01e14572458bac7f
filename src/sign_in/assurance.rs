//! How a person authenticated (`acr`, `amr`), and which of that a client accepts.

use serde::{Deserialize, Serialize};

use crate::clients::Client;

/// Authentication context class references, lowest to highest. An SMS code alone is one factor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Acr {
    /// Login and password.
    #[serde(rename = "urn:yagona:acr:password")]
    Password,
    /// The enrolled number and a code sent to it.
    #[serde(rename = "urn:yagona:acr:mobile-id")]
    MobileId,
    /// Mobile-ID and a second factor.
    #[serde(rename = "urn:yagona:acr:mobile-id+")]
    MobileIdPlus,
    /// A passkey whose authenticator verified its user.
    #[serde(rename = "urn:yagona:acr:passkey")]
    Passkey,
    /// Electronic digital signature.
    #[serde(rename = "urn:yagona:acr:eri")]
    Eri,
    /// Face compared with the state's register.
    #[serde(rename = "urn:yagona:acr:face")]
    Face,
}

impl Acr {
    const ALL: [Self; 6] =
        [Self::Password, Self::MobileId, Self::MobileIdPlus, Self::Passkey, Self::Eri, Self::Face];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "urn:yagona:acr:password",
            Self::MobileId => "urn:yagona:acr:mobile-id",
            Self::MobileIdPlus => "urn:yagona:acr:mobile-id+",
            Self::Passkey => "urn:yagona:acr:passkey",
            Self::Eri => "urn:yagona:acr:eri",
            Self::Face => "urn:yagona:acr:face",
        }
    }

    /// The class of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|acr| acr.name() == name)
    }
}

/// A means of signing in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// An enrolled number and a code sent to it.
    MobileId,
    /// Login and password.
    Password,
    /// A passkey (WebAuthn) whose authenticator verified its user.
    Passkey,
    /// An electronic digital signature (E-IMZO).
    Eri,
    /// A face that was compared with the state's register (MyID).
    Face,
    /// Another device of the person, on which they are signed in, approved it: it adds nothing to what was proved there.
    Qr,
}

impl Means {
    /// All means, in the order in which pages show them to somebody who has used none here.
    pub const ALL: [Self; 6] =
        [Self::MobileId, Self::Password, Self::Passkey, Self::Eri, Self::Face, Self::Qr];

    /// Its name in settings, on the wire between pages, in metrics and in the audit log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MobileId => "mobile_id",
            Self::Password => "password",
            Self::Passkey => "passkey",
            Self::Eri => "eri",
            Self::Face => "face",
            Self::Qr => "qr",
        }
    }

    /// The means of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|means| means.name() == name)
    }

    /// What the sessions of the version before rest on.
    pub(super) fn of_before() -> Vec<Self> {
        vec![Self::MobileId]
    }

    /// The class that using it alone reaches; none where it only carries what another means proved.
    const fn acr(self) -> Option<Acr> {
        match self {
            Self::MobileId => Some(Acr::MobileId),
            Self::Password => Some(Acr::Password),
            Self::Passkey => Some(Acr::Passkey),
            Self::Eri => Some(Acr::Eri),
            Self::Face => Some(Acr::Face),
            Self::Qr => None,
        }
    }

    /// Whether what it proves is a second factor beside a number in Mobile-ID.
    const fn is_second(self) -> bool {
        matches!(self, Self::Password | Self::Passkey | Self::Eri | Self::Face)
    }
}

/// The classes that somebody satisfies who proved these means in one session, lowest to highest: that of each, and Mobile-ID with a
/// second factor (`docs/assurance.md`).
pub fn classes(means: &[Means]) -> Vec<Acr> {
    let mut classes: Vec<Acr> = means.iter().filter_map(|means| means.acr()).collect();
    if means.contains(&Means::MobileId) && means.iter().any(|means| means.is_second()) {
        classes.push(Acr::MobileIdPlus);
    }
    classes.sort_unstable();
    classes.dedup();
    classes
}

/// The classes of one session. Whoever relays another device's approval is not stopped by a passkey, which is why services ask for one: so by
/// that way it reaches the lowest class only.
fn classes_of_session(means: &[Means]) -> Vec<Acr> {
    let mut classes = classes(means);
    if means.contains(&Means::Qr) && classes.contains(&Acr::Passkey) {
        classes.retain(|acr| !matches!(acr, Acr::Passkey | Acr::Password));
        classes.insert(0, Acr::Password);
    }
    classes
}

/// Whether these means are no more than one factor that somebody else may have got hold of, a code by SMS or a password, on whatever
/// device: what is added on them counts as a second factor only after a wait.
pub fn is_single_factor(means: &[Means]) -> bool {
    classes_of_session(means).into_iter().all(|acr| acr <= Acr::MobileId)
}

/// The classes that unlock an account which its person locked: each is proved by more than a number, a code or a password, which are
/// what somebody locks an account for (`docs/assurance.md`).
pub const UNLOCKING: [Acr; 3] = [Acr::Passkey, Acr::Eri, Acr::Face];

/// Whether a means that was proved just now unlocks an account which its person locked: by itself, whatever was proved beside it.
pub fn unlocks(means: Means) -> bool {
    means.acr().is_some_and(|acr| UNLOCKING.contains(&acr))
}

/// The class that is told to a service that accepts those of `accepted` (empty: every one): the highest that the means satisfy. `None`
/// where they satisfy none of them.
pub fn told(means: &[Means], accepted: &[Acr]) -> Option<Acr> {
    classes_of_session(means).into_iter().rfind(|acr| accepted.is_empty() || accepted.contains(acr))
}

/// Whether a means can lead to what a service accepts (empty: every class), together with what was proved before, or with a further one
/// of `others`.
pub fn can_lead(means: Means, proved: &[Means], others: &[Means], accepted: &[Acr]) -> bool {
    let reaches = |all: &[Means]| told(all, accepted).is_some();
    let with = [proved, &[means]].concat();
    // Another device is signed in by means of its own, which are not known before it answers.
    if means == Means::Qr {
        let by_relay = |acr: &Acr| *acr != Acr::Passkey;
        let accepted: Vec<Acr> = match accepted {
            [] => Acr::ALL.into_iter().filter(by_relay).collect(),
            some => some.iter().copied().filter(by_relay).collect(),
        };
        return proved.is_empty()
            && !accepted.is_empty()
            && others.iter().any(|other| *other != Means::Qr && can_lead(*other, &[], others, &accepted));
    }
    // A further one that is enough without it makes it of no use.
    let needed =
        |other: &Means| reaches(&[&with[..], &[*other]].concat()) && !reaches(&[proved, &[*other]].concat());
    reaches(&with) || others.iter().any(needed)
}

/// The classes that a person with `means` can reach at `client`, none of which the client refuses. A service in lending
/// accepts no Mobile-ID alone (R3, D-a).
pub fn reachable(means: &[Means], client: &Client) -> Vec<Acr> {
    let minimum = client.sessions.minimum_acr.as_deref().map_or(Some(Acr::Password), Acr::parse);
    let accepted = |acr: &Acr| {
        minimum.is_some_and(|minimum| *acr >= minimum)
            && !(client.sessions.lending && matches!(acr, Acr::MobileId | Acr::Password))
    };
    classes(means).into_iter().filter(accepted).collect()
}

/// Authentication methods (RFC 8176 §2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Amr {
    /// Confirmation by SMS.
    Sms,
    /// A one-time code.
    Otp,
    /// A password.
    Pwd,
    /// Possession of a key that hardware protects.
    Hwk,
    /// Possession of a key that software protects.
    Swk,
    /// A PIN, or a key's password, that is entered at the key.
    Pin,
    /// The user was present.
    User,
    /// A face.
    Face,
    /// A smart card.
    Sc,
    /// Proof of possession of a key.
    Pop,
    /// More than one factor.
    Mfa,
    /// More than one channel.
    Mca,
}

impl Amr {
    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Otp => "otp",
            Self::Pwd => "pwd",
            Self::Hwk => "hwk",
            Self::Swk => "swk",
            Self::Pin => "pin",
            Self::User => "user",
            Self::Face => "face",
            Self::Sc => "sc",
            Self::Pop => "pop",
            Self::Mfa => "mfa",
            Self::Mca => "mca",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Acr, Means, UNLOCKING, can_lead, classes, is_single_factor, told, unlocks};
    use crate::clients::ACR_VALUES;

    #[test]
    fn registrations_know_every_class_in_its_order() {
        assert_eq!(Acr::ALL.map(Acr::name), ACR_VALUES);
        assert!(Acr::ALL.is_sorted() && ACR_VALUES.iter().all(|name| Acr::parse(name).is_some()));
    }

    #[test]
    fn mobile_id_with_any_second_factor_is_mobile_id_plus_and_nothing_else_is() {
        use Means::{Eri, Face, MobileId, Passkey, Password, Qr};
        assert_eq!(classes(&[MobileId]), [Acr::MobileId]);
        assert_eq!(classes(&[Password, MobileId]), [Acr::Password, Acr::MobileId, Acr::MobileIdPlus]);
        assert_eq!(classes(&[Passkey, Password]), [Acr::Password, Acr::Passkey]);
        for second in [Password, Passkey, Eri, Face] {
            assert!(classes(&[second, MobileId]).contains(&Acr::MobileIdPlus), "{second:?}");
        }
        assert!(!classes(&[MobileId, Qr]).contains(&Acr::MobileIdPlus), "another device is no factor");
        assert!(classes(&[Qr]).is_empty() && classes(&[]).is_empty());
    }

    #[test]
    fn a_code_is_one_factor_also_where_another_device_carried_it() {
        use Means::{Eri, MobileId, Passkey, Password, Qr};
        for one in [&[MobileId][..], &[Qr, MobileId], &[Password], &[Qr, Password], &[Qr, Passkey]] {
            assert!(is_single_factor(one), "{one:?}");
        }
        for more in [&[MobileId, Password][..], &[Passkey], &[Qr, Eri], &[Qr, MobileId, Passkey]] {
            assert!(!is_single_factor(more), "{more:?}");
        }
    }

    #[test]
    fn neither_a_code_nor_a_password_nor_another_device_unlocks_an_account() {
        use Means::{Eri, Face, MobileId, Passkey, Password, Qr};
        assert_eq!([MobileId, Password, Qr].map(unlocks), [false; 3]);
        assert_eq!([Passkey, Eri, Face].map(unlocks), [true; 3]);
        assert!(UNLOCKING.iter().all(|acr| *acr > Acr::MobileIdPlus), "no class that rests on a code");
    }

    #[test]
    fn a_service_is_told_the_highest_class_that_it_accepts() {
        use Means::{MobileId, Passkey, Password};
        assert_eq!(told(&[MobileId, Passkey], &[]), Some(Acr::Passkey));
        assert_eq!(told(&[MobileId, Passkey], &[Acr::MobileId, Acr::MobileIdPlus]), Some(Acr::MobileIdPlus));
        assert_eq!(told(&[MobileId], &[Acr::MobileIdPlus]), None);
        assert_eq!(told(&[Password], &[Acr::Password]), Some(Acr::Password));
    }

    #[test]
    fn r3_a_means_is_offered_only_where_it_can_lead_to_what_is_accepted() {
        use Means::{Eri, MobileId, Password, Qr};
        let all = Means::ALL;
        let lending = [Acr::MobileIdPlus, Acr::Passkey, Acr::Eri, Acr::Face];
        assert!(can_lead(MobileId, &[], &all, &lending), "with a second factor");
        assert!(!can_lead(MobileId, &[], &[MobileId], &lending), "there is no second one");
        assert!(can_lead(Password, &[], &[MobileId, Password], &lending));
        assert!(can_lead(Password, &[MobileId], &[], &lending), "the step up");
        assert!(!can_lead(Password, &[], &[Password, Eri], &[Acr::MobileId]));
        assert!(can_lead(Eri, &[], &all, &[Acr::Eri]) && !can_lead(MobileId, &[], &all, &[Acr::Face]));
        assert!(can_lead(Qr, &[], &all, &[Acr::Eri]) && !can_lead(Qr, &[], &[Qr], &[]));
        assert!(!can_lead(Qr, &[], &all, &[Acr::Passkey]), "a relayed approval resists no phishing");
    }

    /// The rows of the table of `docs/assurance.md` under a heading: what stands between its bars.
    fn rows(heading: &str) -> Vec<Vec<String>> {
        let document = include_str!("../../docs/assurance.md");
        let part = document.split(heading).nth(1).expect("the heading").split("\n## ").next().unwrap();
        let rows = part.lines().filter(|line| line.starts_with("| `"));
        rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
            .collect()
    }

    #[test]
    fn the_document_has_every_class_in_its_order_and_says_what_each_way_reaches() {
        let named: Vec<_> =
            rows("## Classes").iter().map(|row| row[0].trim_matches('`').to_owned()).collect();
        assert_eq!(named, ACR_VALUES);
        let ways = rows("## Ways to sign in");
        for row in &ways {
            let means: Vec<Means> = row[0]
                .trim_matches('`')
                .split(' ')
                .map(|name| Means::parse(name).expect("a means"))
                .collect();
            let acr = row[1].split('`').nth(1).and_then(Acr::parse);
            assert_eq!(told(&means, &[]), acr, "{}", row[0]);
            if row[1].contains("only that is accepted") {
                let other = row[1].split('`').nth(3).and_then(Acr::parse).expect("another class");
                assert_eq!(told(&means, &[other]), Some(other), "{}", row[0]);
            }
        }
        let unlocking = rows("## What unlocks an account");
        for means in Means::ALL {
            let row = unlocking.iter().find(|row| row[0].trim_matches('`') == means.name()).expect("a row");
            assert_eq!(row[1] == "yes", unlocks(means), "{}", means.name());
            let named =
                |row: &Vec<String>| row[0].trim_matches('`').split(' ').any(|name| name == means.name());
            assert!(ways.iter().any(named), "{}", means.name());
        }
    }
}
