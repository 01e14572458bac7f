//! `response_mode`: how an answer travels.

use serde::{Deserialize, Serialize};

/// How the answer travels. A code needs no more than the query; nothing but a code ever stands in a fragment here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum ResponseMode {
    /// In the redirect URI's query (OAuth 2.0 Multiple Response Type Encoding Practices §2.1).
    #[serde(rename = "query")]
    Query,
    /// In the redirect URI's fragment (the same).
    #[serde(rename = "fragment")]
    Fragment,
    /// In a form posted by the browser (OAuth 2.0 Form Post Response Mode).
    #[serde(rename = "form_post")]
    FormPost,
    /// Signed, in the query (JARM §2.3.1).
    #[serde(rename = "query.jwt")]
    QueryJwt,
    /// Signed, in the fragment (JARM §2.3.2).
    #[serde(rename = "fragment.jwt")]
    FragmentJwt,
    /// Signed, in a form (JARM §2.3.3).
    #[serde(rename = "form_post.jwt")]
    FormPostJwt,
}

/// Where an answer's fields stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Carrier {
    Query,
    Fragment,
    Form,
}

impl ResponseMode {
    /// Every word that is understood, as discovery lists them. `jwt` is the signed mode that the response type has by itself
    /// (JARM §2.3.4): for a code, `query.jwt`.
    pub(crate) const WORDS: [&'static str; 7] =
        ["query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt"];

    /// The mode of that word.
    pub(super) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "query" => Self::Query,
            "fragment" => Self::Fragment,
            "form_post" => Self::FormPost,
            "jwt" | "query.jwt" => Self::QueryJwt,
            "fragment.jwt" => Self::FragmentJwt,
            "form_post.jwt" => Self::FormPostJwt,
            _ => return None,
        })
    }

    /// Where the fields stand.
    pub(super) const fn carrier(self) -> Carrier {
        match self {
            Self::Query | Self::QueryJwt => Carrier::Query,
            Self::Fragment | Self::FragmentJwt => Carrier::Fragment,
            Self::FormPost | Self::FormPostJwt => Carrier::Form,
        }
    }

    /// The signed mode of the same carrier.
    pub(super) const fn signed(self) -> Self {
        match self.carrier() {
            Carrier::Query => Self::QueryJwt,
            Carrier::Fragment => Self::FragmentJwt,
            Carrier::Form => Self::FormPostJwt,
        }
    }

    /// Whether the fields are one signed token.
    pub(super) const fn is_signed(self) -> bool {
        matches!(self, Self::QueryJwt | Self::FragmentJwt | Self::FormPostJwt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_that_is_published_is_understood_and_kept_by_attempts() {
        for word in ResponseMode::WORDS {
            let mode = ResponseMode::parse(word).unwrap();
            let kept = serde_json::to_value(mode).unwrap();
            assert_eq!(serde_json::from_value::<ResponseMode>(kept).unwrap(), mode, "{word}");
            assert_eq!(mode.is_signed(), word.ends_with("jwt"), "{word}");
            assert!(mode.signed().is_signed() && mode.signed().carrier() == mode.carrier(), "{word}");
        }
        for other in ["", "QUERY", "web_message", "query.jws", "jwt.query"] {
            assert_eq!(ResponseMode::parse(other), None, "{other}");
        }
    }
}
