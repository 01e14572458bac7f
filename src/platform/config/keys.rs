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
