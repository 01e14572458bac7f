//! The bytes of a value in Redis: expiry (8 bytes, big-endian seconds), version (8 bytes), sealed body. `redis/apply.lua`
//! reads the version at its offset.

use crate::platform::clock::Timestamp;

const HEAD: usize = 16;

/// A value as read, before decryption.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Envelope<'a> {
    pub(super) expires_at: Timestamp,
    pub(super) version: [u8; 8],
    pub(super) body: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// `None` if the bytes are not an envelope.
    pub(super) fn parse(raw: &'a [u8]) -> Option<Self> {
        let (expires_at, rest) = raw.split_first_chunk::<8>()?;
        let (version, body) = rest.split_first_chunk::<8>()?;
        Some(Self { expires_at: Timestamp(i64::from_be_bytes(*expires_at)), version: *version, body })
    }

    pub(super) fn write(self) -> Vec<u8> {
        let mut raw = Vec::with_capacity(HEAD + self.body.len());
        raw.extend_from_slice(&self.expires_at.0.to_be_bytes());
        raw.extend_from_slice(&self.version);
        raw.extend_from_slice(self.body);
        raw
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_an_envelope_or_none_and_never_panic(raw in proptest::collection::vec(any::<u8>(), 0..64)) {
            match Envelope::parse(&raw) {
                Some(envelope) => prop_assert_eq!(envelope.write(), raw),
                None => prop_assert!(raw.len() < HEAD),
            }
        }

        #[test]
        fn what_was_written_is_read(at in any::<i64>(), version in any::<[u8; 8]>(), body in any::<Vec<u8>>()) {
            let envelope = Envelope { expires_at: Timestamp(at), version, body: &body };
            let raw = envelope.write();
            prop_assert_eq!(&raw[8..16], &version[..], "where apply.lua reads it");
            prop_assert_eq!(Envelope::parse(&raw), Some(envelope));
        }
    }
}
