//! What the service takes of a sign-in and an SSO session, and how it is told that a session ended.

use serde::Serialize;

use super::check::Check;

/// The names of all authentication context classes, lowest to highest; what they mean is in `sign_in`.
pub const ACR_VALUES: [&str; 6] = [
    "urn:yagona:acr:password",
    "urn:yagona:acr:mobile-id",
    "urn:yagona:acr:mobile-id+",
    "urn:yagona:acr:passkey",
    "urn:yagona:acr:eri",
    "urn:yagona:acr:face",
];

/// Sign-in and session as registered.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SessionsDocument {
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<i64>,
    /// The lowest assurance it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_acr: Option<String>,
    /// A service in lending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lending: Option<bool>,
    /// Longest silence of an SSO session that the service accepts, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_idle_seconds: Option<i64>,
    /// Oldest SSO session that the service accepts, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_absolute_seconds: Option<i64>,
    /// Back-channel logout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// Whether logout tokens must hold `sid`; they always do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_session_required: Option<bool>,
    /// Front-channel logout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frontchannel_logout_uri: Option<String>,
    /// Whether the address must be called with `iss` and `sid`; it always is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frontchannel_logout_session_required: Option<bool>,
    /// Codes that may be sent on its behalf in an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sends_per_hour: Option<u64>,
}

members!(SessionsDocument {
    default_max_age,
    minimum_acr,
    lending,
    session_idle_seconds,
    session_absolute_seconds,
    backchannel_logout_uri,
    backchannel_logout_session_required,
    frontchannel_logout_uri,
    frontchannel_logout_session_required,
    sends_per_hour
});

/// What the service takes of a sign-in and a session.
#[derive(Clone, Debug)]
pub struct SessionPolicy {
    /// The oldest authentication it takes, in seconds, unless a request says otherwise.
    pub default_max_age: Option<i64>,
    /// The lowest assurance it takes.
    pub minimum_acr: Option<String>,
    /// A service in lending: Mobile-ID alone is not enough (R3, D-a).
    pub lending: bool,
    /// The longest silence of an SSO session that it accepts, in seconds.
    pub idle_max: Option<i64>,
    /// The oldest SSO session that it accepts, in seconds.
    pub absolute_max: Option<i64>,
    /// Where to tell that a session ended (Back-Channel Logout 1.0).
    pub backchannel_logout_uri: Option<String>,
    /// What the browser loads when a session ended (Front-Channel Logout 1.0).
    pub frontchannel_logout_uri: Option<String>,
    /// How many codes may be sent on its behalf in an hour.
    pub sends_per_hour: Option<u64>,
}

impl SessionsDocument {
    /// `origins` are those of the redirect URIs.
    pub(super) fn check(&self, origins: &[String], check: &mut Check<'_>) -> SessionPolicy {
        let known_acr = self.minimum_acr.as_deref().is_none_or(|acr| ACR_VALUES.contains(&acr));
        if !known_acr {
            check.fail("minimum_acr", format!("must be one of {}", ACR_VALUES.join(", ")));
        }
        let frontchannel_logout_uri =
            check.uri("frontchannel_logout_uri", self.frontchannel_logout_uri.as_ref());
        let elsewhere = |uri: &String| origin(uri).is_none_or(|origin| !origins.contains(&origin));
        if frontchannel_logout_uri.as_ref().is_some_and(elsewhere) {
            check.fail(
                "frontchannel_logout_uri",
                "scheme, host and port must be those of a redirect URI (Front-Channel Logout 1.0 section 2)",
            );
        }
        SessionPolicy {
            default_max_age: self.default_max_age.filter(|age| *age >= 0),
            minimum_acr: self.minimum_acr.clone().filter(|_| known_acr),
            lending: self.lending.unwrap_or(false),
            idle_max: check.positive("session_idle_seconds", self.session_idle_seconds),
            absolute_max: check.positive("session_absolute_seconds", self.session_absolute_seconds),
            backchannel_logout_uri: check.uri("backchannel_logout_uri", self.backchannel_logout_uri.as_ref()),
            frontchannel_logout_uri,
            sends_per_hour: self.sends_per_hour,
        }
    }
}

/// Scheme, host and port of a web address.
pub(super) fn origin(uri: &str) -> Option<String> {
    let origin = url::Url::parse(uri).ok()?.origin();
    origin.is_tuple().then(|| origin.ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{client, wrong};

    #[test]
    fn the_bounds_of_a_session_are_positive() {
        let sessions = client("session_idle_seconds = 60\nsession_absolute_seconds = 600").sessions;
        assert_eq!((sessions.idle_max, sessions.absolute_max), (Some(60), Some(600)));
        let errors = wrong("session_idle_seconds = 0\nsession_absolute_seconds = -1");
        assert_eq!(
            errors,
            [
                "session_idle_seconds: must be a positive whole number",
                "session_absolute_seconds: must be a positive whole number"
            ]
        );
    }

    #[test]
    fn every_sign_in_may_have_to_be_new() {
        assert_eq!(client("default_max_age = 0").sessions.default_max_age, Some(0));
    }

    #[test]
    fn an_assurance_that_does_not_exist_is_refused() {
        let sessions = client("minimum_acr = 'urn:yagona:acr:eri'\nlending = true").sessions;
        assert!(sessions.minimum_acr.as_deref() == Some("urn:yagona:acr:eri") && sessions.lending);
        for bad in ["loa3", "urn:yagona:acr:", "urn:yagona:acr:erii"] {
            let errors = wrong(&format!("minimum_acr = '{bad}'"));
            assert!(
                errors[0].starts_with("minimum_acr: must be one of urn:yagona:acr:password, "),
                "{errors:?}"
            );
        }
    }

    #[test]
    fn the_browser_tells_of_the_end_of_a_session_where_it_brings_answers() {
        let good = "redirect_uris = ['https://portal.uz/cb']\nfrontchannel_logout_uri = 'https://portal.uz:443/bye?x=1'";
        assert!(wrong(good).is_empty());
        for bad in ["https://other.uz/bye", "https://portal.uz:8443/bye"] {
            let errors = wrong(&format!("frontchannel_logout_uri = '{bad}'"));
            assert!(errors.len() == 1 && errors[0].contains("those of a redirect URI"), "{bad}: {errors:?}");
        }
        assert_eq!(wrong("frontchannel_logout_uri = 'http://portal.uz/bye'").len(), 1);
    }

    #[test]
    fn the_end_of_a_session_is_told_over_https() {
        assert!(wrong("backchannel_logout_uri = 'https://portal.uz/bye'").is_empty());
        assert_eq!(
            wrong("backchannel_logout_uri = 'http://portal.uz/bye'"),
            ["backchannel_logout_uri: must be an https URL"]
        );
    }
}
