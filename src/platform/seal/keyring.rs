//! The keyring file: master keys by version, read at start, never printed.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::sealer::{Mac, Sealer};
use crate::platform::bytes;

/// The format of the file: `current` is the version that encrypts, all versions decrypt.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    current: u8,
    /// Key of blind indexes and codes; it has no versions, since indexes cannot be recomputed.
    index: String,
    keys: BTreeMap<String, String>,
}

/// Master keys, from which sealers for single purposes are derived.
pub struct Keyring {
    current: u8,
    index: Zeroizing<[u8; 32]>,
    keys: Vec<(u8, Zeroizing<[u8; 32]>)>,
}

/// Why a keyring cannot be loaded. Contains the path and a remedy, never a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// There is no file at this path.
    #[error(
        "there is no keyring at {}: `yagona keys init` makes one; without the keyring that sealed it, stored personal \
         data cannot be read", .0.display()
    )]
    Missing(PathBuf),
    /// The file cannot be read or written.
    #[error("the keyring {path} cannot be used: {1}", path = .0.display())]
    Io(PathBuf, #[source] std::io::Error),
    /// The file is not a keyring.
    #[error("{path} is not a keyring: {1}", path = .0.display())]
    Malformed(PathBuf, String),
    /// Users other than the owner can access the file.
    #[error("others may read the keyring {path}: run `chmod 600 {path}`", path = .0.display())]
    TooOpen(PathBuf),
}

impl Keyring {
    /// Reads the keyring at `path`.
    ///
    /// # Errors
    /// If it is missing, unreadable, malformed, or accessible to other users.
    pub fn read(path: &Path) -> Result<Self, KeyringError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(KeyringError::Missing(path.to_owned()));
            }
            Err(error) => return Err(KeyringError::Io(path.to_owned(), error)),
        };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode =
                fs::metadata(path).map_err(|e| KeyringError::Io(path.to_owned(), e))?.permissions().mode();
            if mode & 0o077 != 0 {
                return Err(KeyringError::TooOpen(path.to_owned()));
            }
        }
        Self::parse(&text).map_err(|why| KeyringError::Malformed(path.to_owned(), why))
    }

    /// Creates a keyring file with one random key, accessible only to its owner. An existing file is never
    /// overwritten: if another process created one first, that one is read.
    ///
    /// # Errors
    /// If the file cannot be written or read back.
    pub fn read_or_create(path: &Path) -> Result<Self, KeyringError> {
        match Self::read(path) {
            Err(KeyringError::Missing(_)) => {}
            other => return other,
        }
        let io = |error| KeyringError::Io(path.to_owned(), error);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(io)?;
        }
        let file = File {
            current: 1,
            index: bytes::random_text::<32>(),
            keys: BTreeMap::from([("1".to_owned(), bytes::random_text::<32>())]),
        };
        let text =
            toml::to_string(&file).map_err(|e| KeyringError::Malformed(path.to_owned(), e.to_string()))?;
        // Written to a temporary file and linked into place: a crash leaves no partial keyring.
        let aside = path.with_extension(format!("new-{}", std::process::id()));
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut out = options.open(&aside).map_err(io)?;
        out.write_all(text.as_bytes()).and_then(|()| out.sync_all()).map_err(io)?;
        let linked = fs::hard_link(&aside, path);
        fs::remove_file(&aside).map_err(io)?;
        match linked {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(io(error)),
            _ => Self::read(path),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        let key = |text: &str| -> Result<Zeroizing<[u8; 32]>, String> {
            bytes::decode(text)
                .and_then(|raw| raw.try_into().ok())
                .map(Zeroizing::new)
                .ok_or_else(|| "a key is not 32 bytes in base64url".to_owned())
        };
        let mut keys = Vec::new();
        for (version, value) in &file.keys {
            let version =
                version.parse::<u8>().map_err(|_| format!("version `{version}` is not 1 to 255"))?;
            keys.push((version, key(value)?));
        }
        if !keys.iter().any(|(version, _)| *version == file.current) {
            return Err(format!("`current` names version {}, which is not among the keys", file.current));
        }
        Ok(Self { current: file.current, index: key(&file.index)?, keys })
    }

    /// The sealer for one purpose, for example `person`.
    pub fn sealer(&self, purpose: &'static str) -> Sealer {
        Sealer::new(self.current, &self.keys, purpose)
    }

    /// The keyed digest for one purpose, for example `number-index`.
    pub fn mac(&self, purpose: &'static str) -> Mac {
        Mac::new(&self.index, purpose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_keyring_is_private_to_its_owner_and_is_kept() {
        let folder = std::env::temp_dir().join(format!("yagona-keyring-{}", bytes::random_text::<8>()));
        let path = folder.join("keyring.toml");
        let first = Keyring::read_or_create(&path).unwrap();
        let sealed = first.sealer("person").seal(b"row 1", b"secret");
        let again = Keyring::read_or_create(&path).unwrap();
        assert_eq!(again.sealer("person").open(b"row 1", &sealed).unwrap(), b"secret");

        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            assert!(matches!(Keyring::read(&path), Err(KeyringError::TooOpen(_))));
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_missing_keyring_says_what_to_do() {
        let error = Keyring::read(Path::new("/nowhere/keyring.toml")).err().unwrap();
        assert!(error.to_string().contains("yagona keys init"));
    }
}
