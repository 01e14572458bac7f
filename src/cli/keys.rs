//! `yagona keys`: the keyring, which encrypts, and the signing keys.

use std::path::Path;

use clap::Subcommand;
use serde_json::{Value, json};

use super::operator;
use super::output::{Format, say};
use crate::app::settings;
use crate::app::{StartError, Stores, cannot_start};
use crate::audit::{Event, Kind};
use crate::platform::clock::Timestamp;
use crate::platform::config;
use crate::platform::jose::{Alg, KeySet, PUBLISH_AHEAD};
use crate::platform::seal::Keyring;

/// Manages the keyring and the signing keys.
#[derive(Subcommand)]
pub(super) enum Keys {
    /// Creates the keyring, if there is none
    Init,
    /// Lists the signing keys
    List,
    /// Rotates the signing keys: new keys are published now and sign later, old ones stay published until their last token has expired
    Rotate {
        /// Only the key of this algorithm: RS256, PS256, ES256 or EdDSA
        #[arg(long)]
        alg: Option<String>,
        /// Seconds until the new key signs, at most 30 days; clients may cache a key set that long
        #[arg(long, default_value_t = PUBLISH_AHEAD, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(0..=2_592_000))]
        active_in: i64,
        /// Somebody else may have the keys: new ones sign at once, and the old ones and all before them are accepted nowhere any more
        #[arg(long, conflicts_with = "active_in")]
        leaked: bool,
    },
}

impl Keys {
    pub(super) async fn run(self, file: Option<&Path>, format: Format) -> Result<(), StartError> {
        if let Self::Init = self {
            return init(file, format);
        }
        let stores = super::existing(super::settings(file)?).await?;
        if let Self::Rotate { alg, active_in, leaked } = self {
            let algs = match alg {
                None => Alg::ALL.to_vec(),
                Some(name) => vec![Alg::parse(&name).ok_or_else(|| {
                    StartError(format!("`{name}` is not one of RS256, PS256, ES256, EdDSA"))
                })?],
            };
            let names = algs.iter().map(|alg| alg.name()).collect::<Vec<_>>().join(" ");
            let ahead = (!leaked).then_some(active_in);
            let rotating = rotate(&stores, algs, ahead, format);
            operator::recorded(&stores, "keys rotate", |event| event.alg(names), rotating).await?;
        }
        let now = stores.clock.now();
        let keys = KeySet::stored(&stores.db, &stores.keyring, now).await.map_err(cannot_start)?;
        print(&keys, now, format)?;
        stores.db.close().await;
        Ok(())
    }
}

/// Prints the keys that are published.
fn print(keys: &KeySet, now: Timestamp, format: Format) -> Result<(), StartError> {
    let all = keys.list(now);
    let told: Vec<Value> = all
        .iter()
        .map(|key| {
            json!({
                "alg": key.alg.name(), "kid": key.kid, "created_at": key.created_at.to_rfc3339(),
                "active_from": key.active_from.to_rfc3339(), "signing": key.signing,
                "retire_at": key.retire_at.map(Timestamp::to_rfc3339),
            })
        })
        .collect();
    format.print(&json!({ "keys": told }), || {
        if all.is_empty() {
            say!("There are no signing keys yet; the first start makes them.");
        }
        for key in &all {
            let state = if key.signing {
                "signing"
            } else if key.active_from > now {
                "published, not yet signing"
            } else {
                "published, no longer signing"
            };
            let until = key.retire_at.map_or_else(String::new, |at| format!(", until {}", at.to_rfc3339()));
            let (alg, created) = (key.alg.name(), key.created_at.to_rfc3339());
            say!("{alg:<6} {:<22} created {created}, {state}{until}", key.kid);
        }
        Ok(())
    })
}

/// Rotates keys, `ahead` seconds before the new ones sign; without that, as after a leak.
async fn rotate(
    stores: &Stores,
    algs: Vec<Alg>,
    ahead: Option<i64>,
    format: Format,
) -> Result<(), StartError> {
    let keys = stores.keys().await?;
    let bits = stores.settings.keys.rsa_bits;
    for alg in algs {
        let rotated = match ahead {
            Some(ahead) => keys.rotate(alg, bits, ahead).await.map(|kid| (kid, Vec::new())),
            None => keys.replace_leaked(alg, bits).await,
        };
        let (kid, withdrawn) = rotated.map_err(cannot_start)?;
        for kid in &withdrawn {
            let event = Event::new(Kind::KeyWithdrawn).key(kid.as_str()).alg(alg.name());
            stores.audit.record(event.reason("leaked"));
        }
        let event = Event::new(Kind::KeyRotated).key(kid.as_str()).alg(alg.name());
        stores.audit.record(if ahead.is_none() { event.reason("leaked") } else { event });
        if format == Format::Text {
            match ahead {
                Some(ahead) => say!("{}: {kid} is published and signs in {ahead} s", alg.name()),
                None => say!("{}: {kid} signs now; no other key is accepted", alg.name()),
            }
        }
    }
    Ok(())
}

fn init(file: Option<&Path>, format: Format) -> Result<(), StartError> {
    let settings = match file {
        Some(_) => settings::load_before_keyring(file, config::environment()).map_err(cannot_start)?,
        None => super::settings(None)?,
    };
    let path = settings.keys.keyring;
    let existed = path.exists();
    Keyring::read_or_create(&path).map_err(cannot_start)?;
    let path = path.display();
    format.print(&json!({ "keyring": path.to_string(), "created": !existed }), || {
        if existed {
            say!("{path} exists and was not changed.");
        } else {
            say!("{path} was created. Keep a backup: without it, stored personal data cannot be decrypted.");
        }
        Ok(())
    })
}
