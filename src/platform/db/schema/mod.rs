//! The schema: plain SQL files in `migrations/`, one set for both databases, additive.
//!
//! Applied migrations are recorded in the table of sqlx's migrator, which version 0.1 used.

mod postgres;
mod sqlite;
#[cfg(test)]
mod tests;

use aws_lc_rs::digest::{Digest, SHA384, digest};

use super::{Backend, Db, DbError};

/// The list of migrations that were applied.
pub(super) const TABLE: &str = "_sqlx_migrations";

/// One migration.
pub(super) struct Migration {
    version: i64,
    description: &'static str,
    sql: &'static str,
}

/// All migrations, in order.
static MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        description: "first sign in",
        sql: include_str!("../../../../migrations/0001_first_sign_in.sql"),
    },
    Migration {
        version: 2,
        description: "epochs and decoys",
        sql: include_str!("../../../../migrations/0002_epochs_and_decoys.sql"),
    },
    Migration {
        version: 3,
        description: "sides",
        sql: include_str!("../../../../migrations/0003_sides.sql"),
    },
    Migration {
        version: 4,
        description: "consents",
        sql: include_str!("../../../../migrations/0004_consents.sql"),
    },
    Migration {
        version: 5,
        description: "audit",
        sql: include_str!("../../../../migrations/0005_audit.sql"),
    },
    Migration {
        version: 6,
        description: "logout deliveries and icons",
        sql: include_str!("../../../../migrations/0006_logout_deliveries_and_icons.sql"),
    },
    Migration {
        version: 7,
        description: "numbers and checks",
        sql: include_str!("../../../../migrations/0007_numbers_and_checks.sql"),
    },
    Migration {
        version: 8,
        description: "write probes",
        sql: include_str!("../../../../migrations/0008_write_probes.sql"),
    },
    Migration {
        version: 9,
        description: "wrong codes",
        sql: include_str!("../../../../migrations/0009_wrong_codes.sql"),
    },
    Migration {
        version: 10,
        description: "former secrets",
        sql: include_str!("../../../../migrations/0010_former_secrets.sql"),
    },
    Migration {
        version: 11,
        description: "client proofs",
        sql: include_str!("../../../../migrations/0011_client_proofs.sql"),
    },
    Migration {
        version: 12,
        description: "muted services",
        sql: include_str!("../../../../migrations/0012_muted_services.sql"),
    },
    Migration {
        version: 13,
        description: "later signing keys",
        sql: include_str!("../../../../migrations/0013_later_signing_keys.sql"),
    },
    Migration {
        version: 14,
        description: "details and managed grants",
        sql: include_str!("../../../../migrations/0014_details_and_managed_grants.sql"),
    },
    Migration {
        version: 15,
        description: "registration",
        sql: include_str!("../../../../migrations/0015_registration.sql"),
    },
    Migration {
        version: 16,
        description: "refusals",
        sql: include_str!("../../../../migrations/0016_refusals.sql"),
    },
    Migration {
        version: 17,
        description: "ledger",
        sql: include_str!("../../../../migrations/0017_ledger.sql"),
    },
    Migration {
        version: 18,
        description: "audit tree",
        sql: include_str!("../../../../migrations/0018_audit_tree.sql"),
    },
    Migration {
        version: 19,
        description: "contracts",
        sql: include_str!("../../../../migrations/0019_contracts.sql"),
    },
    Migration {
        version: 20,
        description: "photos and enrolment",
        sql: include_str!("../../../../migrations/0020_photos_and_enrolment.sql"),
    },
    Migration {
        version: 21,
        description: "applications",
        sql: include_str!("../../../../migrations/0021_applications.sql"),
    },
    Migration {
        version: 22,
        description: "notices",
        sql: include_str!("../../../../migrations/0022_notices.sql"),
    },
    Migration {
        version: 23,
        description: "cabinet",
        sql: include_str!("../../../../migrations/0023_cabinet.sql"),
    },
    Migration {
        version: 24,
        description: "signals",
        sql: include_str!("../../../../migrations/0024_signals.sql"),
    },
    Migration {
        version: 27,
        description: "whose enrolment",
        sql: include_str!("../../../../migrations/0027_whose_enrolment.sql"),
    },
    Migration {
        version: 28,
        description: "other sessions",
        sql: include_str!("../../../../migrations/0028_other_sessions.sql"),
    },
    Migration {
        version: 30,
        description: "notices and decisions",
        sql: include_str!("../../../../migrations/0030_notices_and_decisions.sql"),
    },
    Migration {
        version: 31,
        description: "identifications",
        sql: include_str!("../../../../migrations/0031_identifications.sql"),
    },
    Migration {
        version: 34,
        description: "staff",
        sql: include_str!("../../../../migrations/0034_staff.sql"),
    },
    Migration {
        version: 35,
        description: "exchange",
        sql: include_str!("../../../../migrations/0035_exchange.sql"),
    },
    Migration {
        version: 36,
        description: "accounts",
        sql: include_str!("../../../../migrations/0036_accounts.sql"),
    },
    Migration {
        version: 37,
        description: "passwords",
        sql: include_str!("../../../../migrations/0037_passwords.sql"),
    },
    Migration {
        version: 38,
        description: "passkeys",
        sql: include_str!("../../../../migrations/0038_passkeys.sql"),
    },
    Migration {
        version: 39,
        description: "representations",
        sql: include_str!("../../../../migrations/0039_representations.sql"),
    },
    Migration {
        version: 40,
        description: "email",
        sql: include_str!("../../../../migrations/0040_email.sql"),
    },
    Migration {
        version: 41,
        description: "locks",
        sql: include_str!("../../../../migrations/0041_locks.sql"),
    },
    Migration {
        version: 43,
        description: "accounts at places",
        sql: include_str!("../../../../migrations/0043_accounts_at_places.sql"),
    },
    Migration {
        version: 44,
        description: "email epochs",
        sql: include_str!("../../../../migrations/0044_email_epochs.sql"),
    },
    Migration {
        version: 45,
        description: "password failures",
        sql: include_str!("../../../../migrations/0045_password_failures.sql"),
    },
    Migration {
        version: 46,
        description: "untold ends",
        sql: include_str!("../../../../migrations/0046_untold_ends.sql"),
    },
    Migration {
        version: 47,
        description: "known browsers",
        sql: include_str!("../../../../migrations/0047_known_browsers.sql"),
    },
    Migration {
        version: 48,
        description: "invoices",
        sql: include_str!("../../../../migrations/0048_invoices.sql"),
    },
    Migration {
        version: 49,
        description: "second person",
        sql: include_str!("../../../../migrations/0049_second_person.sql"),
    },
];

/// A row of [`TABLE`].
struct Applied {
    version: i64,
    success: bool,
    checksum: Vec<u8>,
}

/// The schema cannot be migrated to this version.
#[derive(Debug, thiserror::Error)]
enum MigrationError {
    #[error(
        "migration {0} was begun by another program and failed: mend what it left half done and delete its row from \
         `{TABLE}`"
    )]
    Failed(i64),
    #[error(
        "migration {0} was applied with another text than this version has: the schema is not what it should be"
    )]
    Changed(i64),
}

/// Applies pending migrations. Safe to run by several nodes at once and while the previous version
/// serves. Returns how many migrations were applied.
///
/// # Errors
/// [`DbError`] when one fails; those before it stay applied.
pub async fn migrate(db: &Db) -> Result<usize, DbError> {
    match &db.backend {
        Backend::Sqlite(embedded) => sqlite::migrate(embedded.path()),
        Backend::Postgres(server) => postgres::migrate(server.options()).await,
    }
}

/// Names of pending migrations.
///
/// # Errors
/// [`DbError`] if the database is unavailable, or its list of migrations is inconsistent.
pub async fn pending_migrations(db: &Db) -> Result<Vec<String>, DbError> {
    let applied = match &db.backend {
        Backend::Sqlite(embedded) => sqlite::applied(embedded.path())?,
        Backend::Postgres(server) => postgres::applied(server.options()).await?,
    };
    let pending = pending(&applied).map_err(DbError::statement)?;
    Ok(pending.map(|migration| migration.description.to_owned()).collect())
}

/// Whether no migration was ever applied: nothing of ours is in the database.
///
/// # Errors
/// [`DbError`] if the database is unavailable.
pub async fn is_unused(db: &Db) -> Result<bool, DbError> {
    Ok(match &db.backend {
        Backend::Sqlite(embedded) => sqlite::applied(embedded.path())?,
        Backend::Postgres(server) => postgres::applied(server.options()).await?,
    }
    .is_empty())
}

/// Whether a database holds no table at all, of whomever.
///
/// # Errors
/// [`DbError`].
pub async fn is_empty(db: &Db) -> Result<bool, DbError> {
    let any = match db.engine() {
        super::Engine::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table' LIMIT 1",
        super::Engine::Postgres => {
            "SELECT CAST(relname AS TEXT) AS name FROM pg_class WHERE relkind = 'r' \
             AND relnamespace = 'public'::regnamespace LIMIT 1"
        }
    };
    Ok(db.read_optional(super::statement(any)).await?.is_none())
}

impl Migration {
    fn checksum(&self) -> Digest {
        digest(&SHA384, self.sql.as_bytes())
    }
}

/// Pending migrations. Applied ones of a later version are ignored, so that this version can still serve.
fn pending(applied: &[Applied]) -> Result<impl Iterator<Item = &'static Migration>, MigrationError> {
    if let Some(failed) = applied.iter().find(|applied| !applied.success) {
        return Err(MigrationError::Failed(failed.version));
    }
    let done = |migration: &Migration| applied.iter().find(|done| done.version == migration.version);
    let mut pending = Vec::new();
    for migration in MIGRATIONS {
        match done(migration) {
            None => pending.push(migration),
            Some(done) if done.checksum != migration.checksum().as_ref() => {
                return Err(MigrationError::Changed(migration.version));
            }
            Some(_) => {}
        }
    }
    Ok(pending.into_iter())
}

fn failed(migration: &Migration, error: impl std::error::Error + Send + Sync + 'static) -> DbError {
    tracing::error!(event = "database.migration", migration.version = migration.version, %error, "a migration failed");
    DbError::statement(error)
}
