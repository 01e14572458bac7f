//! A real mail server, `tests/smtp/server.py`, for providers that send mails.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use super::Setup;
use super::folder::Folder;
use super::process::free_port;
use super::reaper;
use super::wait::until;

/// Debian's own Python, whose packages `scripts/test` installs.
const PYTHON: &str = "/usr/bin/python3";

/// A started server.
pub(crate) struct MailServer {
    folder: Folder,
    child: Child,
    port: u16,
    mode: &'static str,
    /// Mails that a test has seen.
    seen: AtomicUsize,
}

impl MailServer {
    /// Starts one that takes mails by `starttls` or by `implicit` TLS.
    pub(crate) async fn start(mode: &'static str) -> Self {
        let (folder, port) = (Folder::new(), free_port());
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        std::fs::write(folder.file("cert.pem"), made.cert.pem()).expect("a file");
        std::fs::write(folder.file("key.pem"), made.signing_key.serialize_pem()).expect("a file");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/smtp/server.py");
        let child = Command::new(PYTHON)
            .arg(script)
            .arg(folder.path())
            .args([&port.to_string(), mode])
            .stdin(Stdio::null())
            .spawn()
            .expect("Python with aiosmtpd: run the tests with `scripts/test`");
        reaper::end_with_tests(child.id());
        let ready = folder.file("ready");
        until("the mail server", async || ready.exists().then_some(())).await;
        Self { folder, child, port, mode, seen: AtomicUsize::new(0) }
    }

    /// A provider that sends its mails there.
    pub(crate) fn serves(&self, setup: Setup) -> Setup {
        setup
            .set("email.host", "localhost")
            .set("email.port", i64::from(self.port))
            .set("email.tls", self.mode)
            .set("email.authorities", self.folder.file("cert.pem").display().to_string())
            .set("email.login", "yagona")
            .set("email.password", "it-mail-password")
            .set("email.from", "noreply@yagona.example")
    }

    /// How it takes the next mails.
    pub(crate) fn behaves(&self, how: &str) {
        let (part, whole) = (self.folder.file("behaviour.part"), self.folder.file("behaviour"));
        std::fs::write(&part, how).and_then(|()| std::fs::rename(part, whole)).expect("a file");
    }

    /// The next mail that no test has seen.
    pub(crate) async fn next(&self) -> Value {
        let file = self.folder.file(&format!("{}.json", self.seen.fetch_add(1, Ordering::Relaxed) + 1));
        let text = until("a mail", async || std::fs::read_to_string(&file).ok()).await;
        serde_json::from_str(&text).expect("JSON")
    }

    /// Fails if a mail arrived that no test expects.
    pub(crate) fn nothing_came(&self) {
        let file = self.folder.file(&format!("{}.json", self.seen.load(Ordering::Relaxed) + 1));
        assert!(!file.exists(), "{}", std::fs::read_to_string(file).unwrap_or_default());
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        reaper::has_ended(self.child.id());
    }
}

/// The link in a mail: the one line that is one, and has a secret.
pub(crate) fn link_in(mail: &Value) -> String {
    let text = mail["text"].as_str().expect("a text");
    let link = text.lines().find(|line| line.starts_with("http") && line.contains("?t="));
    link.unwrap_or_else(|| panic!("no link in {text}")).to_owned()
}
