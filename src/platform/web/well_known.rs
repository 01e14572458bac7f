//! Small texts at fixed places: `/.well-known/security.txt` (RFC 9116) and `/robots.txt` (RFC 9309).

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{Data, ServiceConfig, get};

use crate::platform::clock::{Clock, Timestamp};
use crate::platform::config::{Raw, SettingValue, ValueKind, WrongValue, settings, text};

settings! {
    /// Where security researchers report what they found.
    [security]
    pub struct SecuritySettings {
        /// The contact in `/.well-known/security.txt` (RFC 9116), such as `mailto:security@example.uz` or the `https` address
        /// of a form.
        contact: Option<Contact>, otherwise("there is no security.txt");
    }
}

/// A contact as RFC 9116 §2.5.3 has it: a URI with `https`, `mailto` or `tel`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact(String);

impl SettingValue for Contact {
    const KIND: ValueKind = ValueKind::Text("a URI with https, mailto or tel");

    fn read(raw: &Raw, _: ValueKind) -> Result<Self, WrongValue> {
        let given = text(raw)?;
        let uri =
            url::Url::parse(&given).ok().filter(|uri| matches!(uri.scheme(), "https" | "mailto" | "tel"));
        // One line of ASCII, as it came: it becomes a line of the file.
        let plain = given.bytes().all(|byte| byte.is_ascii_graphic());
        match uri {
            Some(_) if plain => Ok(Self(given)),
            _ => Err(format!("`{given}` is no URI with https, mailto or tel").into()),
        }
    }

    fn placeholder() -> Self {
        Self(String::new())
    }
}

/// What `security.txt` is made of.
#[derive(Clone, Debug)]
pub struct SecurityTxt {
    /// Whom to write to; without one there is no such file.
    pub contact: Option<Contact>,
    /// This provider's origin.
    pub issuer: Arc<str>,
    /// Time.
    pub clock: Clock,
}

/// How long the file is good for, in seconds. RFC 9116 §2.5.5 advises less than a year.
const GOOD_FOR: i64 = 180 * DAY;
const DAY: i64 = 86_400;

impl SecurityTxt {
    /// The file at `now`. It expires half a year after the day on which it is read.
    fn file(&self, now: Timestamp) -> Option<String> {
        let Contact(contact) = self.contact.as_ref()?;
        let expires = Timestamp(now.0 - now.0.rem_euclid(DAY)).plus(GOOD_FOR).to_rfc3339();
        // RFC 9116 §2.5.2: only an https address may be named.
        let canonical = match self.issuer.strip_prefix("https://") {
            Some(_) => format!("Canonical: {}{SECURITY_TXT}\n", self.issuer),
            None => String::new(),
        };
        Some(format!("Contact: {contact}\nExpires: {expires}\nPreferred-Languages: uz, ru, en\n{canonical}"))
    }
}

const SECURITY_TXT: &str = "/.well-known/security.txt";

/// Only the front page is for search engines: all others are steps of somebody's sign-in.
const ROBOTS_TXT: &str = "User-agent: *\nAllow: /$\nDisallow: /\n";

/// Adds the texts.
pub fn routes(config: &mut ServiceConfig) {
    config.route(SECURITY_TXT, get().to(security_txt)).route("/robots.txt", get().to(robots_txt));
}

async fn security_txt(of: Data<SecurityTxt>) -> HttpResponse {
    match of.file(of.clock.now()) {
        Some(file) => plain_text(file),
        None => HttpResponse::NotFound().finish(),
    }
}

async fn robots_txt() -> HttpResponse {
    plain_text(ROBOTS_TXT.to_owned())
}

fn plain_text(body: String) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/plain; charset=utf-8"))
        .insert_header((CACHE_CONTROL, "public, max-age=3600"))
        .body(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(contact: Option<&str>, issuer: &str, now: i64) -> Option<String> {
        let contact = contact.map(|text| Contact(text.to_owned()));
        SecurityTxt { contact, issuer: issuer.into(), clock: Clock::System }.file(Timestamp(now))
    }

    #[test]
    fn rfc9116_2_5_3_a_contact_is_a_uri_on_one_line() {
        let read = |text: &str| Contact::read(&Raw::String(text.to_owned()), Contact::KIND).is_ok();
        for good in ["mailto:security@id.uz", "https://id.uz/report", "tel:+998712000000"] {
            assert!(read(good), "{good}");
        }
        for bad in ["security@id.uz", "http://id.uz/", "mailto:a@b.uz\nExpires: 2100", "mailto:a b@c.uz", ""]
        {
            assert!(!read(bad), "{bad}");
        }
    }

    #[test]
    fn rfc9116_the_file_names_a_contact_and_never_runs_out() {
        // 2026-11-27T03:00:00Z
        let now = 1_795_748_400;
        assert_eq!(
            file(Some("mailto:security@id.uz"), "https://id.uz", now).as_deref(),
            Some(
                "Contact: mailto:security@id.uz\nExpires: 2027-05-26T00:00:00Z\nPreferred-Languages: uz, ru, en\n\
                 Canonical: https://id.uz/.well-known/security.txt\n"
            )
        );
        let later = file(Some("tel:+998712000000"), "http://localhost:8080", now + DAY).expect("a file");
        assert!(later.contains("Expires: 2027-05-27T00:00:00Z\n"), "{later}");
        assert!(!later.contains("Canonical"), "{later}");
        assert_eq!(file(None, "https://id.uz", now), None);
    }
}
