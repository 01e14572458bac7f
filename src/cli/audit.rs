//! `yagona audit`: the chain of what happened, read again.

use clap::Subcommand;

use crate::app::settings::Settings;
use crate::app::{StartError, Stores, cannot_start};
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
    },
}

impl Audit {
    pub(super) async fn run(self, settings: Settings) -> Result<(), StartError> {
        let Self::Verify { from, checkpoint } = self;
        let stores = Stores::open(settings).await?;
        let mut verifier = stores.audit.verifier();
        if let Some(from) = from {
            verifier = verifier.from(from);
        }
        let verifier = checkpoint.into_iter().fold(verifier, crate::audit::Verifier::checkpoint);
        let report = verifier.run().await.map_err(cannot_start)?;
        print(&report);
        stores.db.close().await;
        match report.tampering {
            None => Ok(()),
            Some(tampering) => Err(StartError(format!("the audit log was tampered with: {tampering}"))),
        }
    }
}

/// Reads `SEQ:HASH`.
fn link(text: &str) -> Result<Link, String> {
    let parsed = text.split_once(':').and_then(|(seq, hash)| Some((seq.parse().ok()?, hash)));
    match parsed {
        Some((seq, hash)) if seq > 0 && !hash.is_empty() => Ok(Link { seq, hash: hash.to_owned() }),
        _ => Err("it must be the number of a row, a colon and its hash".to_owned()),
    }
}

fn print(report: &Report) {
    for gap in &report.gaps {
        println!(
            "gap: events {} to {} of process {} were never written (noticed at row {})",
            gap.from, gap.to, gap.node_id, gap.before
        );
    }
    more(report.gap_count, report.gaps.len(), "gaps");
    for (node_id, row) in &report.unfinished {
        println!(
            "process {node_id} (last row {row}) runs, or ended without warning and may miss its last events, of at most \
             100 ms"
        );
    }
    more(report.unfinished_count, report.unfinished.len(), "such processes");
    for seq in &report.passed_checkpoints {
        println!(
            "checkpoint {seq} was not compared: its row has expired, or comes before where reading began"
        );
    }
    if report.tampering.is_some() {
        return;
    }
    match &report.end {
        Some(end) if end.seq > 0 => {
            println!(
                "{} rows verified, {} to {}, {} gap(s)",
                report.rows, report.first, end.seq, report.gap_count
            );
            println!("checkpoint: {}:{}", end.seq, end.hash);
        }
        _ => println!("The audit log is empty."),
    }
}

fn more(all: u64, named: usize, what: &str) {
    let named = named as u64;
    if all > named {
        println!("and {} more {what}", all - named);
    }
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
