use std::path::PathBuf;

use secrecy::SecretString;

use super::EmailAddress;
use crate::platform::config::{Loader, choices, settings};

settings! {
    /// Mails that warn people of somebody else at work. Without this section none is sent, and no page asks for an address.
    [email]
    pub struct EmailSettings {
        /// Host name of the SMTP server that takes the mails, as its certificate has it.
        host: String;
        /// Its port: 587 for STARTTLS, 465 for TLS from the first byte.
        port: u32 = 587, count(1..=65_535, "");
        /// How the connection is encrypted. `none` only in a sandbox.
        tls: EmailTls = "starttls";
        /// File with the certificates, in PEM, of the authorities that vouch for the server.
        authorities: Option<PathBuf>, otherwise("those of the operating system");
        /// Login at the server.
        login: Option<String>, otherwise("none: the server takes mails without one");
        /// Password of that login.
        password: Option<SecretString>, otherwise("none");
        /// Address that mails come from. Its domain's SPF, DKIM and DMARC records must let the server send for it.
        from: String;
        /// How long one exchange with the server may take.
        timeout_seconds: u32 = 20, count(1..=120, "seconds");
        /// Links to confirm an address that one person may ask for in a day: each is a mail to an address that nobody has vouched for.
        confirmations_per_day: u32 = 5, count(1..=100, "mails");
    }
}

choices! {
    /// How the connection to the SMTP server is encrypted.
    pub enum EmailTls {
        /// It begins in the clear and must be encrypted before anything is said (RFC 3207); a server that cannot gets no mail.
        StartTls = "starttls",
        /// TLS from the first byte (RFC 8314 §3.3).
        Implicit = "implicit",
        /// Not at all.
        None = "none",
    }
}

impl EmailSettings {
    pub(crate) fn check(&self, loader: &mut Loader) {
        if loader.production && self.tls == EmailTls::None {
            let wrong = "sends mails and the password in the clear";
            loader.report("email.tls", wrong, "use \"starttls\" or \"implicit\"");
        }
        if self.login.is_some() != self.password.is_some() {
            let wrong = "is set without the other: a login needs a password";
            loader.report("email.login", wrong, "set email.login and email.password, or neither");
        }
        if !loader.concern("email.from") && EmailAddress::parse(&self.from).is_none() {
            loader.report("email.from", "is no e-mail address", "write it as in noreply@id.example.uz");
        }
        if !loader.concern("email.host") && self.host.trim().is_empty() {
            loader.report("email.host", "is empty", "name the SMTP server");
        }
        if let Some(path) = &self.authorities {
            loader.readable("email.authorities", path);
        }
    }
}
