//! All key spaces of short-lived state, which the subjects declare: no two may share a byte or a name.

use std::path::Path;

use crate::accounts::passkeys::PASSKEY_CEREMONIES;
use crate::desk::DESK_WALKS;
use crate::grants::{REVOKED, UNANSWERED};
use crate::life_events::SIGNATURES;
use crate::mobile_id::PRECHECKS;
use crate::notices::DELIVERIES;
use crate::oidc::{APPROVALS, CODES, DECISIONS, DEVICES, PUSHED, USED, USER_CODES, VERDICTS};
use crate::oneid;
use crate::platform::ephemeral::KeySpace;
use crate::registries::REGISTRY_ANSWERS;
use crate::sign_in::{ATTEMPTS, AWAY, MUTABLE, QR_CODES, REPLIES, SESSIONS, WINDOWS};
use crate::sign_up::SIGN_UPS;
use crate::staff::{CEREMONIES, STAFF_SESSIONS};

const ALL: [KeySpace; 27] = [
    APPROVALS,
    ATTEMPTS,
    AWAY,
    CEREMONIES,
    CODES,
    DECISIONS,
    DELIVERIES,
    DESK_WALKS,
    DEVICES,
    MUTABLE,
    oneid::CODES,
    PASSKEY_CEREMONIES,
    PRECHECKS,
    PUSHED,
    QR_CODES,
    REGISTRY_ANSWERS,
    REPLIES,
    REVOKED,
    SESSIONS,
    SIGNATURES,
    SIGN_UPS,
    STAFF_SESSIONS,
    UNANSWERED,
    USED,
    USER_CODES,
    VERDICTS,
    WINDOWS,
];

#[test]
fn no_two_key_spaces_begin_with_the_same_byte() {
    for (at, space) in ALL.iter().enumerate() {
        for other in &ALL[..at] {
            assert_ne!(space.byte(), other.byte(), "{} and {}", space.name(), other.name());
            assert_ne!(space.name(), other.name());
        }
    }
}

#[test]
fn every_key_space_that_is_declared_is_in_the_list() {
    fn declared(folder: &Path) -> usize {
        std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                if path.is_dir() {
                    declared(&path)
                } else {
                    std::fs::read_to_string(&path)
                        .unwrap_or_default()
                        .lines()
                        .filter(|line| line.starts_with("pub") && line.contains(": KeySpace ="))
                        .count()
                }
            })
            .sum()
    }
    assert_eq!(declared(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")), ALL.len());
}
