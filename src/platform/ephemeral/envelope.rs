//! The bytes of a stored value: expiry, version, body.

use super::Version;
use crate::platform::bytes;
use crate::platform::clock::Timestamp;

const HEAD: usize = 16;

/// `expires_at` (8 bytes), version (8 random bytes), body.
#[derive(Clone)]
pub(super) struct Envelope(Vec<u8>);

impl Envelope {
    pub(super) fn new(expires_at: Timestamp, body: Vec<u8>) -> Self {
        let mut raw = Vec::with_capacity(HEAD + body.len());
        raw.extend_from_slice(&expires_at.0.to_be_bytes());
        raw.extend_from_slice(&bytes::random::<8>());
        raw.extend_from_slice(&body);
        Self(raw)
    }

    /// `None` when the bytes are no envelope.
    pub(super) fn from_raw(raw: Vec<u8>) -> Option<Self> {
        (raw.len() >= HEAD).then_some(Self(raw))
    }

    pub(super) fn raw(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn expires_at(&self) -> Timestamp {
        Timestamp(i64::from_be_bytes(self.eight(0)))
    }

    pub(super) fn version(&self) -> Version {
        Version(self.eight(8))
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.0[HEAD..]
    }

    fn eight(&self, from: usize) -> [u8; 8] {
        let mut out = [0; 8];
        out.copy_from_slice(&self.0[from..from + 8]);
        out
    }
}
