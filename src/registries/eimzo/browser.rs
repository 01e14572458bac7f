//! Signatures by a key on a computer: a challenge of e-imzo-server, which E-IMZO signs for a page (`docs/registries.md`), and who signed it
//! (`/frontend/challenge`, `/backend/auth`).

use std::net::IpAddr;

use reqwest::header;
use subtle::ConstantTimeEq as _;

use super::certificate::{self, Certificate};
use super::signed;
use super::wrong::Wrong;
use super::{Eimzo, FORM, from_user, status};
use crate::platform::clock::Timestamp;
use crate::registries::Asker;
use crate::registries::error::{ErrorKind, RegisterName, RegistryError};
use crate::registries::line::Repeat;
use crate::registries::wire::{self, Heard};

/// The longest challenge, in characters; the server's have 36.
const LONGEST_CHALLENGE: usize = 64;
/// For how long a challenge whose answer does not say it is taken to be good, and the longest that is believed, in seconds.
const USUAL_TTL: i64 = 120;

/// What a key is to sign, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The text that is signed.
    pub text: String,
    /// For how many seconds the server knows it.
    pub lasts: i64,
}

impl Eimzo {
    /// A challenge for the user at `ip`. The server takes it once, and only for so long.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn challenge(&self, ip: IpAddr, asker: &Asker) -> Result<Challenge, RegistryError> {
        let line = self.registries.line(RegisterName::Eimzo)?;
        let call = line.call(Repeat::May, |client, base| {
            let request = client.get(format!("{base}/frontend/challenge"));
            from_user(request, ip, self.site()).header(header::CACHE_CONTROL, "no-store")
        });
        self.registries.ask(line, asker, &[], call, read_challenge).await.map(|answer| answer.value)
    }

    /// Who signed `challenge`, by what E-IMZO made of it: a PKCS #7 in Base64 that contains it. What signs something else is not handed on.
    ///
    /// # Errors
    /// [`RegistryError`] when the server cannot say; the inner error when what was signed proves nothing.
    pub async fn signed(
        &self,
        pkcs7: &str,
        challenge: &str,
        ip: IpAddr,
        asker: &Asker,
    ) -> Result<Result<Certificate, Wrong>, RegistryError> {
        let line = self.registries.line(RegisterName::Eimzo)?;
        let Some((pkcs7, content)) = signed::content(pkcs7) else { return Ok(Err(Wrong::Unreadable)) };
        // A signature of somebody else's challenge would sign them in here, or whoever made them sign.
        if !bool::from(content.ct_eq(challenge.as_bytes())) {
            return Ok(Err(Wrong::OtherChallenge));
        }
        let call = line.call(Repeat::MustNot, |client, base| {
            let request = client.post(format!("{base}/backend/auth"));
            from_user(request, ip, self.site()).header(header::CONTENT_TYPE, "text/plain").body(pkcs7.clone())
        });
        let now = self.registries.0.clock.now();
        let read = |heard: &Heard| read_signer(heard, now);
        self.registries.ask(line, asker, &[], call, read).await.map(|answer| answer.value)
    }
}

pub(super) fn read_challenge(heard: &Heard) -> Result<Challenge, ErrorKind> {
    if status(heard)? != 1 {
        return Err(ErrorKind::Refused);
    }
    // It goes into a page and into what is signed.
    let fits = |text: &String| {
        (16..=LONGEST_CHALLENGE).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let text = wire::text(&heard.body, "challenge").filter(fits).ok_or(FORM)?;
    let lasts = wire::text(&heard.body, "ttl").map_or(Ok(USUAL_TTL), |ttl| ttl.parse().map_err(|_| FORM))?;
    if lasts < 1 {
        return Err(FORM);
    }
    Ok(Challenge { text, lasts: lasts.min(USUAL_TTL) })
}

pub(super) fn read_signer(heard: &Heard, now: Timestamp) -> Result<Result<Certificate, Wrong>, ErrorKind> {
    match status(heard)? {
        1 => certificate::read(&heard.body, now),
        other => Wrong::of_browser(other).map(Err).ok_or(ErrorKind::Refused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::StatusCode;
    use serde_json::{Value, json};

    const NOW: Timestamp = Timestamp(1_798_761_600);

    fn heard(body: Value) -> Heard {
        Heard { status: StatusCode::OK, body }
    }

    #[test]
    fn a_challenge_is_short_plain_and_of_limited_time() {
        let read = |body: Value| read_challenge(&heard(body));
        let good = json!({"challenge": "b1e6a9a4-0a3b-4a2b-9a3a-2d3c1c0f7e11", "ttl": 120, "status": 1, "message": ""});
        let challenge = read(good.clone()).unwrap();
        assert_eq!((challenge.text.len(), challenge.lasts), (36, 120));
        let with = |name: &str, value: Value| {
            let mut body = good.clone();
            body[name] = value;
            read(body)
        };
        assert_eq!(with("ttl", json!(86_400)).unwrap().lasts, 120, "not for longer than it is meant for");
        assert_eq!(with("ttl", json!(0)), Err(FORM));
        assert_eq!(with("ttl", Value::Null).unwrap().lasts, 120);
        for odd in ["", "short", "<script>alert(1)</script>", &"a".repeat(65)] {
            assert_eq!(with("challenge", json!(odd)), Err(FORM), "{odd}");
        }
        assert_eq!(with("status", json!(-1)), Err(ErrorKind::Refused));
    }

    #[test]
    fn each_status_is_what_the_person_can_do_something_about() {
        for (status, wrong) in super::super::wrong::OF_BROWSERS {
            assert_eq!(read_signer(&heard(json!({"status": status})), NOW), Ok(Err(wrong)), "{status}");
        }
        assert_eq!(read_signer(&heard(json!({"status": -99})), NOW), Err(ErrorKind::Refused));
        let refused = Heard { status: StatusCode::BAD_REQUEST, body: json!({"status": 1}) };
        assert_eq!(read_signer(&refused, NOW), Err(ErrorKind::Refused), "HTTP 400: the request was wrong");
        assert_eq!(read_signer(&heard(json!({"message": "?"})), NOW), Err(FORM));
    }
}
