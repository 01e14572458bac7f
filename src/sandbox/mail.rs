//! A mailbox for everybody: a small SMTP server (RFC 5321) that takes every mail and shows it, without TLS and without a login.

use std::collections::VecDeque;
use std::io;
use std::net::TcpListener as Listening;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, ServiceConfig};
use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::Sandbox;
use super::pages::page;

/// Number of mails that are kept.
const KEPT: usize = 500;

/// The longest mail, in bytes.
const LONGEST: usize = 1 << 20;

/// How long a client may say nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// A mail that arrived.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Mail {
    from: String,
    to: Vec<String>,
    subject: String,
    text: String,
}

/// What arrived, the newest last.
#[derive(Default)]
pub(super) struct Mailbox(VecDeque<Mail>);

impl Mailbox {
    fn put(&mut self, mail: Mail) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(mail);
    }
}

/// `/mail` and `/mails`.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/mail").route(web::get().to(show)))
        .service(web::resource("/mails").route(web::get().to(list)));
}

/// Takes mails at `listener` until the process ends.
///
/// # Errors
/// If the listener cannot be used.
pub(super) fn listen(listener: Listening, sandbox: Data<Sandbox>) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    actix_web::rt::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let sandbox = sandbox.clone();
            actix_web::rt::spawn(async move {
                if let Err(error) = take(stream, &sandbox).await {
                    tracing::debug!(%error, "a mail client left");
                }
            });
        }
    });
    Ok(())
}

async fn take(stream: TcpStream, sandbox: &Sandbox) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 sandbox ESMTP\r\n").await?;
    let (mut from, mut to) = (String::new(), Vec::new());
    loop {
        let Some(line) = line(&mut stream).await? else { return Ok(()) };
        let said = String::from_utf8_lossy(&line).trim_end().to_owned();
        let command = said.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let answer = match command.as_str() {
            "EHLO" => "250-sandbox\r\n250-8BITMIME\r\n250 SIZE 1048576\r\n",
            "HELO" | "NOOP" => "250 sandbox\r\n",
            "MAIL" => {
                from = address(&said);
                "250 OK\r\n"
            }
            "RCPT" => {
                to.push(address(&said));
                "250 OK\r\n"
            }
            "RSET" => {
                to.clear();
                "250 OK\r\n"
            }
            "DATA" if to.is_empty() => "503 no recipient\r\n",
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                let Some(content) = content(&mut stream).await? else { return Ok(()) };
                let mail = read(&content, std::mem::take(&mut from), std::mem::take(&mut to));
                sandbox.mailbox().put(mail);
                "250 taken\r\n"
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "502 not here\r\n",
        };
        stream.write_all(answer.as_bytes()).await?;
    }
}

/// One line with its end; `None` when the client left or says too much.
async fn line(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_until(b'\n', &mut line));
    let read = read.await.map_err(io::Error::other)??;
    Ok((read > 0 && line.len() <= LONGEST).then_some(line))
}

/// What follows `DATA`, without the dots that stand before dots (RFC 5321 §4.5.2).
async fn content(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Vec<u8>>> {
    let mut content = Vec::new();
    loop {
        let Some(line) = line(stream).await? else { return Ok(None) };
        if line == b".\r\n" {
            return Ok(Some(content));
        }
        content.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        if content.len() > LONGEST {
            return Ok(None);
        }
    }
}

/// What stands between `<` and `>`.
fn address(said: &str) -> String {
    let inner = said.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or_else(String::new, |(address, _)| address.to_owned())
}

/// Subject and text of a mail of one part, as the provider's are.
fn read(content: &[u8], from: String, to: Vec<String>) -> Mail {
    let content = String::from_utf8_lossy(content);
    let (head, body) = content.split_once("\r\n\r\n").unwrap_or((&content, ""));
    let head = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let header = |name: &str| {
        let found = head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        });
        found.unwrap_or_default()
    };
    let text = match header("Content-Transfer-Encoding").to_ascii_lowercase().as_str() {
        "base64" => base64_text(body),
        "quoted-printable" => quoted(body, false),
        _ => body.to_owned(),
    };
    Mail {
        from,
        to,
        subject: words(&header("Subject")),
        text: text.replace("\r\n", "\n").trim_end().to_owned(),
    }
}

fn base64_text(text: &str) -> String {
    let joined: String = text.split_whitespace().collect();
    String::from_utf8_lossy(&STANDARD.decode(joined).unwrap_or_default()).into_owned()
}

/// Quoted-printable (RFC 2045 §6.7), and with `underscores` the form of it in headers (RFC 2047 §4.2).
fn quoted(text: &str, underscores: bool) -> String {
    let joined = text.replace("=\r\n", "");
    let (mut out, mut rest) = (Vec::new(), joined.as_bytes());
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = (byte == b'=')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match escaped {
            Some(value) => {
                out.push(value);
                rest = &after[2..];
            }
            None => {
                out.push(if underscores && byte == b'_' { b' ' } else { byte });
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A header with encoded words (RFC 2047), between which white space is none.
fn words(header: &str) -> String {
    let (mut out, mut rest, mut encoded_before) = (String::new(), header, false);
    while let Some((before, tail)) = rest.split_once("=?") {
        let mut parts = tail.splitn(4, '?');
        let (Some(_), Some(how), Some(word), Some(after)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            break;
        };
        let Some(after) = after.strip_prefix('=') else { break };
        if !(encoded_before && before.trim().is_empty()) {
            out.push_str(before);
        }
        out.push_str(&if how.eq_ignore_ascii_case("b") { base64_text(word) } else { quoted(word, true) });
        (rest, encoded_before) = (after, true);
    }
    out + rest
}

#[derive(Template)]
#[template(path = "sandbox/mail.html")]
struct Page {
    mails: Vec<Shown>,
}

struct Shown {
    from: String,
    to: String,
    subject: String,
    /// Its paragraphs, each in pieces: what is said, and where a link is.
    lines: Vec<Line>,
}

enum Line {
    Said(String),
    Link(String),
}

async fn show(sandbox: Data<Sandbox>) -> HttpResponse {
    let mails = sandbox.mailbox().0.iter().rev().cloned().map(shown).collect();
    page(StatusCode::OK, &Page { mails })
}

fn shown(mail: Mail) -> Shown {
    let line = |line: &str| {
        let link = (line.starts_with("http://") || line.starts_with("https://")) && !line.contains(' ');
        if link { Line::Link(line.to_owned()) } else { Line::Said(line.to_owned()) }
    };
    Shown {
        lines: mail.text.lines().map(line).collect(),
        from: mail.from,
        to: mail.to.join(", "),
        subject: mail.subject,
    }
}

/// `GET /mails`: all that are kept, newest last.
async fn list(sandbox: Data<Sandbox>) -> HttpResponse {
    let mails: Vec<Mail> = sandbox.mailbox().0.iter().cloned().collect();
    HttpResponse::Ok().json(mails)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mails_are_read_as_mail_programs_read_them() {
        let content = "Subject: =?utf-8?b?0J/QuNGB0YzQvNC+?=\r\n =?utf-8?q?_=E2=80=93_Yagona?=\r\nContent-Transfer-Encoding: \
                       quoted-printable\r\n\r\nQalaysiz=3F =D0=9F=\r\n=D0=B8\r\n\r\nhttp://a/b?t=3D1\r\n";
        let mail = read(content.as_bytes(), "a@b".into(), vec!["c@d".into()]);
        assert_eq!(mail.subject, "Письмо – Yagona");
        assert_eq!(mail.text, "Qalaysiz? Пи\n\nhttp://a/b?t=1");
        let encoded = STANDARD.encode("Ўзбек\r\nмактуб");
        let content = format!("Subject: Plain\r\nContent-Transfer-Encoding: base64\r\n\r\n{encoded}\r\n");
        let mail = read(content.as_bytes(), String::new(), Vec::new());
        assert_eq!((mail.subject.as_str(), mail.text.as_str()), ("Plain", "Ўзбек\nмактуб"));
        assert_eq!(address("RCPT TO:<aziza@example.uz> NOTIFY=NEVER"), "aziza@example.uz");
        assert_eq!(words("=?utf-8?q?broken"), "=?utf-8?q?broken");
    }
}
