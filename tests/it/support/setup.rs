//! A provider's settings, changed where a test needs it.

use toml::{Table, Value};

use super::client_file;
use super::people::Census;
use super::sandbox::{ESKIZ, GATEWAY, MYID, PLAYMOBILE, REGISTERS_TOKEN};
use super::world::{Backend, World};

/// A provider to be started.
pub(crate) struct Setup {
    /// Its stores.
    pub backend: Backend,
    /// Its test people.
    pub census: Census,
    changes: Table,
    /// Registrations besides those that every provider has.
    pub clients: String,
    /// Whether connections to PostgreSQL and Redis go through a relay that can be cut.
    pub relayed: bool,
    /// Whether nobody reads its log.
    pub unread: bool,
    /// Whether its disk can be filled.
    pub small_disk: bool,
    /// Whether it terminates TLS itself, with a self-signed certificate.
    pub tls: bool,
    /// Whether people may sign in by a signature and by their face.
    pub proofs: bool,
}

/// More than any test reaches.
const NO_LIMIT: i64 = 1_000_000_000;

impl Setup {
    /// The usual settings, few people.
    pub(crate) fn new(backend: Backend) -> Self {
        let census = Census { enrolled: 12, others: 6 };
        let (changes, clients) = (Table::new(), String::new());
        Self {
            backend,
            census,
            changes,
            clients,
            relayed: false,
            unread: false,
            small_disk: false,
            tls: false,
            proofs: false,
        }
    }

    /// Sets a key such as `sign_in.code_seconds`.
    pub(crate) fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        put(&mut self.changes, key, value.into());
        self
    }

    /// With one more relying party, whose registration has these members besides the usual ones.
    pub(crate) fn client(mut self, id: &str, members: &str) -> Self {
        self.clients += &client_file::client(id, members);
        self
    }

    /// With connections to the servers that can be cut.
    pub(crate) fn relayed(self) -> Self {
        Self { relayed: true, ..self }
    }

    /// With a log that goes into a pipe that nobody reads.
    pub(crate) fn unread(self) -> Self {
        Self { unread: true, ..self }
    }

    /// On a disk that can be filled.
    pub(crate) fn on_small_disk(self) -> Self {
        Self { small_disk: true, ..self }
    }

    /// Over https.
    pub(crate) fn over_tls(self) -> Self {
        Self { tls: true, ..self }.set("server.tls.self_signed", true)
    }

    /// Where people may sign in by a signature and by their face as well.
    pub(crate) fn with_proofs(self) -> Self {
        Self { proofs: true, ..self }
    }

    /// With this many people.
    pub(crate) fn people(self, enrolled: usize, others: usize) -> Self {
        Self { census: Census { enrolled, others }, ..self }
    }

    /// Starts it.
    pub(crate) async fn start(self) -> World {
        World::start(self).await
    }

    /// The configuration of a node at these ports, with the sandbox at `sandbox`.
    pub(crate) fn configuration(&self, place: &Place) -> Table {
        let mut table = Table::new();
        let mut set = |key: &str, value: Value| put(&mut table, key, value);
        set("environment", "sandbox".into());
        set("server.issuer", place.issuer.as_str().into());
        set("server.listen", format!("127.0.0.1:{}", place.port).into());
        set("server.operations_listen", format!("127.0.0.1:{}", place.operations).into());
        set("server.workers", 2.into());
        set("server.drain_seconds", 1.into());
        set("database.url", place.database.as_str().into());
        set("database.max_connections", 8.into());
        if let Some(redis) = &place.redis {
            set("redis.url", redis.as_str().into());
            // On a machine that runs all tests at once, a healthy Redis may have to wait for its turn.
            set("redis.timeout_ms", 1000.into());
        }
        set("keys.keyring", "keyring.toml".into());
        set("keys.rsa_bits", 2048.into());
        set("sms.gateways", Value::Array(vec!["eskiz".into(), "playmobile".into()]));
        set("sms.callback_base", place.issuer.as_str().into());
        set("sms.callback_secret", CALLBACK_SECRET.into());
        for (key, value) in ["email", "password", "from"].iter().zip(ESKIZ) {
            set(&format!("sms.eskiz.{key}"), value.into());
        }
        set("sms.eskiz.base_url", format!("{}/eskiz/api", place.sandbox).into());
        for (key, value) in ["login", "password", "originator"].iter().zip(PLAYMOBILE) {
            set(&format!("sms.playmobile.{key}"), value.into());
        }
        set("sms.playmobile.url", format!("{}/playmobile/broker-api/send", place.sandbox).into());
        let gateway = ["consumer_key", "consumer_secret", "username", "password"];
        for (key, value) in gateway.iter().zip(GATEWAY) {
            set(&format!("registries.gateway.{key}"), value.into());
        }
        set("registries.gateway.base_url", format!("{}/gateway", place.sandbox).into());
        set("registries.gateway.token_url", format!("{}/gateway/oauth2/token", place.sandbox).into());
        set("registries.gateway.sender_pinfl", "30101902040015".into());
        for register in [
            "personalisation",
            "interior",
            "tax",
            "employment",
            "civil_registry",
            "social",
            "disability",
            "biometrics",
        ] {
            set(&format!("registries.{register}.test_identifier"), "41405882050012".into());
        }
        set("registries.operators.test_identifier", "998007000001".into());
        set("registries.myid.client_id", MYID[0].into());
        set("registries.myid.client_secret", MYID[1].into());
        for register in ["biometrics", "operators", "billing", "eimzo", "myid"] {
            set(&format!("registries.{register}.base_url"), format!("{}/{register}", place.sandbox).into());
        }
        for register in ["biometrics", "operators", "billing"] {
            set(&format!("registries.{register}.token"), REGISTERS_TOKEN.into());
        }
        if self.proofs {
            let socket = format!("{}/service/cryptapi", place.sandbox.replacen("http", "ws", 1));
            set("eri.capiws", Value::Array(vec![socket.into()]));
            set("eri.api_keys", Value::Array(vec!["localhost".into(), "0".repeat(128).into()]));
            set("face.away_seconds", 600.into());
        }
        for limit in [
            "sends_per_number_10m",
            "sends_per_number_hour",
            "sends_per_number_day",
            "sends_per_address_5m",
            "sends_per_client_hour",
            "sends_per_country_hour",
        ] {
            set(&format!("limits.{limit}"), NO_LIMIT.into());
        }
        // Small caps are for strangers, too, and nothing is braked unless a test says so.
        set("limits.strangers_share_percent", 100.into());
        for codes in ["country_codes", "client_codes", "network_codes"] {
            set(&format!("limits.brake.{codes}"), NO_LIMIT.into());
        }
        for tries in ["country_tries", "network_tries", "address_tries"] {
            set(&format!("limits.password_brake.{tries}"), NO_LIMIT.into());
        }
        for codes in ["address_codes_10m", "number_codes_10m", "address_accounts_hour"] {
            set(&format!("limits.toll.{codes}"), NO_LIMIT.into());
        }
        // What a guess costs is no part of what tests find out.
        set("passwords.memory_kib", 64.into());
        set("registration.requests_per_minute", 1_000_000.into());
        set("registration.most_pending", 10_000.into());
        // What was added on a code alone counts at once, unless a test is about that.
        set("accounts.new_means_wait_hours", 0.into());
        set("ciba.open_per_person", 20.into());
        set("sandbox.people", "people.toml".into());
        set("sandbox.movable_clock", true.into());
        set("outbound.allow", Value::Array(vec!["127.0.0.1".into(), "localhost".into()]));
        set("security.contact", "mailto:security@yagona.example".into());
        set("log.format", "json".into());
        overlay(&mut table, &self.changes);
        table
    }
}

/// The secret part of the callback URL.
pub(crate) const CALLBACK_SECRET: &str = "it0callback0path0known0to0these0tests0only";

/// A node's addresses and stores.
#[derive(Clone)]
pub(crate) struct Place {
    pub issuer: String,
    pub port: u16,
    pub operations: u16,
    pub database: String,
    pub redis: Option<String>,
    pub sandbox: String,
}

fn put(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => drop(table.insert(key.to_owned(), value)),
        Some((section, rest)) => {
            let section = table.entry(section).or_insert_with(|| Table::new().into());
            put(section.as_table_mut().expect("a section"), rest, value);
        }
    }
}

fn overlay(table: &mut Table, over: &Table) {
    for (key, value) in over {
        match (table.get_mut(key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => overlay(below, above),
            _ => drop(table.insert(key.clone(), value.clone())),
        }
    }
}
