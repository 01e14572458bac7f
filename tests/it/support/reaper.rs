//! Ends started processes when the tests end, however they end. Statics are never dropped and a signal drops nothing,
//! so a small shell waits for this process's end of a pipe to close.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{LazyLock, Mutex};

const SCRIPT: &str = r#"
pids= folders=
while read -r what value; do
  case $what in
    started) pids="$pids $value" ;;
    ended) pids=$(printf ' %s' $pids | sed "s/ $value\b//") ;;
    folder) folders="$folders $value" ;;
  esac
done
[ -z "$pids" ] || kill -KILL $pids 2>/dev/null
[ -z "$folders" ] || rm -rf $folders
"#;

static PIPE: LazyLock<Mutex<ChildStdin>> = LazyLock::new(|| Mutex::new(start()));

#[expect(clippy::zombie_processes, reason = "it outlives this process, whose end it waits for")]
fn start() -> ChildStdin {
    let mut shell = Command::new("sh")
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // A signal to the tests' group must not reach it.
        .process_group(0)
        .spawn()
        .expect("a shell");
    shell.stdin.take().expect("its input")
}

fn tell(what: &str, value: &str) {
    let mut pipe = PIPE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    writeln!(pipe, "{what} {value}").expect("the shell that cleans up");
}

/// The process must not outlive the tests.
pub(crate) fn end_with_tests(pid: u32) {
    tell("started", &pid.to_string());
}

/// The process leads a group, of which none must outlive the tests.
pub(crate) fn end_group_with_tests(leader: u32) {
    tell("started", &format!("-{leader}"));
}

/// The group has ended.
pub(crate) fn group_has_ended(leader: u32) {
    tell("ended", &format!("-{leader}"));
}

/// The process has ended by itself.
pub(crate) fn has_ended(pid: u32) {
    tell("ended", &pid.to_string());
}

/// The folder is to be removed at the end.
pub(crate) fn remove_at_end(folder: &Path) {
    tell("folder", &folder.display().to_string());
}
