//! The real binary as a child process.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Mutex, PoisonError};

use super::reaper;
use super::wait::until;

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_yagona");

/// The first port that is given out; below the kernel's range of ephemeral ports.
const FIRST_PORT: u16 = 12_000;

/// How many blocks of ports there are, and how many ports each has.
const BLOCKS: (u16, u16) = (80, 100);

/// The blocks of ports that this run has to itself, and how many ports were given out.
struct Ports {
    blocks: Vec<(u16, File)>,
    given: usize,
}

/// A free port, given out once. Several runs on one machine share no block of ports: each holds a lock on the file of its
/// own until it ends.
pub(crate) fn free_port() -> u16 {
    static PORTS: Mutex<Ports> = Mutex::new(Ports { blocks: Vec::new(), given: 0 });
    let mut ports = PORTS.lock().unwrap_or_else(PoisonError::into_inner);
    let size = usize::from(BLOCKS.1);
    loop {
        if ports.given == ports.blocks.len() * size {
            let block = reserved(&ports.blocks).expect("a block of ports that no other run has");
            ports.blocks.push(block);
        }
        let (block, within) = (ports.given / size, u16::try_from(ports.given % size).expect("a port"));
        ports.given += 1;
        let port = FIRST_PORT + ports.blocks[block].0 * BLOCKS.1 + within;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A block that nobody has.
fn reserved(own: &[(u16, File)]) -> Option<(u16, File)> {
    // Runs in network namespaces of their own need no common folder.
    let folder = std::env::temp_dir();
    (0..BLOCKS.0).filter(|block| own.iter().all(|(taken, _)| taken != block)).find_map(|block| {
        let path = folder.join(format!("yagona-test-ports-{block}.lock"));
        let file = File::options().create(true).truncate(false).write(true).open(path).ok()?;
        file.try_lock().ok().map(|()| (block, file))
    })
}

/// `yagona …` in `folder`, without inherited environment variables.
pub(crate) fn yagona(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.current_dir(folder).args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("YAGONA__")) {
        command.env_remove(name);
    }
    command
}

/// Runs a command to its end.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    yagona(folder, arguments).output().expect("the binary under test")
}

/// Runs a command that must succeed, and gives what it wrote.
pub(crate) fn run_well(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let said = both_streams(&output);
    assert!(output.status.success(), "`yagona {}` failed:\n{said}", arguments.join(" "));
    said
}

/// Standard output, then standard error.
pub(crate) fn both_streams(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// A started provider.
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts `yagona …`, with its output in the file `log`.
    pub(crate) fn start(folder: &Path, arguments: &[&str], log: PathBuf) -> Self {
        Self::start_command(yagona(folder, arguments), log)
    }

    /// As `start`, of a command that was prepared.
    pub(crate) fn start_command(mut command: Command, log: PathBuf) -> Self {
        let out = File::options().create(true).append(true).open(&log).expect("a log");
        let err = out.try_clone().expect("a second handle");
        let child = command.stdout(out).stderr(err).spawn().expect("the binary under test");
        reaper::end_with_tests(child.id());
        Self { child, log }
    }

    /// As `start`, but [`Running::fill_disk`] ends no more than its writes: SIGXFSZ is ignored.
    pub(crate) fn start_on_small_disk(folder: &Path, arguments: &[&str], log: PathBuf) -> Self {
        let plain = yagona(folder, arguments);
        let mut command = Command::new("sh");
        command.args(["-c", r#"trap '' XFSZ; exec "$0" "$@""#, BINARY]).args(arguments).current_dir(folder);
        for (name, _) in plain.get_envs() {
            command.env_remove(name);
        }
        command.stdin(Stdio::null());
        Self::start_command(command, log)
    }

    /// Makes every write to a file fail, as on a full disk; or lets them succeed again.
    pub(crate) fn fill_disk(&self, full: bool) {
        let limit = if full { "--fsize=0:unlimited" } else { "--fsize=unlimited" };
        let status = Command::new("prlimit").args(["--pid", &self.child.id().to_string(), limit]).status();
        assert!(status.is_ok_and(|status| status.success()), "prlimit {limit}");
    }

    /// As `start`, but its output goes into pipes that nobody reads.
    pub(crate) fn start_unread(folder: &Path, arguments: &[&str], log: PathBuf) -> Self {
        let mut command = yagona(folder, arguments);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.expect("the binary under test");
        reaper::end_with_tests(child.id());
        Self { child, log }
    }

    /// Its output so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The end of its output.
    pub(crate) fn last_words(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// Waits until `url` answers 200.
    pub(crate) async fn until_ready(&mut self, url: &str) {
        let http = super::http::client();
        let answers = async |http: &reqwest::Client| match http.get(url).send().await {
            Ok(response) if response.status() == 200 => Some(()),
            _ => None,
        };
        for _ in 0..3000 {
            if answers(&http).await.is_some() {
                return;
            }
            if let Some(status) = self.child.try_wait().expect("its state") {
                panic!("the provider ended ({status}) before it was ready:\n{}", self.last_words());
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("the provider does not answer at {url}:\n{}", self.last_words());
    }

    /// Waits for it to exit.
    pub(crate) async fn end(&mut self) -> ExitStatus {
        until("the provider's end", async || self.child.try_wait().expect("its state")).await
    }

    /// Sends a signal such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "kill -{name}");
    }

    /// Kills it, like a crash.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        reaper::has_ended(self.child.id());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("the provider's last words:\n{}", self.last_words());
        }
    }
}
