//! The second step: the code from the SMS.

use askama::Template;

use crate::platform::web::frame::Frame;
use crate::platform::web::text::Text;
use crate::sign_in::Over;

/// Asks for the code, or says that none can be right any more. Everything on it is the same whether the number is enrolled
/// or not.
#[derive(Template)]
#[template(path = "pages/code.html")]
pub(crate) struct CodePage<'a> {
    pub frame: Frame<'a>,
    /// The number: whole where this browser has typed it, otherwise masked but for its last four digits.
    pub number: &'a str,
    /// What the code is entered for besides signing in.
    pub data: Option<CodeData>,
    /// Why no code can be right; then none is asked for.
    pub over: Option<Over>,
    /// What is wrong with the code, in the reader's language (see [`CodeError`]).
    pub error: Option<String>,
    /// A new code was just asked for.
    pub resent: bool,
    /// How to get a new code, or where to go instead.
    pub next: Next<'a>,
    /// Messages are known to be delivered slowly at present.
    pub slow: bool,
    /// Wrong codes were entered for the number in other browsers; told in such a browser as well.
    pub strangers: bool,
    /// The answer goes to another device, which the page says.
    pub for_device: bool,
    /// Seconds for which a code works.
    pub seconds: u32,
    /// Leads back to the number page, or to what was chosen.
    pub back: &'a str,
    /// Refuses and leads back to the service.
    pub cancel: &'a str,
}

/// What follows when the code in force is not entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next<'a> {
    /// A new code, after so many seconds; 0 when it may be asked for now.
    Resend { seconds: u32 },
    /// This sign-in has had all its codes: another one begins here.
    StartAgain(&'a str),
    /// No code is sent before the end of that day, in words.
    Later(String),
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
    /// The code confirms an application.
    Confirms {
        /// What the form says that its page showed.
        digest: String,
        /// The application, in the service's words.
        title: String,
    },
}

impl CodeData {
    /// The key of the sentence before the names.
    fn sentence(&self) -> &'static str {
        match self.meaning {
            CodeMeaning::Asked => "code.asks",
            CodeMeaning::Law => "code.law",
            CodeMeaning::Permits { .. } => "code.permits",
            CodeMeaning::Confirms { .. } => "application.confirms",
        }
    }

    /// The key of the sentence after the names, if there is one.
    fn then(&self) -> Option<&'static str> {
        matches!(self.meaning, CodeMeaning::Asked).then_some("code.asks_then")
    }

    /// What the form says that its page showed, where the code is none to sign in with.
    fn chosen(&self) -> Option<&str> {
        match &self.meaning {
            CodeMeaning::Permits { digest, .. } | CodeMeaning::Confirms { digest, .. } => Some(digest),
            CodeMeaning::Asked | CodeMeaning::Law => None,
        }
    }

    /// Until when the permission holds.
    fn until(&self) -> Option<&str> {
        match &self.meaning {
            CodeMeaning::Permits { until, .. } => Some(until),
            CodeMeaning::Asked | CodeMeaning::Law | CodeMeaning::Confirms { .. } => None,
        }
    }

    /// The application that the code confirms.
    fn application(&self) -> Option<&str> {
        match &self.meaning {
            CodeMeaning::Confirms { title, .. } => Some(title),
            CodeMeaning::Asked | CodeMeaning::Law | CodeMeaning::Permits { .. } => None,
        }
    }
}

impl Next<'_> {
    /// The wait for a new code, as a clock shows it.
    fn wait(&self) -> String {
        match self {
            Self::Resend { seconds } => clock(*seconds),
            Self::StartAgain(_) | Self::Later(_) => String::new(),
        }
    }
}

impl CodePage<'_> {
    /// What the form says that its page showed, if the code is not one to sign in with.
    fn chosen(&self) -> Option<&str> {
        self.data.as_ref().and_then(CodeData::chosen)
    }

    /// The application that the code confirms, if it does.
    fn application(&self) -> Option<&str> {
        self.data.as_ref().and_then(CodeData::application)
    }

    /// The key of what the service does.
    fn asks(&self) -> &'static str {
        match (self.application(), self.chosen()) {
            (Some(_), _) => "application.asks",
            (None, Some(_)) => "consent.asks",
            (None, None) => "frame.sign_in_to",
        }
    }

    /// The key of the sentence that says where the code was sent.
    fn sent(&self) -> &'static str {
        match (self.application(), self.chosen()) {
            (Some(_), _) => "application.sent",
            (None, Some(_)) => "code.sent_to_permit",
            (None, None) => "code.sent",
        }
    }

    /// The key of the main action.
    fn action(&self) -> &'static str {
        match (self.application(), self.chosen()) {
            (Some(_), _) => "application.confirm",
            (None, Some(_)) => "consent.allow",
            (None, None) => "frame.continue",
        }
    }

    /// The key of the way back.
    fn change(&self) -> &'static str {
        if self.application().is_some() { "application.look_again" } else { "code.change_choice" }
    }

    /// Why no code can be right, in the reader's language, without what follows from it.
    fn why_over(&self) -> Option<&'static str> {
        let key = match self.over? {
            Over::NotSent => "code.not_sent",
            Over::UsedUp => "code.error_used_up",
            Over::Expired => "code.error_expired",
        };
        Some(self.frame.text.get(key))
    }

    fn valid_for(&self) -> String {
        self.frame.text.lasting(self.seconds)
    }

    fn is_error(&self) -> bool {
        self.over.is_some() || self.error.is_some()
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
    /// A new code may be asked for only later; the page says when.
    TooEarly,
    /// This sign-in may ask for no more codes.
    NoMoreCodes,
    /// It is right, but wrong codes before it delay the person for so many seconds.
    Delayed {
        seconds: u32,
    },
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
            CodeError::TooEarly => "early".to_owned(),
            CodeError::NoMoreCodes => "none".to_owned(),
            CodeError::Delayed { seconds } => format!("delayed-{seconds}"),
        }
    }

    /// Reads what [`CodeError::word`] wrote.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        let (name, count) = word.split_once('-').unwrap_or((word, "0"));
        let count = count.parse::<u32>().ok().filter(|count| *count < 100_000_000)?;
        Some(match name {
            "empty" => CodeError::Empty,
            "digits" => CodeError::NotACode,
            "wrong" if count < 1000 => CodeError::Wrong { left: count },
            "expired" => CodeError::Expired,
            "used" => CodeError::UsedUp,
            "early" => CodeError::TooEarly,
            "none" => CodeError::NoMoreCodes,
            "delayed" => CodeError::Delayed { seconds: count },
            _ => return None,
        })
    }

    /// The sentence that the person reads.
    pub(crate) fn message(self, text: Text) -> String {
        match self {
            CodeError::Empty => text.get("code.error_empty").to_owned(),
            CodeError::NotACode => text.get("code.error_not_a_code").to_owned(),
            CodeError::Wrong { left } => {
                text.counted(left, ["code.error_wrong_one", "code.error_wrong_few", "code.error_wrong_many"])
            }
            CodeError::Expired => text.get("code.error_expired").to_owned(),
            CodeError::UsedUp => text.get("code.error_used_up").to_owned(),
            CodeError::TooEarly => text.get("code.error_too_early").to_owned(),
            CodeError::NoMoreCodes => text.get("code.no_resends").to_owned(),
            CodeError::Delayed { seconds } => {
                text.with("approval.delayed", &[("wait", &text.waiting(seconds.max(1)))])
            }
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
    fn an_error_survives_the_address_that_says_it() {
        for error in [CodeError::Empty, CodeError::Wrong { left: 3 }, CodeError::TooEarly] {
            assert_eq!(CodeError::from_word(&error.word()), Some(error));
        }
        assert_eq!(CodeError::from_word("wrong-99999"), None);
        assert_eq!(CodeError::from_word("<script>"), None);
    }

    #[test]
    fn errors_carry_their_numbers() {
        let en = Text::new(Language::En);
        assert_eq!(CodeError::Wrong { left: 3 }.message(en), "Wrong code. You have 3 tries left.");
        assert_eq!(CodeError::Wrong { left: 1 }.message(en), "Wrong code. You have 1 try left.");
    }
}
