//! `yagona audit`: the chain of what happened, read again.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use super::ledger::{believed, read};
use super::output::{Format, say};
use crate::app::settings::Settings;
use crate::app::{StartError, cannot_start};
use crate::audit::{Link, Report};

/// Verifies the audit log.
#[derive(Subcommand)]
pub(super) enum Audit {
    /// Verifies that no row was changed, removed, moved or added, and lists events that could not be written
    Verify {
        /// Begins at this row, and believes the one before it
        #[arg(long, value_name = "SEQ")]
        from: Option<i64>,
        /// A row that the chain had, as the log's `audit.checkpoint` or an earlier verification named it; may be repeated
        #[arg(long, value_name = "SEQ:HASH", value_parser = link)]
        checkpoint: Vec<Link>,
        /// A file with a signed checkpoint of the tree, as `/audit/checkpoint` published it: the log must begin as it says; may be repeated
        #[arg(long, value_name = "FILE", conflicts_with = "from")]
        signed_checkpoint: Vec<PathBuf>,
    },
    /// Prints the public key of the tree's checkpoints
    Key,
}

impl Audit {
    pub(super) async fn run(self, settings: Settings, format: Format) -> Result<(), StartError> {
        let Self::Verify { from, checkpoint, signed_checkpoint } = self else {
            return key(settings, format).await;
        };
        let signed = signed_checkpoint.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
        let stores = super::existing(settings).await?;
        let signed = if signed.is_empty() {
            Vec::new()
        } else {
            let key = stores.audit.verifier_key().await.map_err(cannot_start)?;
            believed(&signed, &signed_checkpoint, &key)?
        };
        let mut verifier = stores.audit.verifier();
        if let Some(from) = from {
            verifier = verifier.from(from);
        }
        let verifier = checkpoint.into_iter().fold(verifier, crate::audit::Verifier::checkpoint);
        let verifier = signed.into_iter().fold(verifier, crate::audit::Verifier::signed_checkpoint);
        let report = verifier.run().await.map_err(cannot_start)?;
        format.print(&document(&report), || print(&report))?;
        stores.db.close().await;
        match report.tampering {
            None => Ok(()),
            Some(tampering) => Err(StartError(format!("the audit log was tampered with: {tampering}"))),
        }
    }
}

async fn key(settings: Settings, format: Format) -> Result<(), StartError> {
    let stores = super::existing(settings).await?;
    let key = stores.audit.verifier_key().await.map_err(cannot_start)?.to_string();
    format.print(&json!({ "key": key }), || {
        say!("{key}");
        Ok(())
    })?;
    stores.db.close().await;
    Ok(())
}

/// Reads `SEQ:HASH`.
fn link(text: &str) -> Result<Link, String> {
    let parsed = text.split_once(':').and_then(|(seq, hash)| Some((seq.parse().ok()?, hash)));
    match parsed {
        Some((seq, hash)) if seq > 0 && !hash.is_empty() => Ok(Link { seq, hash: hash.to_owned() }),
        _ => Err("it must be the number of a row, a colon and its hash".to_owned()),
    }
}

fn document(report: &Report) -> serde_json::Value {
    let end = report.end.as_ref().map(|end| json!({ "seq": end.seq, "hash": end.hash }));
    let gaps = report.gaps.iter().map(
        |gap| json!({ "process": gap.node_id, "from": gap.from, "to": gap.to, "noticed_at_row": gap.before }),
    );
    let unfinished =
        report.unfinished.iter().map(|(process, row)| json!({ "process": process, "last_row": row }));
    json!({
        "rows": report.rows, "first": report.first, "end": end, "gap_count": report.gap_count,
        "gaps": gaps.collect::<Vec<_>>(), "unfinished_count": report.unfinished_count,
        "unfinished": unfinished.collect::<Vec<_>>(), "passed_checkpoints": report.passed_checkpoints,
        "places": report.places, "signed_checkpoint": report.signed_checkpoint,
        "tampering": report.tampering.as_ref().map(ToString::to_string),
    })
}

fn print(report: &Report) -> Result<(), StartError> {
    for gap in &report.gaps {
        say!(
            "gap: events {} to {} of process {} were never written (noticed at row {})",
            gap.from,
            gap.to,
            gap.node_id,
            gap.before
        );
    }
    more(report.gap_count, report.gaps.len(), "gaps")?;
    for (node_id, row) in &report.unfinished {
        say!(
            "process {node_id} (last row {row}) runs, or ended without warning and may miss its last events, of at most \
             100 ms"
        );
    }
    more(report.unfinished_count, report.unfinished.len(), "such processes")?;
    for seq in &report.passed_checkpoints {
        say!("checkpoint {seq} was not compared: its row has expired, or comes before where reading began");
    }
    if report.tampering.is_some() {
        return Ok(());
    }
    match &report.end {
        Some(end) if end.seq > 0 => {
            say!(
                "{} rows verified, {} to {}, {} gap(s)",
                report.rows,
                report.first,
                end.seq,
                report.gap_count
            );
            say!("checkpoint: {}:{}", end.seq, end.hash);
            if !report.signed_checkpoint.is_empty() {
                say!("{} of them have their places in the tree", report.places);
                say!("{}", report.signed_checkpoint.trim_end_matches('\n'));
            }
        }
        _ => say!("The audit log is empty."),
    }
    Ok(())
}

fn more(all: u64, named: usize, what: &str) -> Result<(), StartError> {
    let named = named as u64;
    if all > named {
        say!("and {} more {what}", all - named);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_a_number_and_a_hash() {
        assert_eq!(link("12:abc"), Ok(Link { seq: 12, hash: "abc".to_owned() }));
        for wrong in ["", "12", ":abc", "12:", "x:abc", "-1:abc", "0:abc"] {
            assert!(link(wrong).is_err(), "{wrong}");
        }
    }
}
