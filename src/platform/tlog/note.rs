//! Checkpoints: how many leaves a log has and the root of their tree, signed (C2SP tlog-checkpoint, signed-note).

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::hash::Hash;

/// The type of an Ed25519 key (signed-note).
const ED25519_TYPE: u8 = 1;

/// What begins a line with a signature.
const SIGNED: &str = "\u{2014} ";

/// A checkpoint longer than this is none of ours, however many witnesses signed it.
const LONGEST: usize = 64 * 1024;

/// Why a note is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It has another form.
    #[error("it is no checkpoint: three lines, an empty one, and signatures")]
    Form,
    /// It is of another log.
    #[error("it is of another log than the key")]
    Origin,
    /// The log's key did not sign it.
    #[error("it bears no valid signature of the key")]
    Signature,
}

/// What a checkpoint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// How many leaves it has.
    pub size: u64,
    /// The root of their tree.
    pub root: Hash,
}

impl Checkpoint {
    /// The text that is signed.
    fn body(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root.encode())
    }

    /// What a note says, without looking at its signatures.
    ///
    /// # Errors
    /// [`NoteError::Form`].
    pub fn read(note: &str) -> Result<Self, NoteError> {
        let (body, _) = parts(note).ok_or(NoteError::Form)?;
        let mut lines = body.lines();
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(NoteError::Form);
        };
        let number = size.parse::<u64>().ok().filter(|number| number.to_string() == size);
        let (Some(size), Some(root)) = (number, Hash::decode(root)) else { return Err(NoteError::Form) };
        if origin.is_empty() {
            return Err(NoteError::Form);
        }
        Ok(Self { origin: origin.to_owned(), size, root })
    }

    /// What a note says that `key` signed. Signatures of others, such as witnesses, are of no concern.
    ///
    /// # Errors
    /// [`NoteError`].
    pub fn verified(note: &str, key: &VerifierKey) -> Result<Self, NoteError> {
        let checkpoint = Self::read(note)?;
        if checkpoint.origin != key.name {
            return Err(NoteError::Origin);
        }
        let (body, signatures) = parts(note).ok_or(NoteError::Form)?;
        let signed = signatures.lines().any(|line| key.signed(body, line));
        if signed { Ok(checkpoint) } else { Err(NoteError::Signature) }
    }
}

/// The text of a note, with its last line's end, and its signatures.
fn parts(note: &str) -> Option<(&str, &str)> {
    if note.len() > LONGEST || !note.ends_with('\n') {
        return None;
    }
    let end = note.rfind(&format!("\n\n{SIGNED}"))?;
    Some((&note[..=end], &note[end + 2..]))
}

/// The public key of a log, as witnesses and verifiers write it: `name+hash+key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    public: [u8; 32],
}

impl VerifierKey {
    /// Reads one; `None` when it is none, or of another type than Ed25519.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().splitn(3, '+');
        let (name, hash, key) = (parts.next()?, parts.next()?, parts.next()?);
        let key = STANDARD.decode(key).ok()?;
        let (kind, public) = key.split_first()?;
        let public = <[u8; 32]>::try_from(public).ok()?;
        let own = Self { name: name.to_owned(), public };
        let is_name = !name.is_empty() && !name.contains(char::is_whitespace);
        (is_name && *kind == ED25519_TYPE && hash == own.hash_text()).then_some(own)
    }

    /// The log's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn hash(&self) -> [u8; 4] {
        let text = [self.name.as_bytes(), b"\n", &[ED25519_TYPE], &self.public].concat();
        let mut out = [0; 4];
        out.copy_from_slice(&digest(&SHA256, &text).as_ref()[..4]);
        out
    }

    fn hash_text(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.hash()))
    }

    /// Whether a line is a signature of the text by this key.
    fn signed(&self, body: &str, line: &str) -> bool {
        let Some((name, signature)) = line.strip_prefix(SIGNED).and_then(|line| line.split_once(' ')) else {
            return false;
        };
        let Ok(signature) = STANDARD.decode(signature) else { return false };
        let Some((hash, signature)) = signature.split_at_checked(4) else { return false };
        name == self.name
            && hash == self.hash()
            && UnparsedPublicKey::new(&ED25519, self.public).verify(body.as_bytes(), signature).is_ok()
    }
}

impl std::fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = [&[ED25519_TYPE][..], &self.public].concat();
        write!(f, "{}+{}+{}", self.name, self.hash_text(), STANDARD.encode(key))
    }
}

/// The key that signs the checkpoints of a log.
pub(super) struct SigningKey {
    pair: Ed25519KeyPair,
    pub(super) public: VerifierKey,
}

impl SigningKey {
    /// A new private key.
    ///
    /// # Panics
    /// When the operating system has no randomness.
    pub(super) fn generate() -> Zeroizing<Vec<u8>> {
        let pair = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
        Zeroizing::new(pair.expect("the operating system's random generator failed").as_ref().to_vec())
    }

    /// Parses a private key; `None` when it is none.
    pub(super) fn from_pkcs8(name: &str, pkcs8: &[u8]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).ok()?;
        let public = <[u8; 32]>::try_from(pair.public_key().as_ref()).ok()?;
        Some(Self { pair, public: VerifierKey { name: name.to_owned(), public } })
    }

    /// The signed checkpoint of a tree.
    pub(super) fn sign(&self, size: u64, root: Hash) -> String {
        let body = Checkpoint { origin: self.public.name.clone(), size, root }.body();
        let signature = self.pair.sign(body.as_bytes());
        let signature = STANDARD.encode([&self.public.hash()[..], signature.as_ref()].concat());
        format!("{body}\n{SIGNED}{} {signature}\n", self.public.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> SigningKey {
        SigningKey::from_pkcs8(name, &SigningKey::generate()).unwrap()
    }

    #[test]
    fn a_key_and_note_of_the_specification_are_read() {
        // The example of the package that defined signed notes.
        let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let peter = VerifierKey::parse(text).unwrap();
        assert_eq!((peter.to_string(), peter.name()), (text.to_owned(), "PeterNeumann"));
        let body = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
        let line = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
        assert!(peter.signed(body, line));
        assert!(!peter.signed(&body.replace("problem", "Problem"), line));
        assert!(VerifierKey::parse(&text.replace("c74f", "c75f")).is_none());
        assert!(
            VerifierKey::parse("PeterNeumann+c74f20a3+AAAA").is_none() && VerifierKey::parse("").is_none()
        );
    }

    #[test]
    fn a_checkpoint_is_believed_with_the_signature_of_its_log_alone() {
        let (own, other) = (key("id.example.uz/ledger"), key("id.example.uz/ledger"));
        let root = Hash::of_leaf(b"x");
        let note = own.sign(7, root);
        let read = Checkpoint::verified(&note, &own.public).unwrap();
        assert_eq!((read.origin.as_str(), read.size, read.root), ("id.example.uz/ledger", 7, root));
        assert_eq!(Checkpoint::verified(&note, &other.public), Err(NoteError::Signature));
        assert_eq!(Checkpoint::verified(&note, &key("other/ledger").public), Err(NoteError::Origin));
        let changed = note.replace("\n7\n", "\n8\n");
        assert_eq!(Checkpoint::verified(&changed, &own.public), Err(NoteError::Signature));
        // A witness's line beside it, whatever it is, and other lines of the text.
        let cosigned = format!("{note}\u{2014} witness.example AAAA\n");
        assert_eq!(Checkpoint::verified(&cosigned, &own.public), Ok(read));
        for none in [
            "",
            "a\n7\n",
            &note[..note.len() - 1],
            &note.replace("\n7\n", "\n07\n"),
            &note.replace("\n\n", "\n"),
        ] {
            assert!(Checkpoint::read(none).is_err(), "{none}");
        }
        let parsed = VerifierKey::parse(&own.public.to_string()).unwrap();
        assert_eq!(parsed, own.public);
    }
}
