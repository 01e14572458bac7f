//! `yagona registries check`: whether state registers, operators, billing and E-IMZO's server answer.

use std::sync::Arc;

use clap::Subcommand;
use serde_json::json;

use super::output::{Format, say};
use crate::app::settings::Settings;
use crate::app::{StartError, cannot_start};
use crate::platform::clock::Clock;
use crate::platform::telemetry::Metrics;
use crate::registries;

/// What can be done with registers.
#[derive(Subcommand)]
pub(super) enum Registries {
    /// Asks each configured register for its `test_identifier`, and says what failed. It changes nothing
    Check,
}

impl Registries {
    pub(super) async fn run(self, settings: &Settings, format: Format) -> Result<(), StartError> {
        let Self::Check = self;
        let clock = Clock::of_process(false);
        let registers =
            registries::Registries::for_check(&settings.registries, clock, Arc::clone(&Metrics::new()));
        let found = registers.map_err(cannot_start)?.check().await;
        let told: Vec<_> = found
            .iter()
            .map(|checked| {
                let said = match &checked.found {
                    Ok(said) => *said,
                    Err(why) => why.as_str(),
                };
                json!({ "register": checked.register.name(), "ok": checked.found.is_ok(), "said": said })
            })
            .collect();
        format.print(&told, || {
            if found.is_empty() {
                say!("No register is configured: docs/registries.md says how to connect them.");
            }
            for checked in &found {
                let name = checked.register.name();
                match &checked.found {
                    Ok(said) => say!("{name:<16} ok ({said})"),
                    Err(why) => say!("{name:<16} FAILED: {why}"),
                }
            }
            Ok(())
        })?;
        let failed: Vec<&str> = found
            .iter()
            .filter(|checked| checked.found.is_err())
            .map(|checked| checked.register.name())
            .collect();
        if failed.is_empty() {
            Ok(())
        } else {
            Err(StartError(format!("these registers failed: {}", failed.join(", "))))
        }
    }
}
