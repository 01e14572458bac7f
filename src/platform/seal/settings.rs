use std::path::PathBuf;

use crate::platform::config::{Loader, settings, shared};

settings! {
    /// Keys that sign tokens and seal personal data.
    [keys]
    pub struct KeySettings {
        /// The file of keys that seal personal data and the signing keys. Its loss is the loss of the data: keep a copy
        /// elsewhere. Only its owner may open it.
        keyring: PathBuf;
        /// Size of new RSA keys, for clients that want RS256.
        rsa_bits: u32 = 3072, one_of(&[2048, 3072, 4096], "bits");
        /// Age at which signing keys are replaced; the old ones stay published until their last token has expired.
        rotation_days: u32 = 90, count(1..=730, "days");
    }
}

impl KeySettings {
    /// `may_be_missing`: the command at hand is the one that makes the keyring.
    pub(crate) fn check(&self, may_be_missing: bool, loader: &mut Loader) {
        let key = "keys.keyring";
        if !loader.production || loader.concern(key) || (may_be_missing && !self.keyring.exists()) {
            return;
        }
        loader.readable(key, &self.keyring);
        if shared(&self.keyring, 0o077) {
            let wrong = format!("names {}, which others than its owner can open", self.keyring.display());
            loader.report(key, wrong, "chmod 600 that file");
        }
    }
}
