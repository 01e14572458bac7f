//! Reading files that somebody names, of a bounded size.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// The text of a file of at most `most` bytes.
///
/// # Errors
/// If it is larger, such as a device without an end, unreadable, or not UTF-8.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(most + 1).read_to_string(&mut text)?;
    if text.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {most} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read_text(&path, 5).unwrap(), "12345");
        assert!(read_text(&path, 4).unwrap_err().to_string().contains("larger than 4 bytes"));
        let endless = read_text(Path::new("/dev/zero"), 1000).unwrap_err();
        assert!(endless.to_string().contains("larger than 1000 bytes"));
    }
}
