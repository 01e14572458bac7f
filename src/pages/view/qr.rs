//! The pages of a sign-in by QR code: that of the computer, and those of the phone.

use askama::Template;
use qrcode::{Color, EcLevel, QrCode};

use super::OtherMeans;
use crate::platform::web::frame::Frame;

/// Modules that must stay white around a code (ISO/IEC 18004 §6.3.8).
const QUIET: usize = 4;

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
    /// Its width and height, in modules.
    pub side: usize,
    /// Its dark modules, as a path of SVG.
    pub path: String,
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
        let code = QrCode::with_error_correction_level(address, EcLevel::M).ok()?;
        let (width, colors) = (code.width(), code.to_colors());
        let mut path = String::new();
        for (y, row) in colors.chunks(width).enumerate() {
            let mut x = 0;
            // Dark modules in a row are one rectangle.
            while let Some(begin) = row[x..].iter().position(|color| *color == Color::Dark) {
                let begin = x + begin;
                let length = row[begin..].iter().take_while(|color| **color == Color::Dark).count();
                path.push_str(&format!("M{} {}h{length}v1h-{length}z", begin + QUIET, y + QUIET));
                x = begin + length;
            }
        }
        Some(Self { side: width + 2 * QUIET, path, words, language, opened })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_three_finders_and_its_quiet_zone() {
        let address = format!("https://id.example.uz/q/{}", "a".repeat(43));
        let code = ShownCode::of(&address, String::new(), "en", false).unwrap();
        assert!(code.side > 29 && code.side < 60, "{}", code.side);
        let right = code.side - QUIET - 7;
        for finder in [format!("M{QUIET} {QUIET}h7v1h-7z"), format!("M{right} {QUIET}h7v1h-7z")] {
            assert!(code.path.starts_with("M4 4h7") && code.path.contains(&finder), "{finder}");
        }
        assert!(code.path.contains(&format!("M{QUIET} {right}h7v1h-7z")));
        assert!(!code.path.contains("M0 ") && !code.path.contains("M3 "));
        assert!(ShownCode::of(&"a".repeat(4000), String::new(), "en", false).is_none());
    }
}
