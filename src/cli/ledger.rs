//! `yagona ledger`: to whom data of a person went.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Value, json};

use super::operator;
use super::output::{Format, say};
use super::people::{account_of, parse};
use crate::app::settings::Settings;
use crate::app::{StartError, cannot_start};
use crate::clients::ClientId;
use crate::ledger::{EntryId, Filter, Listed, Place};
use crate::platform::clock::Timestamp;
use crate::platform::tlog::{Checkpoint, Proof, ProofError, VerifierKey};

/// Reads the ledger of releases of data.
#[derive(Subcommand)]
pub(super) enum Ledger {
    /// Lists to whom data of a person went, newest first
    List {
        /// The person's enrolled number
        number: String,
        /// Only what went to this client
        #[arg(long, value_name = "CLIENT_ID", value_parser = client)]
        client: Option<ClientId>,
        /// At most so many entries
        #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        most: u32,
        /// Only entries after this one of a list before, as `at_ms:id`
        #[arg(long, value_name = "AT_MS:ID", value_parser = place)]
        after: Option<Place>,
    },
    /// Prints the proof of an entry: whoever has it verifies it off-line, with the log's public key
    Proof {
        /// The entry's name, as `ledger list` shows it
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Verifies that no entry was changed, removed, moved or added; or, with --proof, a proof off-line
    Verify {
        /// A file with a checkpoint that was kept elsewhere: the log must begin as it says; may be repeated
        #[arg(long, value_name = "FILE")]
        checkpoint: Vec<PathBuf>,
        /// A file with a proof, which is verified without any configuration or database
        #[arg(long, value_name = "FILE", requires = "key", conflicts_with = "checkpoint")]
        proof: Option<PathBuf>,
        /// The public key of the log, as `/ledger/key` publishes it
        #[arg(long, value_name = "KEY", requires = "proof", value_parser = key)]
        key: Option<VerifierKey>,
    },
    /// Prints the public key of the log's checkpoints
    Key,
}

impl Ledger {
    /// `file` is the configuration, which a proof is verified without.
    pub(super) async fn run(self, file: Option<&Path>, format: Format) -> Result<(), StartError> {
        match self {
            Self::List { number, client, most, after } => {
                list((number, client, most, after), super::settings(file)?, format).await
            }
            Self::Proof { id } => proof(&id, super::settings(file)?, format).await,
            Self::Verify { proof: Some(proof), key: Some(key), .. } => offline(&proof, &key, format),
            Self::Verify { checkpoint, .. } => verify(&checkpoint, super::settings(file)?, format).await,
            Self::Key => {
                let stores = super::existing(super::settings(file)?).await?;
                let key = stores.ledger.verifier_key().await.map_err(cannot_start)?.to_string();
                format.print(&json!({ "key": key }), || {
                    say!("{key}");
                    Ok(())
                })?;
                stores.db.close().await;
                Ok(())
            }
        }
    }
}

async fn proof(id: &str, settings: Settings, format: Format) -> Result<(), StartError> {
    let unknown = || StartError(format!("`{id}` is no entry of the ledger"));
    let id = EntryId::parse(id).ok_or_else(unknown)?;
    let stores = super::existing(settings).await?;
    let found = async {
        stores.ledger.find(&id).await.map_err(cannot_start)?.ok_or_else(unknown)?;
        let proof = stores.ledger.proof(&id).await.map_err(cannot_start)?;
        proof.ok_or_else(|| {
            let why =
                "the entry waits for its place, or is not what the log has there: run `yagona ledger verify`";
            StartError(why.to_owned())
        })
    };
    let proof = operator::recorded(&stores, "ledger proof", |event| event, found).await?.to_string();
    format.print(&json!({ "proof": proof }), || {
        say!("{}", proof.trim_end_matches('\n'));
        Ok(())
    })?;
    stores.db.close().await;
    Ok(())
}

/// The text of a file.
pub(super) fn read(path: &Path) -> Result<String, StartError> {
    std::fs::read_to_string(path).map_err(|error| StartError(format!("{}: {error}", path.display())))
}

fn offline(path: &Path, key: &VerifierKey, format: Format) -> Result<(), StartError> {
    let refused = |why: ProofError| StartError(format!("the proof proves nothing: {why}"));
    let proof = Proof::parse(&read(path)?).map_err(refused)?;
    let checkpoint = proof.verify(key).map_err(refused)?;
    let leaf: Value = serde_json::from_slice(&proof.leaf).map_err(cannot_start)?;
    let told = json!({ "entry": leaf, "position": proof.index, "size": checkpoint.size });
    format.print(&told, || {
        say!("{}", serde_json::to_string_pretty(&leaf).map_err(cannot_start)?);
        say!("The entry stands at place {} of a log of {} entries.", proof.index, checkpoint.size);
        Ok(())
    })
}

async fn verify(kept: &[PathBuf], settings: Settings, format: Format) -> Result<(), StartError> {
    let notes = kept.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let stores = super::existing(settings).await?;
    let key = stores.ledger.verifier_key().await.map_err(cannot_start)?;
    let believed = believed(&notes, kept, &key)?;
    let report = stores.ledger.verify(&believed).await.map_err(cannot_start)?;
    let tampering = report.tampering.as_ref().map(ToString::to_string);
    let told = json!({
        "places": report.places, "entries": report.entries, "waiting": report.waiting,
        "checkpoint": report.checkpoint, "tampering": tampering,
    });
    format.print(&told, || {
        if tampering.is_none() {
            say!(
                "{} entries verified in a log of {} places; {} wait for their places",
                report.entries,
                report.places,
                report.waiting
            );
            say!("{}", report.checkpoint.trim_end_matches('\n'));
        }
        Ok(())
    })?;
    stores.db.close().await;
    match tampering {
        None => Ok(()),
        Some(tampering) => Err(StartError(format!("the ledger was tampered with: {tampering}"))),
    }
}

/// Checkpoints that were kept in files, if the log's key signed them.
pub(super) fn believed(
    notes: &[String],
    kept: &[PathBuf],
    key: &VerifierKey,
) -> Result<Vec<Checkpoint>, StartError> {
    let believed = notes.iter().zip(kept).map(|(note, path)| {
        let of_file = |why| StartError(format!("{}: {why}", path.display()));
        Checkpoint::verified(note, key).map_err(of_file)
    });
    believed.collect()
}

type Page = (String, Option<ClientId>, u32, Option<Place>);

async fn list(
    (number, client, most, after): Page,
    settings: Settings,
    format: Format,
) -> Result<(), StartError> {
    let number = parse(&number, &settings)?;
    let stores = super::existing(settings).await?;
    let account = account_of(&stores, &number).await?;
    let (filter, before) = (Filter { client, ..Filter::default() }, after.unwrap_or_else(Place::newest));
    let list = async {
        let listed = stores.ledger.of_person(&account.person_id, &filter, &before, most.into());
        listed.await.map_err(cannot_start)
    };
    let person = account.person_id.as_str();
    let listed = operator::recorded(&stores, "ledger list", |event| event.person(person), list).await?;
    let told: Vec<Value> = listed.iter().map(document).collect();
    format.print(&json!({ "entries": told }), || {
        if listed.is_empty() {
            say!("There are no entries.");
        }
        for listed in &listed {
            say!("{}", line(listed));
        }
        Ok(())
    })?;
    stores.db.close().await;
    Ok(())
}

fn key(text: &str) -> Result<VerifierKey, String> {
    VerifierKey::parse(text).ok_or_else(|| "it is no public key of a log".to_owned())
}

fn client(text: &str) -> Result<ClientId, String> {
    ClientId::parse(text).ok_or_else(|| "it is no client identifier".to_owned())
}

fn place(text: &str) -> Result<Place, String> {
    let parsed = text.split_once(':').and_then(|(at, id)| Some((at.parse().ok()?, id)));
    parsed
        .map(|(at_ms, id)| Place { at_ms, id: id.to_owned() })
        .ok_or_else(|| "it must be a time in milliseconds, a colon and the entry's name".to_owned())
}

fn document(listed: &Listed) -> Value {
    json!({
        "entry": listed.leaf, "reads": listed.reads, "read_at_ms": listed.read_at_ms,
        "position": listed.position,
    })
}

fn line(listed: &Listed) -> String {
    let leaf = &listed.leaf;
    let at = Timestamp(leaf.at_ms.div_euclid(1000)).to_rfc3339();
    let mut line = format!(
        "{} {at} {:<24} {:<13} {}",
        leaf.id.as_str(),
        leaf.client,
        leaf.channel.name(),
        leaf.fields.join(" ")
    );
    if let Some(purpose) = &leaf.purpose {
        line += &format!(" for \"{purpose}\"");
    }
    if listed.reads > 0 {
        line += &format!(", read {} times", listed.reads);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_begins_after_an_entry() {
        assert_eq!(place("12:abc"), Ok(Place { at_ms: 12, id: "abc".to_owned() }));
        assert!(place("abc").is_err() && place("x:abc").is_err());
        assert!(client("a b").is_err());
    }
}
