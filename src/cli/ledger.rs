//! `yagona ledger`: to whom data of a person went.

use clap::Subcommand;
use serde_json::{Value, json};

use super::operator;
use super::output::{Format, say};
use super::people::{account_of, parse};
use crate::app::settings::Settings;
use crate::app::{StartError, cannot_start};
use crate::clients::ClientId;
use crate::ledger::{Filter, Listed, Place};
use crate::platform::clock::Timestamp;

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
}

impl Ledger {
    pub(super) async fn run(self, settings: Settings, format: Format) -> Result<(), StartError> {
        let Self::List { number, client, most, after } = self;
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
