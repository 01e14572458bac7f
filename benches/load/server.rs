//! The provider under measurement: one started here in a folder of its own, or one that runs already.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::time::Instant;

use crate::flags::Flags;
use crate::flows::DISCOVERY;
use crate::http::{Connection, Target};
use crate::{people, process};

/// The binary that cargo built together with this program.
const BINARY: &str = env!("CARGO_BIN_EXE_yagona");
/// How long a provider may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(30);

/// More than any measurement reaches.
const LIMIT: i64 = 1_000_000_000;

/// A provider that answers.
pub(crate) struct Server {
    pub base: String,
    pub operations: Option<String>,
    pub pid: Option<u32>,
    /// From start to the first answer, for one started here, in milliseconds.
    pub cold_start: Option<f64>,
    own: Option<Own>,
}

/// What must be ended and removed.
struct Own {
    child: Child,
    folder: PathBuf,
    keep: bool,
}

impl Server {
    /// The provider that `flags` name.
    ///
    /// # Errors
    /// When its URL is unusable.
    pub(crate) fn running(flags: &Flags, base: &str) -> Result<Self, String> {
        let target = Target::parse(base)?;
        let pid = flags.pid.or_else(|| process::listening_on(target.address.port()));
        let (base, operations) = (base.trim_end_matches('/').to_owned(), flags.operations.clone());
        Ok(Self { base, operations, pid, cold_start: None, own: None })
    }

    /// Starts a provider with the load's people and clients, sending its messages to `gateway`.
    ///
    /// # Errors
    /// With the provider's own words when it refuses to start.
    pub(crate) async fn start(flags: &Flags, gateway: SocketAddr) -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("yagona-load-{}", std::process::id()));
        let io = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(&folder).map_err(io)?;
        let (port, operations_port) = (free_port().map_err(io)?, free_port().map_err(io)?);
        let base = format!("http://localhost:{port}");
        let operations = format!("http://127.0.0.1:{operations_port}");
        let config = folder.join("yagona.toml");
        let clients = folder.join("clients.toml");
        fs::write(&config, configuration(flags, &folder, (port, operations_port), gateway)?).map_err(io)?;
        people::write(&folder, people::FIRST_NUMBER, flags.users).map_err(io)?;
        prepare(&["migrate"], &config)?;
        prepare(&["client", "import", &clients.display().to_string()], &config)?;

        let log = fs::File::create(folder.join("yagona.log")).map_err(io)?;
        let errors = log.try_clone().map_err(io)?;
        let begun = Instant::now();
        let child = process::pinned(BINARY, flags.server_core)
            .args(["serve", "-c"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(|error| format!("{BINARY}: {error}"))?;
        let mut own = Own { child, folder: folder.clone(), keep: flags.keep };
        own.answers(&base, begun).await?;
        let cold_start = Some(begun.elapsed().as_secs_f64() * 1000.0);
        // `taskset` becomes the program it starts, so the child is the provider itself.
        let pid = Some(own.child.id());
        Ok(Self { base, operations: Some(operations), pid, cold_start, own: Some(own) })
    }

    /// Whether this provider was started here.
    pub(crate) fn is_own(&self) -> bool {
        self.own.is_some()
    }
}

impl Own {
    async fn answers(&mut self, base: &str, begun: Instant) -> Result<(), String> {
        let target = Target::parse(base)?;
        let request = format!("GET {DISCOVERY} HTTP/1.1\r\nHost: {}\r\n\r\n", target.host);
        loop {
            let mut connection = Connection::new(target.address);
            if connection.exchange(request.as_bytes()).await.is_ok() && connection.status() == 200 {
                return Ok(());
            }
            let ended = self.child.try_wait().ok().flatten();
            if ended.is_some() || begun.elapsed() > PATIENCE {
                let log = fs::read_to_string(self.folder.join("yagona.log")).unwrap_or_default();
                let said: Vec<_> = log.lines().rev().take(20).collect();
                let said: Vec<_> = said.into_iter().rev().collect();
                let state = ended.map_or("does not answer".to_owned(), |status| format!("ended ({status})"));
                return Err(format!("the provider {state}; it said:\n{}", said.join("\n")));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = Command::new("kill").args(["-TERM", &pid]).status();
        }
        for _ in 0..100 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        if self.keep {
            eprintln!("load: the provider's folder is {}", self.folder.display());
        } else {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Runs a command of the provider to its end.
fn prepare(arguments: &[&str], config: &Path) -> Result<(), String> {
    let done = Command::new(BINARY)
        .args(arguments)
        .arg("-c")
        .arg(config)
        .output()
        .map_err(|error| format!("{BINARY}: {error}"))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(format!("`yagona {}` failed:\n{}", arguments.join(" "), said.trim()))
}

/// The provider's configuration: embedded stores unless others are named, limits out of the way, one constant code.
fn configuration(
    flags: &Flags,
    folder: &Path,
    (port, operations): (u16, u16),
    gateway: SocketAddr,
) -> Result<String, String> {
    let place = |name: &str| folder.join(name).display().to_string();
    let text = format!(
        r#"environment = "sandbox"
[server]
issuer = "http://localhost:{port}"
listen = "127.0.0.1:{port}"
operations_listen = "127.0.0.1:{operations}"
workers = {workers}
drain_seconds = 1
[keys]
rsa_bits = 2048
[sms]
gateways = ["eskiz"]
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
[sandbox]
relaxed_limits = true
[log]
format = "json"
level = "warn"
"#,
        workers = flags.workers,
    );
    let unreadable = |error: toml::de::Error| error.to_string();
    let mut table: toml::Table = text.parse().map_err(unreadable)?;
    let database = flags.database_url.clone().unwrap_or_else(|| format!("sqlite:{}", place("yagona.db")));
    let codes: toml::Table = (0..flags.users)
        .map(|index| (people::number(people::FIRST_NUMBER, index), flags.code.clone().into()))
        .collect();
    let mut set = |section: &str, key: &str, value: toml::Value| {
        overlay(
            &mut table,
            toml::Table::from_iter([(
                section.to_owned(),
                toml::Table::from_iter([(key.to_owned(), value)]).into(),
            )]),
        );
    };
    set("database", "url", database.into());
    set("keys", "keyring", place("keyring.toml").into());
    set("sandbox", "people", place("people.toml").into());
    set("sandbox", "constant_codes", codes.into());
    if let Some(redis) = &flags.redis_url {
        set("redis", "url", redis.clone().into());
    }
    if let Some(path) = &flags.config {
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        overlay(&mut table, text.parse().map_err(unreadable)?);
    }
    Ok(table.to_string())
}

/// Lays `over` on top of `table`, section by section.
fn overlay(table: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (table.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => overlay(below, above),
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
