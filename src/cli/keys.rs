//! `yagona keys`: the keyring that seals, and the keys that sign.

use std::path::Path;

use clap::Subcommand;

use crate::app::settings;
use crate::app::{StartError, Stores, cannot_start};
use crate::platform::config;
use crate::platform::db;
use crate::platform::jose::{Alg, PUBLISH_AHEAD};
use crate::platform::seal::Keyring;

/// Manages keyring and signing keys.
#[derive(Subcommand)]
pub(super) enum Keys {
    /// Makes the keyring, if there is none
    Init,
    /// Lists the signing keys
    List,
    /// Makes successors of the signing keys: published now, signing later, the former kept until their last token expired
    Rotate {
        /// Only the key of this algorithm: RS256, ES256 or EdDSA
        #[arg(long)]
        alg: Option<String>,
        /// Seconds until the new key signs; clients keep a key set that long
        #[arg(long, default_value_t = PUBLISH_AHEAD, value_name = "SECONDS")]
        active_in: i64,
    },
}

impl Keys {
    pub(super) async fn run(self, file: Option<&Path>) -> Result<(), StartError> {
        if let Self::Init = self {
            return init(file);
        }
        let stores = Stores::open(super::settings(file)?).await?;
        db::migrate(&stores.db).await.map_err(cannot_start)?;
        let keys = stores.keys().await?;
        let bits = stores.settings.keys.rsa_bits;
        if let Self::Rotate { alg, active_in } = self {
            let algs = match alg {
                None => Alg::ALL.to_vec(),
                Some(name) => vec![
                    Alg::parse(&name)
                        .ok_or_else(|| StartError(format!("`{name}` is none of RS256, ES256, EdDSA")))?,
                ],
            };
            for alg in algs {
                let kid = keys.rotate(alg, bits, active_in.max(0)).await.map_err(cannot_start)?;
                println!("{}: {kid} is published and signs in {} s", alg.name(), active_in.max(0));
            }
        }
        let now = stores.clock.now();
        for key in keys.current().list(now) {
            let state = if key.signing {
                "signs"
            } else if key.active_from > now {
                "published, signs later"
            } else {
                "published, signs no more"
            };
            let until = key.retire_at.map_or_else(String::new, |at| format!(", until {}", at.to_rfc3339()));
            println!(
                "{:<6} {:<22} made {}, {state}{until}",
                key.alg.name(),
                key.kid,
                key.created_at.to_rfc3339()
            );
        }
        stores.db.close().await;
        Ok(())
    }
}

fn init(file: Option<&Path>) -> Result<(), StartError> {
    let settings = match file {
        Some(_) => settings::load_before_keyring(file, config::environment()).map_err(cannot_start)?,
        None => super::settings(None)?,
    };
    let path = settings.keys.keyring;
    let existed = path.exists();
    Keyring::read_or_create(&path).map_err(cannot_start)?;
    if existed {
        println!("{} is there already and was left as it is.", path.display());
    } else {
        println!(
            "{} was made. Keep a copy elsewhere: without it, stored personal data cannot be read.",
            path.display()
        );
    }
    Ok(())
}
