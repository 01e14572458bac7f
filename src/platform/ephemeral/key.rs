//! The names of short-lived values.

use crate::platform::bytes::Digest;

/// A key with its space as prefix, as both backends use it.
pub(super) type Name = [u8; 33];

/// One kind of short-lived value. The subject that owns it declares its space as a constant; a test in `app`
/// rejects two spaces with the same byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeySpace {
    byte: u8,
    name: &'static str,
}

impl KeySpace {
    /// The space of keys that begin with `byte`. `name` describes the space in logs.
    pub const fn new(byte: u8, name: &'static str) -> Self {
        Self { byte, name }
    }

    /// The first byte of all its keys; unique within the program.
    pub const fn byte(self) -> u8 {
        self.byte
    }

    /// Its name in logs.
    pub const fn name(self) -> &'static str {
        self.name
    }
}

/// The key of one short-lived value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EphemeralKey {
    space: KeySpace,
    digest: Digest,
}

impl EphemeralKey {
    /// The key of the value that `secret` identifies; only the digest of the secret is stored.
    pub fn of(space: KeySpace, secret: &str) -> Self {
        Self::from_digest(space, Digest::of(secret.as_bytes()))
    }

    /// The key of a value that is already identified by a digest.
    pub const fn from_digest(space: KeySpace, digest: Digest) -> Self {
        Self { space, digest }
    }

    /// The space it belongs to.
    pub const fn space(self) -> KeySpace {
        self.space
    }

    pub(super) fn name(self) -> Name {
        let mut name = [self.space.byte; 33];
        name[1..].copy_from_slice(&self.digest.0);
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_secret_in_two_spaces_has_two_names() {
        let (one, other) = (KeySpace::new(b'1', "one"), KeySpace::new(b'2', "other"));
        let name = EphemeralKey::of(one, "secret").name();
        assert_ne!(name, EphemeralKey::of(other, "secret").name());
        assert_eq!(name, EphemeralKey::from_digest(one, Digest::of(b"secret")).name());
        assert_eq!(name[0], b'1');
    }
}
