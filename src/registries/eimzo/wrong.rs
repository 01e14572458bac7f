//! Why a signature proves nothing: each status of e-imzo-server as what it means for the person, with the key of its sentence.

/// Why a signature proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Wrong {
    /// The signature is not that of what was signed: `-10` of a browser's, `-5` of a phone's.
    #[error("the signature is wrong")]
    Signature,
    /// What was handed in is no signature that can be read: `-3`, `-4`.
    #[error("it is no signature")]
    Unreadable,
    /// The certificate is not one of the country's: `-11`, `-6`.
    #[error("the certificate is not valid")]
    Certificate,
    /// The certificate had ended, not begun or been revoked when it signed: `-12`, `-7`.
    #[error("the certificate was not in force")]
    NotInForce,
    /// Whether the certificate is revoked could not be found out: `-1`, `-8`.
    #[error("the certificate's state could not be checked")]
    Unchecked,
    /// The clock of the computer or phone is wrong: `-5` of a browser's, `-9` of a phone's.
    #[error("the device's clock is wrong")]
    Clock,
    /// The challenge is unknown or too old: `-20` of a browser's, `-2` of a phone's.
    #[error("the challenge is too old")]
    Expired,
    /// Nothing was handed in yet: `2`, `0`.
    #[error("nothing was signed")]
    NotSigned,
    /// Something else than this browser's challenge was signed. No status: found here.
    #[error("another challenge was signed")]
    OtherChallenge,
    /// The certificate has no PINFL, as those of devices and of some organisations have none. No status: found here.
    #[error("the certificate names no person")]
    NoPerson,
}

/// The statuses of `POST /backend/auth` other than `1`.
pub const OF_BROWSERS: [(i64, Wrong); 6] = [
    (-1, Wrong::Unchecked),
    (-5, Wrong::Clock),
    (-10, Wrong::Signature),
    (-11, Wrong::Certificate),
    (-12, Wrong::NotInForce),
    (-20, Wrong::Expired),
];

/// The statuses of `GET /backend/mobile/authenticate/…` other than `1` that are about the signature. `-1`, `-10`, `-11`, `-99` and `-100` say that
/// the server is out of order.
pub const OF_PHONES: [(i64, Wrong); 9] = [
    (0, Wrong::NotSigned),
    (2, Wrong::NotSigned),
    (-2, Wrong::Expired),
    (-3, Wrong::Unreadable),
    (-4, Wrong::Unreadable),
    (-5, Wrong::Signature),
    (-6, Wrong::Certificate),
    (-7, Wrong::NotInForce),
    (-8, Wrong::Unchecked),
];

/// `-9` of a phone's: the clocks differ by more than the server allows.
const PHONE_CLOCK: i64 = -9;

impl Wrong {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Signature,
        Self::Unreadable,
        Self::Certificate,
        Self::NotInForce,
        Self::Unchecked,
        Self::Clock,
        Self::Expired,
        Self::NotSigned,
        Self::OtherChallenge,
        Self::NoPerson,
    ];

    /// What a status of `POST /backend/auth` means; `None` for one that is no statement about the signature.
    pub fn of_browser(status: i64) -> Option<Self> {
        OF_BROWSERS.iter().find(|(known, _)| *known == status).map(|(_, wrong)| *wrong)
    }

    /// What a status of `GET /backend/mobile/authenticate/…` means.
    pub fn of_phone(status: i64) -> Option<Self> {
        if status == PHONE_CLOCK {
            return Some(Self::Clock);
        }
        OF_PHONES.iter().find(|(known, _)| *known == status).map(|(_, wrong)| *wrong)
    }

    /// Its name in logs, events and URLs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::Unreadable => "unreadable",
            Self::Certificate => "certificate",
            Self::NotInForce => "not_in_force",
            Self::Unchecked => "unchecked",
            Self::Clock => "clock",
            Self::Expired => "expired",
            Self::NotSigned => "not_signed",
            Self::OtherChallenge => "other_challenge",
            Self::NoPerson => "no_person",
        }
    }

    /// The key of the sentence that says to the person what happened and what helps.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Signature => "eri.signature",
            Self::Unreadable => "eri.unreadable",
            Self::Certificate => "eri.certificate",
            Self::NotInForce => "eri.not_in_force",
            Self::Unchecked => "eri.unchecked",
            Self::Clock => "eri.clock",
            Self::Expired => "eri.expired",
            Self::NotSigned => "eri.not_signed",
            Self::OtherChallenge => "eri.other_challenge",
            Self::NoPerson => "eri.no_person",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::platform::web::locale::Language;
    use crate::platform::web::text::Text;

    #[test]
    fn each_status_of_the_server_has_a_sentence_of_its_own_in_every_language() {
        for language in Language::ALL {
            let text = Text::new(language);
            let said: BTreeSet<&str> = Wrong::ALL.map(|wrong| text.get(wrong.sentence())).into();
            assert_eq!(said.len(), Wrong::ALL.len(), "{language:?}");
            assert!(said.iter().all(|sentence| !sentence.starts_with("eri.")), "{language:?}");
        }
        let browser = OF_BROWSERS.map(|(status, _)| Wrong::of_browser(status).unwrap());
        assert_eq!(BTreeSet::from(browser.map(Wrong::name)).len(), 6, "six statuses, six meanings");
        assert_eq!((Wrong::of_browser(1), Wrong::of_browser(-9), Wrong::of_phone(-99)), (None, None, None));
        assert_eq!((Wrong::of_phone(-9), Wrong::of_phone(2)), (Some(Wrong::Clock), Some(Wrong::NotSigned)));
    }
}
