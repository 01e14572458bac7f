//! SMTP (RFC 5321), by lettre: one connection for each mail, encrypted as the settings say. The whole exchange has its time: a server that
//! takes the connection and says nothing holds up no mail. What a server says of a mail counts as said of it only in answer to the
//! recipient and to the mail itself; whatever it says before is about this provider, its settings or the moment, and the mail waits.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use secrecy::ExposeSecret as _;
use tokio::time::timeout;

use super::EmailAddress;
use super::settings::{EmailSettings, EmailTls};
use crate::platform::clock::Timestamp;
use crate::platform::files::read_text;

/// The largest file of certificates, in bytes.
const MOST_BYTES: u64 = 1024 * 1024;

/// For how long a server that has the mail is waited for to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

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
    server: Arc<Server>,
    from: Mailbox,
    host: String,
    /// How long one exchange may take, from the connection on.
    within: Duration,
}

struct Server {
    host: String,
    port: u16,
    encrypted: Encrypted,
    login: Option<Credentials>,
    hello: ClientId,
}

/// How the connection is encrypted.
enum Encrypted {
    Not,
    StartTls(TlsParameters),
    FromTheFirstByte(TlsParameters),
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
        let login = settings.login.as_ref().zip(settings.password.as_ref());
        let server = Server {
            host: settings.host.clone(),
            port,
            encrypted: match settings.tls {
                EmailTls::None => Encrypted::Not,
                EmailTls::StartTls => Encrypted::StartTls(parameters(settings)?),
                EmailTls::Implicit => Encrypted::FromTheFirstByte(parameters(settings)?),
            },
            login: login
                .map(|(login, word)| Credentials::new(login.clone(), word.expose_secret().to_owned())),
            hello: ClientId::Domain(host.to_owned()),
        };
        let within = Duration::from_secs(settings.timeout_seconds.into());
        Ok(Self { server: Arc::new(server), from, host: host.to_owned(), within })
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
        let Ok(exchanged) = timeout(self.within, self.server.exchange(&message)).await else {
            let seconds = self.within.as_secs();
            return Err(TransportError::Later(format!("the mail server did not finish within {seconds} s")));
        };
        match exchanged {
            Ok(mut connection) => {
                // It has the mail, whatever becomes of the goodbye.
                let _ = timeout(GOODBYE, connection.abort()).await;
                Ok(())
            }
            Err(NotTaken { error, of_the_mail }) => {
                let about_us = error.status().is_some_and(|code| is_about_us(u16::from(code)));
                let why = without_address(&error.to_string(), mail.to);
                Err(if of_the_mail && error.is_permanent() && !about_us {
                    TransportError::Refused(why)
                } else {
                    TransportError::Later(why)
                })
            }
        }
    }
}

/// What a server said, or why it said nothing.
struct NotTaken {
    error: Error,
    /// Whether it was asked about the recipient or the mail, and not before.
    of_the_mail: bool,
}

impl Server {
    /// Says the mail, and gives the connection once the server has it.
    async fn exchange(&self, message: &Message) -> Result<AsyncSmtpConnection, NotTaken> {
        let before = |error| NotTaken { error, of_the_mail: false };
        let of_it = |error| NotTaken { error, of_the_mail: true };
        let envelope = message.envelope();
        let mut connection = self.connected().await.map_err(before)?;
        // A sender that the server does not let in is the setting's fault.
        connection.command(MailFrom::new(envelope.from().cloned(), Vec::new())).await.map_err(before)?;
        for to in envelope.to() {
            connection.command(Rcpt::new(to.clone(), Vec::new())).await.map_err(of_it)?;
        }
        connection.command(Data).await.map_err(of_it)?;
        connection.message(&message.formatted()).await.map_err(of_it)?;
        Ok(connection)
    }

    /// A connection that is encrypted and logged in as the settings say.
    async fn connected(&self) -> Result<AsyncSmtpConnection, Error> {
        let from_the_first_byte = match &self.encrypted {
            Encrypted::FromTheFirstByte(parameters) => Some(parameters.clone()),
            Encrypted::Not | Encrypted::StartTls(_) => None,
        };
        let server = (self.host.as_str(), self.port);
        let connecting =
            AsyncSmtpConnection::connect_tokio1(server, None, &self.hello, from_the_first_byte, None);
        let mut connection = connecting.await?;
        if let Encrypted::StartTls(parameters) = &self.encrypted {
            connection.starttls(parameters.clone(), &self.hello).await?;
        }
        if let Some(login) = &self.login {
            connection.auth(DEFAULT_MECHANISMS, login).await?;
        }
        Ok(connection)
    }
}

/// Replies by which a server refuses whoever speaks, and not what they say (RFC 5321 §4.2.2, RFC 4954 §6).
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that answers each line with the next of `replies`, and nothing once they are used up; the first is its greeting.
    async fn server(replies: &'static [&'static str]) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    let (mut line, mut said) = (String::new(), replies.iter());
                    let mut in_mail = false;
                    loop {
                        if !in_mail && let Some(reply) = said.next() {
                            let _ = stream.get_mut().write_all(format!("{reply}\r\n").as_bytes()).await;
                            in_mail = reply.starts_with("354");
                        }
                        line.clear();
                        if !matches!(stream.read_line(&mut line).await, Ok(1..)) {
                            return;
                        }
                        in_mail &= line != ".\r\n";
                    }
                });
            }
        });
        port
    }

    async fn sent(replies: &'static [&'static str], within: Duration) -> Result<(), TransportError> {
        let settings = EmailSettings {
            host: "127.0.0.1".to_owned(),
            port: server(replies).await.into(),
            tls: EmailTls::None,
            authorities: None,
            login: None,
            password: None,
            from: "noreply@id.example.uz".to_owned(),
            timeout_seconds: 20,
            confirmations_per_day: 5,
        };
        let transport = Transport { within, ..Transport::new(&settings, "id.example.uz").unwrap() };
        let to = EmailAddress::parse("aziza@example.uz").unwrap();
        let (subject, body) = ("Yagona".to_owned(), "Salom".to_owned());
        transport.send(Mail { id: "x", to: &to, subject, body, date: Timestamp(1_795_244_400) }).await
    }

    const LONG: Duration = Duration::from_secs(20);

    #[actix_web::test]
    async fn a_server_that_says_nothing_any_more_holds_up_no_mail() {
        // Wherever it falls silent: after the connection, the greeting, the sender, the mail.
        for replies in
            [&[][..], &["220 hi"], &["220 hi", "250 hi", "250 ok"], &["220", "250", "250", "250", "354"]]
        {
            let error = sent(replies, Duration::from_millis(50)).await.unwrap_err();
            assert!(matches!(error, TransportError::Later(_)), "{replies:?}: {error}");
        }
    }

    #[actix_web::test]
    async fn only_what_is_said_of_the_recipient_and_the_mail_refuses_it() {
        let later: [&[&str]; 4] = [
            &["554 no service here"],
            &["220 hi", "554 not for you"],
            &["220 hi", "250 hi", "550 not from this address"],
            &["220 hi", "250 hi", "250 ok", "535 log in first"],
        ];
        for replies in later {
            let error = sent(replies, LONG).await.unwrap_err();
            assert!(matches!(error, TransportError::Later(_)), "{replies:?}: {error}");
        }
        let refused: [&[&str]; 3] = [
            &["220 hi", "250 hi", "250 ok", "550 nobody here"],
            &["220 hi", "250 hi", "250 ok", "250 ok", "554 no"],
            &["220 hi", "250 hi", "250 ok", "250 ok", "354 go on", "554 it looks like spam"],
        ];
        for replies in refused {
            let error = sent(replies, LONG).await.unwrap_err();
            assert!(matches!(error, TransportError::Refused(_)), "{replies:?}: {error}");
        }
        let taken = &["220 hi", "250 hi", "250 ok", "250 ok", "354 go on", "250 taken", "221 bye"];
        sent(taken, LONG).await.unwrap();
    }
}
