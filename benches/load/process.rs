//! What the operating system knows of the server's process (Linux), and which core this one runs on.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Clock ticks per second of `/proc/*/stat`: a constant of Linux's interface to user space.
const TICKS_PER_SECOND: f64 = 100.0;

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    /// Time on a processor in user and kernel mode, all threads, in seconds; known to 10 ms.
    pub cpu_seconds: f64,
    /// Resident memory now, in MiB.
    pub resident: f64,
    /// The most it ever was, in MiB.
    pub peak: f64,
}

/// Reads what process `pid` has used; `None` when it is gone.
pub(crate) fn usage(pid: u32) -> Option<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let mebibytes = |name| field(&status, name).map(|kibibytes| kibibytes / 1024.0);
    Some(Usage {
        cpu_seconds: cpu_seconds(&stat)?,
        resident: mebibytes("VmRSS:")?,
        peak: mebibytes("VmHWM:")?,
    })
}

/// The process that listens on a TCP port of this machine.
pub(crate) fn listening_on(port: u16) -> Option<u32> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| table.lines().filter_map(|line| listener(line, port)).collect::<Vec<_>>())
        .collect();
    let pids =
        fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.into_iter().find(|pid: &u32| {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        files
            .filter_map(|file| fs::read_link(file.path()).ok())
            .any(|link| inodes.iter().any(|inode| link.as_os_str() == inode.as_str()))
    })
}

/// The kind of file system that holds an absolute path, as the system names it.
pub(crate) fn file_system(path: &Path) -> Option<String> {
    holder(&fs::read_to_string("/proc/self/mounts").ok()?, path)
}

/// The mount point nearest to `path`; of several at one place, the last is seen.
fn holder(mounts: &str, path: &Path) -> Option<String> {
    let all = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (place, kind) = (fields.next()?, fields.next()?);
        path.starts_with(place).then_some((place.len(), kind))
    });
    all.max_by_key(|(length, _)| *length).map(|(_, kind)| kind.to_owned())
}

/// Binds this process to a core, where the machine has `taskset` and that core.
pub(crate) fn pin_self(core: usize) {
    let own = std::process::id().to_string();
    let _ = Command::new("taskset")
        .args(["-a", "-c", "-p", &core.to_string(), &own])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

/// A command that runs on a core, where the machine has `taskset` and that core.
pub(crate) fn pinned(program: &str, core: usize) -> Command {
    let works = Command::new("taskset")
        .args(["-c", &core.to_string(), "true"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !works {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string(), program]);
    command
}

/// The process's name may hold spaces and brackets, so fields are counted from its end.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / TICKS_PER_SECOND)
}

fn field(status: &str, name: &str) -> Option<f64> {
    status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
}

/// The socket of a line of `/proc/net/tcp` that listens on `port`, as links to open files name it.
fn listener(line: &str, port: u16) -> Option<String> {
    let mut fields = line.split_whitespace().skip(1);
    let local = u16::from_str_radix(fields.next()?.rsplit_once(':')?.1, 16).ok()?;
    let listens = fields.nth(1)? == "0A";
    fields.nth(5).filter(|_| listens && local == port).map(|inode| format!("socket:[{inode}]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "42 (a) b (x)) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 1 0 999";
        assert_eq!(cpu_seconds(stat), Some(2.0));
        assert_eq!(field("VmHWM:\t  2048 kB\nVmRSS:\t 1024 kB\n", "VmRSS:"), Some(1024.0));
    }

    #[test]
    fn a_path_is_held_by_the_nearest_mount() {
        let mounts = "/dev/a / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\ntmpfs /tm ramfs rw 0 0\n";
        let of = |path| holder(mounts, Path::new(path));
        assert_eq!(of("/tmp/load").as_deref(), Some("tmpfs"));
        assert_eq!(of("/tmpo/load").as_deref(), Some("ext4"));
    }

    #[test]
    fn only_the_listener_on_the_port_is_taken() {
        let line =
            "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000  0 5555 1 0";
        assert_eq!(listener(line, 8080).as_deref(), Some("socket:[5555]"));
        assert_eq!(listener(line, 8081), None);
        assert_eq!(listener(&line.replace(" 0A ", " 01 "), 8080), None);
    }

    #[test]
    fn this_process_is_found_by_its_port_and_has_memory() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let found = listening_on(socket.local_addr().unwrap().port());
        assert_eq!(found, Some(std::process::id()));
        assert!(usage(std::process::id()).unwrap().resident > 0.5);
    }
}
