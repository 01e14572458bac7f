//! The second step: the code from the SMS.

use askama::Template;

use crate::platform::clock::Timestamp;
use crate::platform::web::frame::Frame;
use crate::platform::web::text::Text;

/// Asks for the code. Everything on it is the same whether the number is enrolled or not.
#[derive(Template)]
#[template(path = "pages/code.html")]
pub(crate) struct CodePage<'a> {
    pub frame: Frame<'a>,
    /// The number, masked but for its last four digits: "+998 •• ••• 45 67".
    pub masked: &'a str,
    /// What the code is entered for besides signing in.
    pub data: Option<CodeData>,
    /// What is wrong with the code, in the reader's language (see [`CodeError`]).
    pub error: Option<String>,
    /// A new code was just asked for.
    pub resent: bool,
    /// Seconds until a new code may be asked for; 0 when it may be now.
    pub resend_after: u32,
    /// How many more new codes this sign-in may ask for.
    pub resends_left: u32,
    /// Messages are known to be delivered slowly at present.
    pub slow: bool,
    /// Why no code was sent, told in a browser in which the person signed in before (see [`Delay`]).
    pub delayed: Option<String>,
    /// Wrong codes were entered for the number in other browsers; told in such a browser as well.
    pub strangers: bool,
    /// Minutes for which a code works.
    pub minutes: u32,
    /// Leads back to the number page, or to what was chosen.
    pub back: &'a str,
    /// Refuses and leads back to the service.
    pub cancel: &'a str,
}

/// Data that a code has to do with.
pub(crate) struct CodeData {
    /// What the code means for them.
    pub meaning: CodeMeaning,
    /// Their plain names.
    pub labels: Vec<&'static str>,
}

/// What a code means for data.
pub(crate) enum CodeMeaning {
    /// The service asks for them, and the person decides on the next page.
    Asked,
    /// A law lets the service have them.
    Law,
    /// The code permits their release.
    Permits {
        /// What the form says that its page showed.
        digest: String,
        /// The day on which the permission ends, as people say it.
        until: String,
    },
}

impl CodeData {
    /// The key of the sentence before the names.
    fn sentence(&self) -> &'static str {
        match self.meaning {
            CodeMeaning::Asked => "code.asks",
            CodeMeaning::Law => "code.law",
            CodeMeaning::Permits { .. } => "code.permits",
        }
    }

    /// The key of the sentence after the names, if there is one.
    fn then(&self) -> Option<&'static str> {
        matches!(self.meaning, CodeMeaning::Asked).then_some("code.asks_then")
    }

    /// What the form says that its page showed, and until when the permission holds.
    fn permits(&self) -> Option<(&str, &str)> {
        match &self.meaning {
            CodeMeaning::Permits { digest, until } => Some((digest, until)),
            CodeMeaning::Asked | CodeMeaning::Law => None,
        }
    }
}

impl CodePage<'_> {
    /// What the code permits, if it is not one to sign in with.
    fn permits(&self) -> Option<(&str, &str)> {
        self.data.as_ref().and_then(CodeData::permits)
    }

    /// The key of the sentence that says where the code was sent.
    fn sent(&self) -> &'static str {
        if self.permits().is_some() { "code.sent_to_permit" } else { "code.sent" }
    }

    /// The key of the main action.
    fn action(&self) -> &'static str {
        if self.permits().is_some() { "consent.allow" } else { "frame.continue" }
    }

    fn wait(&self) -> String {
        clock(self.resend_after)
    }

    fn valid_for(&self) -> String {
        self.frame.text.minutes(self.minutes)
    }
}

/// How long no code is sent after wrong codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delay {
    /// So many seconds, at most an hour.
    Seconds(u32),
    /// Until this time.
    Until(Timestamp),
}

impl Delay {
    /// The delay until `until`, seen at `now`.
    pub(crate) fn until(until: Timestamp, now: Timestamp) -> Self {
        match u32::try_from(until.since(now)) {
            Ok(seconds) if seconds > 3600 => Self::Until(until),
            Ok(seconds) => Self::Seconds(seconds),
            Err(_) => Self::Seconds(0),
        }
    }

    /// The sentence that the person reads.
    pub(crate) fn message(self, text: Text) -> String {
        match self {
            Self::Seconds(seconds) => text.with("code.delayed", &[("time", &clock(seconds))]),
            Self::Until(until) => text.with("code.delayed_until", &[("day", &text.date(until.0))]),
        }
    }
}

/// What can be wrong with a typed code, or with asking for a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeError {
    Empty,
    /// It cannot be a code: not six digits.
    NotACode,
    /// It is not the code; so many tries are left.
    Wrong {
        left: u32,
    },
    /// Its time is over.
    Expired,
    /// All tries of this code are used.
    UsedUp,
    /// A new code may be asked for only after so many seconds.
    TooEarly {
        seconds: u32,
    },
    /// This sign-in may ask for no more codes.
    NoMoreCodes,
}

impl CodeError {
    /// The word by which an address says it.
    pub(crate) fn word(self) -> String {
        match self {
            CodeError::Empty => "empty".to_owned(),
            CodeError::NotACode => "digits".to_owned(),
            CodeError::Wrong { left } => format!("wrong-{left}"),
            CodeError::Expired => "expired".to_owned(),
            CodeError::UsedUp => "used".to_owned(),
            CodeError::TooEarly { seconds } => format!("early-{seconds}"),
            CodeError::NoMoreCodes => "none".to_owned(),
        }
    }

    /// Reads what [`CodeError::word`] wrote.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        let (name, count) = word.split_once('-').unwrap_or((word, "0"));
        let count = count.parse::<u32>().ok().filter(|count| *count < 1000)?;
        Some(match name {
            "empty" => CodeError::Empty,
            "digits" => CodeError::NotACode,
            "wrong" => CodeError::Wrong { left: count },
            "expired" => CodeError::Expired,
            "used" => CodeError::UsedUp,
            "early" => CodeError::TooEarly { seconds: count },
            "none" => CodeError::NoMoreCodes,
            _ => return None,
        })
    }

    /// The sentence that the person reads.
    pub(crate) fn message(self, text: Text) -> String {
        match self {
            CodeError::Empty => text.get("code.error_empty").to_owned(),
            CodeError::NotACode => text.get("code.error_not_a_code").to_owned(),
            CodeError::Wrong { left } => text.with("code.error_wrong", &[("left", &left.to_string())]),
            CodeError::Expired => text.get("code.error_expired").to_owned(),
            CodeError::UsedUp => text.get("code.error_used_up").to_owned(),
            CodeError::TooEarly { seconds } => text.with("code.resend_in", &[("time", &clock(seconds))]),
            CodeError::NoMoreCodes => text.get("code.no_resends").to_owned(),
        }
    }
}

/// Seconds as minutes and seconds, which reads the same in every language: "1:05".
fn clock(seconds: u32) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::web::locale::Language;

    #[test]
    fn waiting_is_told_in_minutes_and_seconds() {
        assert_eq!(clock(30), "0:30");
        assert_eq!(clock(120), "2:00");
        assert_eq!(clock(65), "1:05");
    }

    #[test]
    fn a_delay_is_told_by_the_clock_up_to_an_hour_and_then_by_the_day() {
        let (now, en) = (Timestamp(1_790_000_000), Text::new(Language::En));
        let told = |seconds| Delay::until(now.plus(seconds), now).message(en);
        assert!(told(30).contains("in 0:30"), "{}", told(30));
        assert!(told(3600).contains("in 60:00"), "{}", told(3600));
        assert!(told(30 * 86_400).contains("21 October 2026"), "{}", told(30 * 86_400));
        assert!(told(-1).contains("in 0:00"));
    }

    #[test]
    fn an_error_survives_the_address_that_says_it() {
        for error in [CodeError::Empty, CodeError::Wrong { left: 3 }, CodeError::TooEarly { seconds: 27 }] {
            assert_eq!(CodeError::from_word(&error.word()), Some(error));
        }
        assert_eq!(CodeError::from_word("wrong-99999"), None);
        assert_eq!(CodeError::from_word("<script>"), None);
    }

    #[test]
    fn errors_carry_their_numbers() {
        let en = Text::new(Language::En);
        assert_eq!(CodeError::Wrong { left: 3 }.message(en), "The code does not match. Tries left: 3.");
        assert_eq!(CodeError::TooEarly { seconds: 5 }.message(en), "You can ask for a new code in 0:05.");
    }
}
