//! The configuration of a provider started here, readable by every version since 0.1 once the keys that it does not know
//! are left out, and what of it a reader of figures must know.

use std::net::SocketAddr;
use std::path::Path;

use toml::{Table, Value};

use super::people;

/// More than any measurement reaches: every limit is counted, none is met.
const LIMIT: i64 = 1_000_000_000;
/// The unguessable part of the address for receipts, of a provider that exists only for a measurement.
const CALLBACK_SECRET: &str = "loadCallbackSecretOnLoopbackOnly0001";

/// What the configuration depends on.
pub(crate) struct Plan<'a> {
    /// Where its files are.
    pub folder: &'a Path,
    /// Port of the issuer.
    pub port: u16,
    /// Port for operations.
    pub operations_port: u16,
    /// The SMS gateway.
    pub gateway: SocketAddr,
    /// Threads that serve requests.
    pub workers: usize,
    /// Enrolled people, each with a constant code.
    pub people: usize,
    /// Their code.
    pub code: &'a str,
    /// A database other than a fresh SQLite file.
    pub database_url: Option<&'a str>,
    /// A Redis instead of in-process state.
    pub redis_url: Option<&'a str>,
    /// TOML laid on top.
    pub over: Option<&'a str>,
}

/// What is on while a provider is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Conditions {
    /// Whether test numbers are counted towards limits, as real ones are.
    pub limits: bool,
    /// The log's level.
    pub level: String,
    /// The log's format.
    pub format: String,
    /// Whether the gateway is told where to post receipts.
    pub receipts: bool,
}

impl Plan<'_> {
    /// The configuration: embedded stores unless others are named, all limits counted, receipts asked for.
    ///
    /// # Errors
    /// When what is laid on top is no TOML.
    pub(crate) fn configuration(&self) -> Result<Table, String> {
        let Self { port, operations_port, gateway, workers, .. } = self;
        let place = |name: &str| self.folder.join(name).display().to_string();
        // Quoted as TOML itself does it: paths and URLs may hold anything.
        let text = |value: String| Value::String(value).to_string();
        let database =
            text(self.database_url.map_or_else(|| format!("sqlite:{}", place("yagona.db")), str::to_owned));
        let (keyring, people) = (text(place("keyring.toml")), text(place("people.toml")));
        let redis =
            self.redis_url.map_or_else(String::new, |url| format!("[redis]\nurl = {}", text(url.to_owned())));
        let written = format!(
            r#"environment = "sandbox"
[server]
issuer = "http://localhost:{port}"
listen = "127.0.0.1:{port}"
operations_listen = "127.0.0.1:{operations_port}"
workers = {workers}
drain_seconds = 1
[database]
url = {database}
[keys]
keyring = {keyring}
rsa_bits = 2048
[sms]
gateways = ["eskiz"]
callback_base = "http://localhost:{port}"
callback_secret = "{CALLBACK_SECRET}"
[sms.eskiz]
base_url = "http://{gateway}/api"
email = "load@yagona.example"
password = "load-gateway-password"
from = "4546"
[limits]
sends_per_number_10m = {LIMIT}
sends_per_number_hour = {LIMIT}
sends_per_number_day = {LIMIT}
sends_per_address_5m = {LIMIT}
sends_per_client_hour = {LIMIT}
sends_per_country_hour = {LIMIT}
[limits.brake]
country_codes = {LIMIT}
client_codes = {LIMIT}
network_codes = {LIMIT}
[limits.password_brake]
country_tries = {LIMIT}
network_tries = {LIMIT}
address_tries = {LIMIT}
[limits.toll]
address_codes_10m = {LIMIT}
number_codes_10m = {LIMIT}
address_accounts_hour = {LIMIT}
[log]
format = "json"
level = "info"
[sandbox]
relaxed_limits = false
people = {people}
constant_codes = {{}}
{redis}
"#
        );
        let unreadable = |error: toml::de::Error| error.to_string();
        let mut table: Table = written.parse().map_err(unreadable)?;
        overlay(&mut table, self.constant_codes());
        if let Some(over) = self.over {
            overlay(&mut table, over.parse().map_err(unreadable)?);
        }
        Ok(table)
    }

    fn constant_codes(&self) -> Table {
        let codes: Table = (0..self.people)
            .map(|index| (people::number(people::FIRST_NUMBER, index), self.code.to_owned().into()))
            .collect();
        let sandbox = Table::from_iter([("constant_codes".to_owned(), Value::Table(codes))]);
        Table::from_iter([("sandbox".to_owned(), Value::Table(sandbox))])
    }
}

impl Conditions {
    /// What a configuration says.
    pub(crate) fn of(configuration: &Table) -> Self {
        let value = |section: &str, key: &str| configuration.get(section).and_then(|table| table.get(key));
        let text = |section, key| value(section, key).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self {
            limits: value("sandbox", "relaxed_limits").and_then(Value::as_bool) != Some(true),
            level: text("log", "level"),
            format: text("log", "format"),
            receipts: value("sms", "callback_base").is_some(),
        }
    }
}

/// The keys that a provider's report of problems calls unknown.
pub(crate) fn unknown_keys(report: &str) -> Vec<String> {
    let lines: Vec<&str> = report.lines().map(str::trim).collect();
    let unknown = lines.windows(2).filter(|pair| pair[1] == "is not a known key");
    unknown.filter_map(|pair| pair[0].split_whitespace().next()).map(str::to_owned).collect()
}

/// Removes a key or a section, named with dots.
pub(crate) fn remove(table: &mut Table, key: &str) {
    match key.split_once('.') {
        None => drop(table.remove(key)),
        Some((section, rest)) => {
            if let Some(Value::Table(below)) = table.get_mut(section) {
                remove(below, rest);
            }
        }
    }
}

/// Lays `over` on top of `table`, section by section.
fn overlay(table: &mut Table, over: Table) {
    for (key, value) in over {
        match (table.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => overlay(below, above),
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(over: Option<&'static str>) -> Plan<'static> {
        Plan {
            folder: Path::new("/tmp/a \"folder\""),
            port: 1,
            operations_port: 2,
            gateway: SocketAddr::from(([127, 0, 0, 1], 3)),
            workers: 1,
            people: 3,
            code: "123456",
            database_url: None,
            redis_url: Some("redis://127.0.0.1:6379/5"),
            over,
        }
    }

    #[test]
    fn by_default_limits_count_the_log_says_what_it_says_elsewhere_and_receipts_come() {
        let table = plan(None).configuration().unwrap();
        let found = Conditions::of(&table);
        let expected =
            Conditions { limits: true, level: "info".to_owned(), format: "json".to_owned(), receipts: true };
        assert_eq!(found, expected);
        assert_eq!(table["sandbox"]["constant_codes"].as_table().unwrap().len(), 3);
        assert_eq!(table["sandbox"]["people"].as_str(), Some("/tmp/a \"folder\"/people.toml"));
        assert_eq!(table["redis"]["url"].as_str(), Some("redis://127.0.0.1:6379/5"));
    }

    #[test]
    fn what_is_laid_on_top_is_told_as_it_is() {
        let over = "[sandbox]\nrelaxed_limits = true\n[log]\nlevel = \"warn\"\n";
        let found = Conditions::of(&plan(Some(over)).configuration().unwrap());
        assert!(!found.limits && found.level == "warn" && found.format == "json" && found.receipts);
        assert!(plan(Some("[")).configuration().is_err());
    }

    #[test]
    fn what_an_older_version_does_not_know_is_left_out_and_nothing_else() {
        let report = "yagona: the configuration has 2 problems; nothing was started\n\n  limits.brake  (/tmp/y.toml, line 18)\n    \
                      is not a known key\n    -> remove it\n\n  log.level  (/tmp/y.toml, line 20)\n    is none of error, warn\n";
        assert_eq!(unknown_keys(report), ["limits.brake"]);
        let mut table = plan(None).configuration().unwrap();
        let before = table["limits"].as_table().unwrap().len();
        remove(&mut table, "limits.brake");
        remove(&mut table, "no.such.key");
        assert_eq!(table["limits"].as_table().unwrap().len(), before - 1);
    }
}
