use super::key::{Fallback, Key, Kind};
use super::{
    Database, Eskiz, Keys, Limits, Log, Outbound, PlayMobile, Redis, Sandbox, Server, SignIn, Sms, Support,
    Tls, Tokens,
};

/// A section's part of the table of keys.
pub(super) struct Section {
    /// The heading in TOML; empty for keys at the top.
    pub name: &'static str,
    /// What the section is about, for the reference.
    pub about: &'static str,
    pub keys: &'static [Key],
}

const TOP: &[Key] = &[
    Key::new(
        "environment",
        Kind::Choice(&["production", "sandbox"]),
        Fallback::Value("\"production\""),
        "Whether real people sign in. `sandbox` allows test people, test numbers and stand-ins of outside systems; `production` refuses them and every insecure setting.",
    ),
    Key::new(
        "nodes",
        Kind::count(1, 1000, "nodes"),
        Fallback::Value("1"),
        "How many nodes serve this issuer together. More than one needs PostgreSQL and Redis.",
    ),
];

/// Every section, in the order of the reference.
pub(super) const SECTIONS: &[Section] = &[
    Section { name: "", about: "Keys at the top of the file.", keys: TOP },
    Section {
        name: "server",
        about: "Where the provider is reached, and how it treats connections.",
        keys: Server::KEYS,
    },
    Section {
        name: "server.tls",
        about: "TLS on `server.listen`. Leave the section out when a trusted proxy ends TLS.",
        keys: Tls::KEYS,
    },
    Section {
        name: "database",
        about: "The durable store: everything that must never be lost.",
        keys: Database::KEYS,
    },
    Section {
        name: "redis",
        about: "The short-lived store: its loss costs people a restart of their sign-in, never more.",
        keys: Redis::KEYS,
    },
    Section { name: "keys", about: "Keys that sign tokens and seal personal data.", keys: Keys::KEYS },
    Section { name: "sms", about: "The gateways that carry codes to phones.", keys: Sms::KEYS },
    Section {
        name: "sms.eskiz",
        about: "Access to Eskiz; needed when `sms.gateways` names it.",
        keys: Eskiz::KEYS,
    },
    Section {
        name: "sms.playmobile",
        about: "Access to a PlayMobile broker; needed when `sms.gateways` names it.",
        keys: PlayMobile::KEYS,
    },
    Section { name: "sign_in", about: "The sign-in's clocks and counters.", keys: SignIn::KEYS },
    Section {
        name: "limits",
        about: "What one number, address, client and the whole country may cause.",
        keys: Limits::KEYS,
    },
    Section {
        name: "tokens",
        about: "How long what clients receive is worth something.",
        keys: Tokens::KEYS,
    },
    Section {
        name: "sandbox",
        about: "What exists only where nobody real signs in. Refused as a whole in production.",
        keys: Sandbox::KEYS,
    },
    Section {
        name: "outbound",
        about: "Calls to addresses that clients register, such as back-channel logout.",
        keys: Outbound::KEYS,
    },
    Section { name: "log", about: "What is written, to standard error, about running.", keys: Log::KEYS },
    Section {
        name: "support",
        about: "Whom citizens are sent to when pages cannot help.",
        keys: Support::KEYS,
    },
];

/// Every key.
pub(super) fn keys() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().flat_map(|section| section.keys)
}

/// Every section's heading.
pub(super) fn sections() -> impl Iterator<Item = &'static str> {
    SECTIONS.iter().map(|section| section.name)
}

/// The key at a path.
pub(super) fn key_of(path: &str) -> Option<&'static Key> {
    keys().find(|key| key.path == path)
}

/// Whether a path is a section's heading.
pub(super) fn is_section(path: &str) -> bool {
    !path.is_empty() && sections().any(|section| section == path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_key_stands_in_its_section_once() {
        let mut seen = BTreeSet::new();
        for section in SECTIONS {
            for key in section.keys {
                assert_eq!(key.section(), section.name, "{}", key.path);
                assert!(seen.insert(key.path), "{} stands twice", key.path);
                assert!(key.meaning.ends_with('.'), "{}: the meaning is not a sentence", key.path);
            }
        }
    }

    #[test]
    fn every_default_is_a_value_of_its_kind() {
        for key in keys() {
            if let Fallback::Value(literal) = key.fallback {
                let table: toml::Table = format!("value = {literal}").parse().unwrap();
                assert!(key.kind.read(&table["value"]).is_ok(), "{}", key.path);
            }
        }
    }
}
