//! The provider under measurement: one started here in a folder of its own, or one that runs already.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::time::Instant;

use crate::configuration::{self, Conditions, Plan};
use crate::flags::Flags;
use crate::flows::DISCOVERY;
use crate::http::{Connection, Target};
use crate::proofs::SIGNER;
use crate::{people, process};

/// The binary that cargo built together with this program.
const BINARY: &str = env!("CARGO_BIN_EXE_yagona");
/// How long a provider may take to answer for the first time: it enrols the people before.
const PATIENCE: Duration = Duration::from_secs(120);

/// A provider that answers.
pub(crate) struct Server {
    pub base: String,
    pub operations: Option<String>,
    pub pid: Option<u32>,
    /// From start to the first answer, for one started here, in milliseconds.
    pub cold_start: Option<f64>,
    own: Option<Own>,
}

/// What is on in a provider started here, and where it runs.
pub(crate) struct Setting {
    pub conditions: Conditions,
    /// The file system of its log, and of its database if that is a file.
    pub file_system: String,
    pub binary: String,
}

/// What must be ended and removed.
struct Own {
    child: Child,
    folder: PathBuf,
    keep: bool,
    setting: Setting,
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

    /// Starts a provider with the load's people and clients, sending its messages to `gateway`. After the enrolled people
    /// come `blocked` ones.
    ///
    /// # Errors
    /// With the provider's own words when it refuses to start.
    pub(crate) async fn start(flags: &Flags, gateway: SocketAddr, blocked: usize) -> Result<Self, String> {
        let port = free_port().map_err(|error| format!("no port is free: {error}"))?;
        let folder = std::env::temp_dir().join(format!("yagona-load-{}-{port}", std::process::id()));
        let io = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(&folder).map_err(io)?;
        let operations_port = free_port().map_err(io)?;
        let binary =
            flags.binary.as_ref().map_or_else(|| BINARY.to_owned(), |path| path.display().to_string());
        let base = format!("http://localhost:{port}");
        let operations = format!("http://127.0.0.1:{operations_port}");
        let config = folder.join("yagona.toml");
        let clients = folder.join("clients.toml");
        let conditions = configure(flags, &folder, &config, ((port, operations_port), gateway))?;
        let enrolled = flags.people.saturating_sub(blocked);
        people::write(&folder, people::FIRST_NUMBER, enrolled, blocked).map_err(io)?;
        migrate(&binary, &config)?;
        prepare(&binary, &["client", "import", &clients.display().to_string()], &config)?;
        let later = folder.join("later_clients.toml");
        fs::write(&later, people::later_clients_file(&SIGNER.jwk())).map_err(io)?;
        // Versions that do not understand them have nothing to measure there.
        if let Err(said) = prepare(&binary, &["client", "import", &later.display().to_string()], &config) {
            eprintln!("load: clients with keys, pushed requests and devices are left out: {said}");
        }

        let log = fs::File::create(folder.join("yagona.log")).map_err(io)?;
        let errors = log.try_clone().map_err(io)?;
        let begun = Instant::now();
        let child = process::pinned(&binary, flags.server_core)
            .args(["serve", "-c"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(|error| format!("{binary}: {error}"))?;
        let file_system =
            process::file_system(&folder).unwrap_or_else(|| "an unknown file system".to_owned());
        let setting = Setting { conditions, file_system, binary };
        let mut own = Own { child, folder: folder.clone(), keep: flags.keep, setting };
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

    /// What is on in it, if it was started here.
    pub(crate) fn setting(&self) -> Option<&Setting> {
        self.own.as_ref().map(|own| &own.setting)
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

/// Writes the provider's configuration.
fn configure(
    flags: &Flags,
    folder: &Path,
    file: &Path,
    ((port, operations_port), gateway): ((u16, u16), SocketAddr),
) -> Result<Conditions, String> {
    let named = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let over = match &flags.config {
        Some(path) => Some(fs::read_to_string(path).map_err(|error| named(path, error))?),
        None => None,
    };
    let plan = Plan {
        folder,
        port,
        operations_port,
        gateway,
        workers: flags.workers,
        // Where numbers are told apart, nobody has a code of their own: making one is work, too.
        people: if flags.tell_apart.is_some() { 0 } else { flags.people },
        code: &flags.code,
        database_url: flags.database_url.as_deref(),
        redis_url: flags.redis_url.as_deref(),
        over: over.as_deref(),
    };
    let table = plan.configuration()?;
    fs::write(file, table.to_string()).map_err(|error| named(file, error))?;
    Ok(Conditions::of(&table))
}

/// Makes the schema; keys of the configuration that an older version does not know are left out.
fn migrate(binary: &str, config: &Path) -> Result<(), String> {
    let Err(said) = prepare(binary, &["migrate"], config) else { return Ok(()) };
    let unknown = configuration::unknown_keys(&said);
    if unknown.is_empty() {
        return Err(said);
    }
    let named = |error: std::io::Error| format!("{}: {error}", config.display());
    let text = fs::read_to_string(config).map_err(named)?;
    let mut table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    unknown.iter().for_each(|key| configuration::remove(&mut table, key));
    fs::write(config, table.to_string()).map_err(named)?;
    println!("{binary} does not know {}: left out", unknown.join(", "));
    prepare(binary, &["migrate"], config)
}

/// Runs a command of the provider to its end.
fn prepare(binary: &str, arguments: &[&str], config: &Path) -> Result<(), String> {
    let done = Command::new(binary)
        .args(arguments)
        .arg("-c")
        .arg(config)
        .output()
        .map_err(|error| format!("{binary}: {error}"))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(format!("`yagona {}` failed:\n{}", arguments.join(" "), said.trim()))
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
