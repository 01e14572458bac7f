//! A QR code as the path of an SVG, as `pages/parts.html` draws it.

use qrcode::{Color, EcLevel, QrCode};

/// Modules that must stay white around a code (ISO/IEC 18004 §6.3.8).
const QUIET: usize = 4;

/// A QR code.
pub(crate) struct QrImage {
    /// Its width and height, in modules.
    pub side: usize,
    /// Its dark modules, as a path of SVG.
    pub path: String,
}

impl QrImage {
    /// The code of a text; `None` when that is longer than a code can be.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
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
        Some(Self { side: width + 2 * QUIET, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_three_finders_and_its_quiet_zone() {
        let code = QrImage::of(&format!("https://id.example.uz/q/{}", "a".repeat(43))).unwrap();
        assert!(code.side > 29 && code.side < 60, "{}", code.side);
        let right = code.side - QUIET - 7;
        for finder in [format!("M{QUIET} {QUIET}h7v1h-7z"), format!("M{right} {QUIET}h7v1h-7z")] {
            assert!(code.path.starts_with("M4 4h7") && code.path.contains(&finder), "{finder}");
        }
        assert!(code.path.contains(&format!("M{QUIET} {right}h7v1h-7z")));
        assert!(!code.path.contains("M0 ") && !code.path.contains("M3 "));
        assert!(QrImage::of(&"a".repeat(4000)).is_none());
    }
}
