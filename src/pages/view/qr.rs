//! The pages of a sign-in by QR code: that of the computer, and those of the phone.

use askama::Template;

use super::OtherMeans;
use super::qr_image::QrImage;
use crate::platform::web::frame::Frame;

/// What a computer shows.
#[derive(Template)]
#[template(path = "pages/qr.html")]
pub(crate) struct QrPage<'a> {
    pub frame: Frame<'a>,
    /// The code; `None` where the phone refused it.
    pub code: Option<ShownCode>,
    /// Other means that lead on.
    pub others: Vec<OtherMeans>,
    /// Refuses and leads back to the service.
    pub cancel: &'a str,
}

/// A QR code with its words.
pub(crate) struct ShownCode {
    pub image: QrImage,
    /// The words.
    pub words: String,
    /// Their language.
    pub language: &'static str,
    /// Whether a phone has it open.
    pub opened: bool,
}

impl ShownCode {
    /// The code of an address; `None` when that is longer than a code can be, which no address of this provider's is.
    pub(crate) fn of(address: &str, words: String, language: &'static str, opened: bool) -> Option<Self> {
        Some(Self { image: QrImage::of(address)?, words, language, opened })
    }
}

/// What a phone asks.
#[derive(Template)]
#[template(path = "pages/qr_ask.html")]
pub(crate) struct QrAskPage<'a> {
    pub frame: Frame<'a>,
    /// Proves that this page was shown to this session.
    pub token: &'a str,
    /// Whom the computer signs in.
    pub name: &'a str,
    /// The computer's browser, in words.
    pub browser: &'a str,
    /// Its network address.
    pub address: &'a str,
    pub same_network: bool,
    /// The pairs of words; none where a proof comes first.
    pub choices: Vec<String>,
    /// Their language.
    pub language: &'static str,
}

/// What became of it.
#[derive(Template)]
#[template(path = "pages/qr_done.html")]
pub(crate) struct QrDonePage<'a> {
    pub frame: Frame<'a>,
    /// The keys of title and sentence.
    pub words: (&'static str, &'static str),
    /// The title's name in the page.
    pub id: &'static str,
    /// Whether the way to what one does when something was not oneself is shown.
    pub safety: bool,
}
