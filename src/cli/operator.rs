//! Commands leave a trace: what acts is recorded before it acts, and does not act if it cannot be recorded.

use crate::app::{StartError, Stores};
use crate::audit::{Event, Kind};

/// Runs `act` as the command `name`, recorded before and after. `about` says what it is about.
///
/// # Errors
/// That of `act`; or that it was not recorded, and then nothing was done.
pub(super) async fn recorded<'a, T>(
    stores: &Stores,
    name: &'static str,
    about: impl FnOnce(Event<'a>) -> Event<'a>,
    act: impl Future<Output = Result<T, StartError>>,
) -> Result<T, StartError> {
    let begun = about(Event::new(Kind::CommandBegun).command(name).operator(user()));
    stores.audit.begin_command(begun).await.map_err(|error| {
        StartError(format!(
            "nothing was done, because it could not be recorded in the audit log: {error}; `yagona migrate` may be due"
        ))
    })?;
    let done = act.await;
    match stores.audit.end_command(name, done.is_ok()).await {
        Ok(()) => done,
        Err(error) => {
            let how = done.err().map_or_else(|| "it was done".to_owned(), |StartError(why)| why);
            Err(StartError(format!("{how}; its end could not be recorded in the audit log: {error}")))
        }
    }
}

/// The user who runs this process, by number and name; with `sudo`, also who used it.
fn user() -> String {
    let mut user = uid().map_or_else(|| variable("USER"), named);
    let sudo = variable("SUDO_USER");
    if !sudo.is_empty() {
        user.push_str(&format!(" by sudo of {sudo}"));
    }
    user
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default().chars().filter(char::is_ascii_graphic).take(64).collect()
}

/// The number of the user, from the owner of this process's entry in `/proc`.
fn uid() -> Option<u32> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        std::fs::metadata("/proc/self").ok().map(|own| own.uid())
    }
    #[cfg(not(unix))]
    None
}

fn named(uid: u32) -> String {
    let all = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let of = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    };
    match all.lines().find_map(of) {
        Some(name) => format!("{name} ({uid})"),
        None => format!("({uid})"),
    }
}
