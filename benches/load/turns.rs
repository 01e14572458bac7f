//! Two binaries in turns, old new old new …, so that what changes on the machine meanwhile meets both alike.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use crate::comparison::{COLUMNS, Comparison, Figures, Row, Side};
use crate::flags::Flags;
use crate::report::figure;
use crate::run::measure_all;
use crate::stores;

/// Measures `older` and the binary that `flags` name in turns, each on empty stores with a provider of its own, and
/// prints both one's medians; returns how often a scenario could not be measured.
///
/// # Errors
/// In words, when a turn cannot be had.
pub(crate) async fn run(flags: &Flags, older: &Path, gateway: SocketAddr) -> Result<usize, String> {
    if flags.rounds == 0 {
        return Err("at least one round is needed".to_owned());
    }
    let (mut comparison, mut broken) = (Comparison::default(), 0);
    for round in 1..=flags.rounds {
        for side in [Side::Old, Side::New] {
            let mut flags = flags.clone();
            if side == Side::Old {
                flags.binary = Some(older.to_owned());
            }
            let title = format!("round {round} of {}, {}", flags.rounds, side.name());
            stores::empty(&flags).await?;
            let measured = measure_all(&flags, gateway, Some(&title)).await?;
            broken += measured.broken;
            for (scenario, outcome) in measured.outcomes {
                comparison.add(scenario.name(), side, outcome.figures(), outcome.failed);
            }
        }
    }
    print(flags.json, &comparison.rows());
    Ok(broken)
}

/// The medians of each binary's turns and their ratio.
fn print(as_json: bool, rows: &[Row]) {
    if as_json {
        for row in rows {
            let object = |figures: &Figures| {
                let named = COLUMNS
                    .iter()
                    .zip(figures)
                    .map(|((_, name, _), value)| ((*name).to_owned(), json!(value)));
                Value::Object(named.collect())
            };
            let line = json!({
                "comparison": row.flow, "old": object(&row.old), "new": object(&row.new),
                "new_by_old": object(&row.ratio), "rounds_old": row.rounds.0, "rounds_new": row.rounds.1,
                "failed_old": row.failed.0, "failed_new": row.failed.1,
            });
            println!("{line}");
        }
        return;
    }
    println!("\nmedians of the rounds, and new by old");
    let titles: String = COLUMNS.iter().map(|(title, ..)| format!(" {title:>9}")).collect();
    println!("{:<32} {:<7}{titles} {:>7} {:>7}", "flow", "", "rounds", "failed");
    for row in rows {
        let line = |flow: &str, side: &str, figures: &Figures, decimals: Option<usize>| {
            let cells: String = COLUMNS
                .iter()
                .zip(figures)
                .map(|((.., own), value)| format!(" {:>9}", figure(*value, decimals.unwrap_or(*own))))
                .collect();
            format!("{flow:<32} {side:<7}{cells}")
        };
        println!("{} {:>7} {:>7}", line(&row.flow, "old", &row.old, None), row.rounds.0, row.failed.0);
        println!("{} {:>7} {:>7}", line("", "new", &row.new, None), row.rounds.1, row.failed.1);
        println!("{}", line("", "new/old", &row.ratio, Some(2)));
    }
}
