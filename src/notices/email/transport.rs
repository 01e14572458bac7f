//! SMTP (RFC 5321), by lettre: one connection for each mail, encrypted as the settings say.

use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use secrecy::ExposeSecret as _;

use super::EmailAddress;
use super::settings::{EmailSettings, EmailTls};
use crate::platform::clock::Timestamp;
use crate::platform::files::read_text;

/// The largest file of certificates, in bytes.
const MOST_BYTES: u64 = 1024 * 1024;

/// Why a mail did not get to the server.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The server will not take this mail, now or later (5yz).
    #[error("the mail server refused it: {0}")]
    Refused(String),
    /// It may take it later: the server says so (4yz), cannot be reached or does not let this provider in.
    #[error("{0}")]
    Later(String),
}

/// A mail to be sent.
pub(super) struct Mail<'a> {
    /// Names it for ever: a mail that is sent twice has the same `Message-ID`, by which mailboxes show it once.
    pub(super) id: &'a str,
    pub(super) to: &'a EmailAddress,
    pub(super) subject: String,
    pub(super) body: String,
    /// When it was stored.
    pub(super) date: Timestamp,
}

/// The server, and how it is spoken to. Cheap to clone.
#[derive(Clone)]
pub struct Transport {
    smtp: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    host: String,
}

/// `Auto-Submitted: auto-generated` (RFC 3834 §5): no mailbox answers by itself.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl Transport {
    /// To the server of the settings; `host` is this provider's.
    ///
    /// # Errors
    /// Why it cannot be spoken to, for the operator.
    pub fn new(settings: &EmailSettings, host: &str) -> Result<Self, String> {
        let port = u16::try_from(settings.port).map_err(|error| error.to_string())?;
        let from = settings.from.parse().map_err(|error| format!("email.from: {error}"))?;
        let tls = match settings.tls {
            EmailTls::None => Tls::None,
            EmailTls::StartTls => Tls::Required(parameters(settings)?),
            EmailTls::Implicit => Tls::Wrapper(parameters(settings)?),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(settings.host.clone())
            .port(port)
            .tls(tls)
            .hello_name(ClientId::Domain(host.to_owned()))
            .timeout(Some(Duration::from_secs(settings.timeout_seconds.into())));
        if let (Some(login), Some(password)) = (&settings.login, &settings.password) {
            let password = password.expose_secret().to_owned();
            builder = builder.credentials(Credentials::new(login.clone(), password));
        }
        Ok(Self { smtp: builder.build(), from, host: host.to_owned() })
    }

    /// Hands a mail to the server.
    ///
    /// # Errors
    /// [`TransportError`]. Where the connection broke after the mail was said, the server may have it all the same.
    pub(super) async fn send(&self, mail: Mail<'_>) -> Result<(), TransportError> {
        let to: Mailbox =
            mail.to.as_str().parse().map_err(|_| TransportError::Refused("it is no address".to_owned()))?;
        let date =
            SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(mail.date.0).unwrap_or_default());
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(mail.subject)
            .date(date)
            .message_id(Some(format!("<{}@{}>", mail.id, self.host)))
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN)
            .body(mail.body)
            .map_err(|error| TransportError::Refused(error.to_string()))?;
        match self.smtp.send(message).await {
            Ok(_) => Ok(()),
            // 5yz to EHLO, STARTTLS or AUTH is about this provider and its settings (RFC 4954 §6): the mail waits.
            Err(error) => {
                let about_us = error.status().is_some_and(|code| is_about_us(u16::from(code)));
                let why = without_address(&error.to_string(), mail.to);
                Err(if error.is_permanent() && !about_us {
                    TransportError::Refused(why)
                } else {
                    TransportError::Later(why)
                })
            }
        }
    }
}

/// Replies by which a server refuses whoever speaks, and not what they say.
const fn is_about_us(code: u16) -> bool {
    matches!(code, 500..=504 | 521 | 530 | 534 | 535 | 538)
}

/// What a server said, without the address that it may repeat: it goes into the log.
fn without_address(said: &str, to: &EmailAddress) -> String {
    said.replace(to.as_str(), "…").chars().take(200).collect()
}

fn parameters(settings: &EmailSettings) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(settings.host.clone());
    if let Some(path) = &settings.authorities {
        let named = |error: &dyn std::fmt::Display| format!("email.authorities, {}: {error}", path.display());
        let pem = read_text(path, MOST_BYTES).map_err(|error| named(&error))?;
        let certificate = Certificate::from_pem(pem.as_bytes()).map_err(|error| named(&error))?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(certificate);
    }
    builder.build().map_err(|error| format!("email.tls: {error}"))
}
