use std::fs::{self, File};
use std::path::Path;

use super::Problems;

/// Reports a file that is not there, is not a file, or cannot be opened by this process.
pub(super) fn readable(key: &str, path: &Path, problems: &mut Problems) {
    let shown = path.display();
    match File::open(path).and_then(|file| file.metadata()) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => problems.report(key, format!("names {shown}, which is not a file"), "name a file"),
        Err(error) => {
            let wrong = format!("names {shown}, which cannot be opened: {error}");
            problems.report(key, wrong, "create the file, or correct the path or its permissions");
        }
    }
}

/// Whether any of the permission bits in `mask` is set on an existing file.
#[cfg(unix)]
pub(super) fn shared(path: &Path, mask: u32) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & mask != 0)
}

/// Where there are no permission bits there is nothing to hold against a file.
#[cfg(not(unix))]
pub(super) fn shared(_path: &Path, _mask: u32) -> bool {
    false
}
