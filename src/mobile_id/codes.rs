//! Codes of applications: sent to the number that is to be bound, and kept as a keyed digest alone.

use super::identification::Identification;
use crate::people::digits_of;
use crate::platform::bytes::{self, Digest};
use crate::platform::ephemeral::EphemeralKey;
use crate::platform::seal::Mac;

/// How many digits a code has.
const DIGITS: usize = 6;

/// What an entered code is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tried {
    /// It is the one that was sent.
    Right,
    /// It is not; so many tries are left. With none a new code is needed.
    Wrong {
        /// Tries left.
        left: u64,
    },
    /// It expired, or had all its tries: a new one may be asked for at any time (R39), and it is never a refusal (D-d).
    Expired,
}

/// Six digits that somebody typed; `None` when it cannot be a code.
pub(super) fn typed(text: &str) -> Option<String> {
    digits_of(text, 64).filter(|digits| digits.len() == DIGITS)
}

/// The only form in which a code is kept: bound to its message, its application and its number (R69).
pub(super) fn digest(
    mac: &Mac,
    code: &str,
    message: &str,
    application: &Identification,
    number: &Digest,
) -> String {
    let parts: [&[u8]; 5] = [
        b"identification",
        code.as_bytes(),
        message.as_bytes(),
        application.id.as_str().as_bytes(),
        &number.0,
    ];
    mac.digest(&parts).encode()
}

/// Whether a digest is that of the code, in constant time.
pub(super) fn same(one: &str, other: &str) -> bool {
    bytes::same(one.as_bytes(), other.as_bytes())
}

/// Where the tries at a code are counted.
pub(super) fn tries(message: &str) -> EphemeralKey {
    EphemeralKey::of(super::PRECHECKS, &format!("tries {message}"))
}
