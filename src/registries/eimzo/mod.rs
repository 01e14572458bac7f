//! Electronic signatures (ERI): e-imzo-server's REST API. By a key on a computer: `browser`; by an ID-card on a phone
//! (`/frontend/mobile/…`, `/backend/mobile/…`): here. Whom a certificate names: `certificate`; what the server's statuses mean: `wrong`.
//!
//! By phone, a page shows a QR code or a link ([`Payload`]); E-IMZO's app signs the challenge with the card and hands the signature to its server;
//! the page asks whether it is there, and this provider asks the server who signed. Nothing here verifies a PKCS #7 itself: the server does. To
//! whom the certificate belongs, the Tax Committee says ([`super::Registries::tax_confirms`], R58).

mod browser;
mod certificate;
mod payload;
mod signed;
mod wrong;

use std::net::IpAddr;

use reqwest::{RequestBuilder, header};

use super::error::{Contradiction, ErrorKind, RegisterName, RegistryError};
use super::line::Repeat;
use super::wire::{self, Heard};
use super::{Asker, Registries};
use crate::people::Pinfl;
use crate::platform::clock::Timestamp;

pub use browser::Challenge;
pub use certificate::{Certificate, Organisation};
pub use payload::{LENGTH, Payload};
pub use signed::LONGEST as LONGEST_SIGNATURE;
pub use wrong::{OF_BROWSERS, OF_PHONES, Wrong};

/// E-IMZO's server. Cheap to clone.
#[derive(Clone)]
pub struct Eimzo {
    pub(super) registries: Registries,
}

/// A signature that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// The server's name of it: 8 hexadecimal digits.
    pub document_id: String,
    /// What the app reads.
    pub payload: Payload,
}

/// How far a signature is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The app has handed in nothing yet.
    Waiting,
    /// The signature is there: ask who signed.
    Signed,
    /// The server does not know it, or no longer.
    Expired,
}

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The PINFL of the certificate.
    pub pinfl: Pinfl,
    /// The certificate's serial number, hexadecimal.
    pub serial_number: String,
    /// The name on the certificate, as it is written there.
    pub name: String,
}

/// Why the signature of an ID-card proves nothing where a person identifies for Mobile-ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The signature, or the form of what was signed, is wrong.
    #[error("the signature is wrong")]
    Signature,
    /// The certificate is not valid, or was not when it signed.
    #[error("the certificate is not valid")]
    Certificate,
    /// The clock of the phone is wrong.
    #[error("the phone's clock is wrong")]
    Clock,
    /// The certificate is a legal entity's (R4).
    #[error("the certificate is a legal entity's")]
    LegalEntity,
    /// Nothing was signed, or too long ago.
    #[error("nothing was signed")]
    Expired,
}

impl Eimzo {
    pub(super) const fn new(registries: Registries) -> Self {
        Self { registries }
    }

    /// Begins a signature for the user at `ip`.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn begin(&self, ip: IpAddr, asker: &Asker) -> Result<Begun, RegistryError> {
        let line = self.registries.line(RegisterName::Eimzo)?;
        let call = line.call(Repeat::May, |client, base| {
            from_user(client.post(format!("{base}/frontend/mobile/auth")), ip, self.site())
        });
        self.registries.ask(line, asker, &[], call, read_begun).await.map(|answer| answer.value)
    }

    /// How far it is.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn progress(
        &self,
        document_id: &str,
        ip: IpAddr,
        asker: &Asker,
    ) -> Result<Progress, RegistryError> {
        let line = self.registries.line(RegisterName::Eimzo)?;
        if !is_document(document_id) {
            return Ok(Progress::Expired);
        }
        let call = line.call(Repeat::May, |client, base| {
            let request = client.post(format!("{base}/frontend/mobile/status"));
            from_user(request, ip, self.site()).form(&[("documentId", document_id)])
        });
        self.registries.ask(line, asker, &[], call, read_progress).await.map(|answer| answer.value)
    }

    /// Who signed, for Mobile-ID: a person, not a legal entity (R4). The server answers it once.
    ///
    /// # Errors
    /// [`RegistryError`] when the server cannot say; the inner error when what was signed proves nothing.
    pub async fn authenticate(
        &self,
        document_id: &str,
        ip: IpAddr,
        asker: &Asker,
    ) -> Result<Result<Signer, SignatureError>, RegistryError> {
        let failed = |kind| RegistryError::new(RegisterName::Eimzo, kind);
        let found = self.signed_by_phone(document_id, ip, asker).await?;
        for_mobile_id(found).map_err(failed)
    }

    /// Who signed, a person or a legal entity's representative. The server answers it once.
    ///
    /// # Errors
    /// As [`Eimzo::authenticate`].
    pub async fn signed_by_phone(
        &self,
        document_id: &str,
        ip: IpAddr,
        asker: &Asker,
    ) -> Result<Result<Certificate, Wrong>, RegistryError> {
        let line = self.registries.line(RegisterName::Eimzo)?;
        if !is_document(document_id) {
            return Ok(Err(Wrong::Expired));
        }
        let call = line.call(Repeat::MustNot, |client, base| {
            let request = client.get(format!("{base}/backend/mobile/authenticate/{document_id}"));
            from_user(request, ip, self.site())
        });
        let now = self.registries.0.clock.now();
        let read = |heard: &Heard| read_signer(heard, now);
        self.registries.ask(line, asker, &[], call, read).await.map(|answer| answer.value)
    }

    /// The site's name at E-IMZO, if it is set.
    fn site(&self) -> Option<&str> {
        self.registries.0.eimzo_site.as_deref()
    }
}

/// The server wants to know for whom and for which site it is asked; keys of its interface are of a site.
fn from_user(request: RequestBuilder, ip: IpAddr, site: Option<&str>) -> RequestBuilder {
    let request = request.header("X-Real-IP", ip.to_string());
    match site {
        Some(site) => request.header(header::HOST, site),
        None => request,
    }
}

const FORM: ErrorKind = ErrorKind::Contradiction(Contradiction::Form);

fn is_document(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The server's own status; its HTTP status is 200 unless its settings or its network are wrong.
fn status(heard: &Heard) -> Result<i64, ErrorKind> {
    if !heard.status.is_success() {
        return Err(ErrorKind::Refused);
    }
    wire::text(&heard.body, "status").and_then(|text| text.parse().ok()).ok_or(FORM)
}

fn read_begun(heard: &Heard) -> Result<Begun, ErrorKind> {
    if status(heard)? != 1 {
        return Err(ErrorKind::Refused);
    }
    let text = |name: &str| wire::text(&heard.body, name).ok_or(FORM);
    // Its name is written so.
    let challenge = text("challange").or_else(|_| text("challenge"))?;
    let document_id = text("documentId")?;
    let payload = Payload::new(&text("siteId")?, &document_id, &challenge).ok_or(FORM)?;
    Ok(Begun { document_id, payload })
}

fn read_progress(heard: &Heard) -> Result<Progress, ErrorKind> {
    match status(heard)? {
        1 => Ok(Progress::Signed),
        2 => Ok(Progress::Waiting),
        -2 => Ok(Progress::Expired),
        _ => Err(ErrorKind::Refused),
    }
}

/// Reads who signed by phone.
fn read_signer(heard: &Heard, now: Timestamp) -> Result<Result<Certificate, Wrong>, ErrorKind> {
    match status(heard)? {
        1 => certificate::read(&heard.body, now),
        other => Wrong::of_phone(other).map(Err).ok_or(ErrorKind::Refused),
    }
}

/// What a signature is worth where somebody identifies for Mobile-ID.
fn for_mobile_id(found: Result<Certificate, Wrong>) -> Result<Result<Signer, SignatureError>, ErrorKind> {
    Ok(match found {
        Ok(Certificate { organisation: Some(_), .. }) => Err(SignatureError::LegalEntity),
        Ok(Certificate { pinfl, serial_number, name, .. }) => Ok(Signer { pinfl, serial_number, name }),
        Err(Wrong::Signature | Wrong::Unreadable | Wrong::OtherChallenge) => Err(SignatureError::Signature),
        Err(Wrong::Certificate | Wrong::NotInForce) => Err(SignatureError::Certificate),
        Err(Wrong::Clock) => Err(SignatureError::Clock),
        Err(Wrong::Expired | Wrong::NotSigned) => Err(SignatureError::Expired),
        // The state of the certificate is unknown: that is not the person's fault, and no ground.
        Err(Wrong::Unchecked) => return Err(ErrorKind::Refused),
        Err(Wrong::NoPerson) => return Err(FORM),
    })
}

/// Reads an answer of any kind, for tests and fuzzing.
#[cfg(any(test, fuzzing))]
pub(super) fn read_any(heard: &Heard) {
    let _ = (read_begun(heard), read_progress(heard), read_signer(heard, Timestamp(0)));
    let _ = (browser::read_challenge(heard), browser::read_signer(heard, Timestamp(0)));
    if let Some(text) = wire::text(&heard.body, "status") {
        let _ = (Payload::parse(&text), signed::content(&text));
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
    fn r56_a_signature_is_begun_with_the_servers_own_spelling() {
        let body = json!({"status": 1, "message": null, "siteId": "b552", "documentId": "362811E9", "challange": "abc"});
        let begun = read_begun(&heard(body)).unwrap();
        assert!(begun.payload.as_str().ends_with("33d4ad61") && begun.document_id == "362811E9");
        assert_eq!(read_begun(&heard(json!({"status": -1}))), Err(ErrorKind::Refused));
        assert_eq!(read_begun(&heard(json!({"status": 1, "siteId": "b552"}))), Err(FORM));
    }

    #[test]
    fn r56_what_proves_nothing_is_told_apart() {
        let signer = |body: Value| read_signer(&heard(body), NOW).and_then(for_mobile_id);
        let signed = |subject: Value| json!({"status": 1, "subjectCertificateInfo": {"serialNumber": "77a1", "subjectName": subject, "validFrom": "2026-01-01 00:00:00", "validTo": "2028-01-01 00:00:00"}});
        let own = json!({"CN": "KARIMOVA DILNOZA", "1.2.860.3.16.1.2": "41204902040015"});
        let found = signer(signed(own.clone())).unwrap().unwrap();
        assert_eq!((found.pinfl.digits(), found.serial_number.as_str()), ("41204902040015", "77a1"));
        let mut legal = own;
        legal["1.2.860.3.16.1.1"] = json!("301234567");
        legal["O"] = json!("«Misol» MChJ");
        assert_eq!(signer(signed(legal)), Ok(Err(SignatureError::LegalEntity)), "R4");
        for (status, wrong) in [
            (2, SignatureError::Expired),
            (-2, SignatureError::Expired),
            (-5, SignatureError::Signature),
            (-7, SignatureError::Certificate),
            (-9, SignatureError::Clock),
        ] {
            assert_eq!(signer(json!({"status": status})), Ok(Err(wrong)), "{status}");
        }
        assert_eq!(
            signer(json!({"status": -8})),
            Err(ErrorKind::Refused),
            "the state of the certificate is unknown"
        );
        assert_eq!(signer(signed(json!({"CN": "X"}))), Err(FORM), "no person");
        assert_eq!(read_progress(&heard(json!({"status": 2}))), Ok(Progress::Waiting));
        assert_eq!(read_progress(&heard(json!({"status": "1"}))), Ok(Progress::Signed));
    }
}
