use std::path::PathBuf;

use crate::platform::config::{Loader, settings, shared};

settings! {
    /// Keys that sign tokens and encrypt personal data.
    [keys]
    pub struct KeySettings {
        /// File of the keys that encrypt personal data and the signing keys. Without it the data is lost: keep a
        /// backup. Only its owner may have access (mode 0600).
        keyring: PathBuf;
        /// Size of new RSA keys, for clients that use RS256 or PS256.
        rsa_bits: u32 = 3072, one_of(&[2048, 3072, 4096], "bits");
        /// Age at which signing keys are rotated; old keys stay published until their last token has expired.
        rotation_days: u32 = 90, count(1..=730, "days");
    }
}

impl KeySettings {
    /// `may_be_missing` is for `keys init`, which creates the keyring.
    pub(crate) fn check(&self, may_be_missing: bool, loader: &mut Loader) {
        let key = "keys.keyring";
        if !loader.production || loader.concern(key) || (may_be_missing && !self.keyring.exists()) {
            return;
        }
        loader.readable(key, &self.keyring);
        if shared(&self.keyring, 0o077) {
            let wrong =
                format!("names {}, which users other than its owner can access", self.keyring.display());
            loader.report(key, wrong, "chmod 600 that file");
        }
    }
}
