//! Identifiers that open something: 256 random bits in base64url, kept by their digest alone.

use crate::platform::web::cookies::CookieName;

/// Defines such an identifier as a type of its own, so that none can be taken for another.
macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// A new identifier.
            pub fn random() -> Self {
                Self($crate::platform::bytes::random_text::<32>())
            }

            /// Reads one that came from outside; `None` when it cannot be one.
            pub fn parse(text: &str) -> Option<Self> {
                (text.len() == 43 && $crate::platform::bytes::decode(text).is_some())
                    .then(|| Self(text.to_owned()))
            }

            /// Its text, for the browser.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The form in which it is kept.
            pub fn digest(&self) -> $crate::platform::bytes::Digest {
                $crate::platform::bytes::Digest::of(self.0.as_bytes())
            }
        }
    };
}

pub(super) use identifier;

identifier! {
    /// Names a sign-in in progress, in the address of its pages. Knowing it is not enough, the browser must be the one
    /// that began it.
    AttemptId
}

identifier! {
    /// Names a browser, in a cookie that outlives single sign-ins.
    BrowserId
}

identifier! {
    /// The value of the session cookie, new at every sign-in.
    SessionId
}

impl BrowserId {
    /// The cookie that holds it.
    pub const COOKIE: CookieName = CookieName::new("__Host-yagona-browser");

    /// How long a browser is remembered after it was last signed in with, in seconds: half a year.
    pub const SECONDS: i64 = 180 * 86_400;
}

impl SessionId {
    /// The cookie that holds it.
    pub const COOKIE: CookieName = CookieName::new("__Host-yagona-session");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_random_makes_is_read() {
        let made = SessionId::random();
        assert!(SessionId::parse(made.as_str()).is_some_and(|read| read.digest() == made.digest()));
        for odd in ["", "short", &"!".repeat(43), &"a".repeat(44)] {
            assert!(SessionId::parse(odd).is_none(), "{odd}");
        }
    }
}
