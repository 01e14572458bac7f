use super::files::{readable, shared};
use super::key::{Fallback, Key, Kind};
use super::{Context, Problems, Values};
use std::path::PathBuf;

/// `[keys]`: signing and sealing keys.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The keyring file; readable by its owner only.
    pub keyring: PathBuf,
    /// Size of new RSA keys, in bits.
    pub rsa_bits: u32,
    /// Age at which signing keys are replaced, in days.
    pub rotation_days: u32,
}

impl Keys {
    pub(super) const KEYS: &[Key] = &[
        Key::new(
            "keys.keyring",
            Kind::Path,
            Fallback::Required,
            "The file of keys that seal personal data and the signing keys. Its loss is the loss of the data: keep a copy elsewhere. Only its owner may open it.",
        ),
        Key::new(
            "keys.rsa_bits",
            Kind::OneOf(&[2048, 3072, 4096], "bits"),
            Fallback::Value("3072"),
            "Size of new RSA keys, for clients that want RS256.",
        ),
        Key::new(
            "keys.rotation_days",
            Kind::days(1, 730),
            Fallback::Value("90"),
            "Age at which signing keys are replaced; the old ones stay published until their last token has expired.",
        ),
    ];

    pub(super) fn read(values: &Values) -> Self {
        Self {
            keyring: values.path("keys.keyring").unwrap_or_default(),
            rsa_bits: values.number("keys.rsa_bits"),
            rotation_days: values.number("keys.rotation_days"),
        }
    }

    pub(super) fn validate(&self, context: &Context, problems: &mut Problems) {
        let key = "keys.keyring";
        if !context.production || problems.concern(key) {
            return;
        }
        if !self.keyring.exists() && context.keyring_may_be_missing {
            return;
        }
        readable(key, &self.keyring, problems);
        if shared(&self.keyring, 0o077) {
            let wrong = format!("names {}, which others than its owner can open", self.keyring.display());
            problems.report(key, wrong, "chmod 600 that file");
        }
    }
}
