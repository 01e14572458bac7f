//! An electronic digital signature.

use askama::Template;

use super::OtherMeans;
use super::qr_image::QrImage;
use crate::platform::web::frame::Frame;
use crate::sign_in::eri_payload;

/// Asks for a signature.
#[derive(Template)]
#[template(path = "pages/eri.html")]
pub(crate) struct EriPage<'a> {
    pub frame: Frame<'a>,
    pub state: EriStep,
    /// What did not work.
    pub error: Option<&'static str>,
    /// Other means that can lead to what the service accepts.
    pub others: Vec<OtherMeans>,
    /// Refuses and leads back to the service.
    pub cancel: &'a str,
}

/// What the page asks.
pub(crate) enum EriStep {
    /// With which key.
    Choice,
    /// A key on this computer.
    Computer(EriComputer),
    /// An ID-card on a phone.
    Phone(EriPhone),
}

/// What the script needs.
pub(crate) struct EriComputer {
    /// What is to be signed.
    pub challenge: String,
    /// The WebSockets of E-IMZO's program, with blanks between them.
    pub capiws: String,
    /// Domains and their keys, with blanks between them.
    pub keys: String,
}

/// What the app for ID-cards reads.
pub(crate) struct EriPhone {
    /// The link that opens it on the same phone.
    pub link: String,
    /// The QR code of the same.
    pub image: QrImage,
    /// Whether the signature is there.
    pub signed: bool,
}

impl EriPhone {
    /// Of a kept payload; `None` if it is none.
    pub(crate) fn new(kept: &str, signed: bool) -> Option<Self> {
        let payload = eri_payload(kept)?;
        Some(Self { link: payload.deep_link(), image: QrImage::of(payload.as_str())?, signed })
    }
}

/// Tells somebody who proved who they are that they have no account.
#[derive(Template)]
#[template(path = "pages/eri_no_account.html")]
pub(crate) struct NoAccountPage<'a> {
    pub frame: Frame<'a>,
    /// The name on the certificate.
    pub name: &'a str,
    /// The proof, sealed, and the name of the sign-in that registering leads back to; `None` where nobody can register.
    pub proof: Option<(String, String)>,
    /// The other means.
    pub other: String,
    /// Refuses and leads back to the service.
    pub cancel: &'a str,
}
