//! Text on A4 pages as PDF (ISO 32000-1): headings, paragraphs that are broken at their words, and page numbers, in one embedded font with
//! Latin and Cyrillic letters. Texts can be searched and copied. Pages are not tagged; whoever needs that reads the page that a file is
//! saved from.
//!
//! `sans.ttf` are those letters of DejaVu Sans (its licence stands beside it), made by
//! `pyftsubset DejaVuSans.ttf --unicodes=U+0020-007E,U+00A0-017F,U+0400-045F,U+0490-0493,U+049A-049B,U+04B2-04B3,U+02BB,U+02BC,U+2013,U+2014,U+2018-201E,U+2022,U+2026,U+2116 --layout-features='' --no-hinting`.

use std::collections::BTreeMap;

use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, TextRenderingMode, UnicodeCmap};
use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr};
use ttf_parser::{Face, GlyphId};

const FONT: &[u8] = include_bytes!("sans.ttf");

const FONT_NAME: Name<'static> = Name(b"YagonaSans");

/// How pages call the font.
const F: Name<'static> = Name(b"F");

const SYSTEM: SystemInfo<'static> =
    SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

/// A4, in points.
const WIDTH: f32 = 595.28;
const HEIGHT: f32 = 841.89;
const MARGIN: f32 = 56.0;

/// Where page numbers stand.
const FOOT: f32 = 30.0;

/// How a paragraph looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// The heading of all.
    Title,
    /// The heading of a part.
    Strong,
    /// Anything else.
    Plain,
}

impl Style {
    const fn size(self) -> f32 {
        match self {
            Self::Title => 18.0,
            Self::Strong => 11.0,
            Self::Plain => 9.5,
        }
    }

    /// Space before it, and from line to line.
    const fn spaces(self) -> (f32, f32) {
        match self {
            Self::Title => (0.0, 24.0),
            Self::Strong => (12.0, 15.0),
            Self::Plain => (2.0, 13.0),
        }
    }
}

/// The font cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the font of PDF files cannot be read: {0}")]
pub struct PdfError(#[from] ttf_parser::FaceParsingError);

/// A document as it is written.
pub struct Paper {
    face: Face<'static>,
    title: String,
    language: String,
    pages: Vec<Content>,
    /// Where the next line stands.
    y: f32,
    /// The letters that were used.
    used: BTreeMap<u16, char>,
}

impl Paper {
    /// An empty document with a title, in a language (BCP 47).
    ///
    /// # Errors
    /// [`PdfError`].
    pub fn new(title: &str, language: &str) -> Result<Self, PdfError> {
        let mut paper = Self {
            face: Face::parse(FONT, 0)?,
            title: title.to_owned(),
            language: language.to_owned(),
            pages: vec![Content::new()],
            y: HEIGHT - MARGIN,
            used: BTreeMap::new(),
        };
        paper.paragraph(Style::Title, title);
        Ok(paper)
    }

    /// Adds a paragraph. Letters that the font lacks are shown as an empty box.
    pub fn paragraph(&mut self, style: Style, text: &str) {
        let (before, line) = style.spaces();
        self.y -= before;
        for words in self.lines(style, text) {
            self.y -= line;
            // A heading does not stand alone at the end of a page.
            let room = if style == Style::Plain { MARGIN } else { MARGIN + 3.0 * line };
            if self.y < room {
                self.pages.push(Content::new());
                self.y = HEIGHT - MARGIN - line;
            }
            let at = (MARGIN, self.y);
            self.write(at, (style.size(), style != Style::Plain), &words, self.pages.len() - 1);
        }
    }

    fn write(&mut self, (x, y): (f32, f32), (size, strong): (f32, bool), text: &str, page: usize) {
        let mut shown = Vec::with_capacity(2 * text.len());
        for letter in text.chars() {
            let glyph = self.glyph(letter);
            self.used.entry(glyph.0).or_insert(letter);
            shown.extend(glyph.0.to_be_bytes());
        }
        let Some(content) = self.pages.get_mut(page) else { return };
        // One font serves for both weights: an outline makes letters stronger.
        let mode = if strong { TextRenderingMode::FillStroke } else { TextRenderingMode::Fill };
        content.set_line_width(size / 30.0);
        content.begin_text().set_font(F, size).set_text_rendering_mode(mode);
        content.next_line(x, y).show(Str(&shown)).end_text();
    }

    fn glyph(&self, letter: char) -> GlyphId {
        self.face.glyph_index(letter).unwrap_or(GlyphId(0))
    }

    /// The advance of a glyph, in thousandths of the font's size.
    fn advance(&self, glyph: GlyphId) -> f32 {
        let units = f32::from(self.face.units_per_em());
        f32::from(self.face.glyph_hor_advance(glyph).unwrap_or(0)) * 1000.0 / units
    }

    fn width(&self, style: Style, text: &str) -> f32 {
        text.chars().map(|letter| self.advance(self.glyph(letter))).sum::<f32>() * style.size() / 1000.0
    }

    /// Breaks a text at its blanks, and words that are longer than a line anywhere.
    fn lines(&self, style: Style, text: &str) -> Vec<String> {
        let room = WIDTH - 2.0 * MARGIN;
        let mut lines = vec![String::new()];
        for word in text.split_whitespace() {
            let line = lines.last_mut().map(std::mem::take).unwrap_or_default();
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if self.width(style, &longer) <= room {
                lines.pop();
                lines.push(longer);
                continue;
            }
            lines.pop();
            lines.extend((!line.is_empty()).then_some(line));
            let mut part = String::new();
            for letter in word.chars() {
                part.push(letter);
                if self.width(style, &part) > room {
                    part.pop();
                    lines.push(std::mem::replace(&mut part, letter.to_string()));
                }
            }
            lines.push(part);
        }
        lines
    }

    /// The file.
    pub fn finish(mut self) -> Vec<u8> {
        let count = self.pages.len();
        for page in 0..count {
            let number = format!("{} / {count}", page + 1);
            let right = WIDTH - MARGIN - self.width(Style::Plain, &number);
            self.write((right, FOOT), (Style::Plain.size(), false), &number, page);
        }
        let mut next = 0;
        let mut id = || {
            next += 1;
            Ref::new(next)
        };
        let (catalog, tree, info, font) = (id(), id(), id(), id());
        let (cid_font, descriptor, file, cmap) = (id(), id(), id(), id());
        let pages: Vec<(Ref, Ref)> = (0..count).map(|_| (id(), id())).collect();
        let mut pdf = Pdf::new();
        pdf.catalog(catalog).pages(tree).lang(TextStr(&self.language));
        pdf.document_info(info).title(TextStr(&self.title)).producer(TextStr("Yagona"));
        pdf.pages(tree).kids(pages.iter().map(|(page, _)| *page)).count(i32::try_from(count).unwrap_or(0));
        for ((page, stream), content) in pages.iter().zip(std::mem::take(&mut self.pages)) {
            let mut page = pdf.page(*page);
            page.media_box(Rect::new(0.0, 0.0, WIDTH, HEIGHT)).parent(tree).contents(*stream);
            page.resources().fonts().pair(F, font);
            page.finish();
            pdf.stream(*stream, &content.finish());
        }
        self.embed(&mut pdf, [font, cid_font, descriptor, file, cmap]);
        pdf.finish()
    }

    /// The font: its letters by their numbers in it, with widths and what they stand for.
    fn embed(&self, pdf: &mut Pdf, [font, cid_font, descriptor, file, cmap]: [Ref; 5]) {
        pdf.type0_font(font)
            .base_font(FONT_NAME)
            .encoding_predefined(Name(b"Identity-H"))
            .descendant_font(cid_font)
            .to_unicode(cmap);
        let mut cid = pdf.cid_font(cid_font);
        cid.subtype(CidFontType::Type2).base_font(FONT_NAME).system_info(SYSTEM).font_descriptor(descriptor);
        cid.default_width(0.0).cid_to_gid_map_predefined(Name(b"Identity"));
        let mut widths = cid.widths();
        for glyph in self.used.keys() {
            widths.same(*glyph, *glyph, self.advance(GlyphId(*glyph)));
        }
        widths.finish();
        cid.finish();
        let scale = 1000.0 / f32::from(self.face.units_per_em());
        let scaled = |units: i16| f32::from(units) * scale;
        let bounds = self.face.global_bounding_box();
        let bounds = [bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max].map(scaled);
        pdf.font_descriptor(descriptor)
            .name(FONT_NAME)
            .flags(FontFlags::NON_SYMBOLIC)
            .bbox(Rect::new(bounds[0], bounds[1], bounds[2], bounds[3]))
            .italic_angle(0.0)
            .ascent(scaled(self.face.ascender()))
            .descent(scaled(self.face.descender()))
            .cap_height(scaled(self.face.capital_height().unwrap_or_default()))
            .stem_v(80.0)
            .font_file2(file);
        let mut map = UnicodeCmap::new(Name(b"Yagona"), SYSTEM);
        self.used.iter().for_each(|(glyph, letter)| map.pair(*glyph, *letter));
        pdf.cmap(cmap, &map.finish());
        let length = i32::try_from(FONT.len()).unwrap_or(i32::MAX);
        pdf.stream(file, FONT).pair(Name(b"Length1"), length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paper() -> Paper {
        Paper::new("Маълумотларим", "uz-Cyrl").unwrap()
    }

    #[test]
    fn every_letter_that_pages_write_is_in_the_font() {
        let paper = paper();
        let texts = ["uz-Latn", "uz-Cyrl", "ru", "en"].map(|tag| {
            let file = format!("{}/locales/{tag}.toml", env!("CARGO_MANIFEST_DIR"));
            std::fs::read_to_string(file).unwrap()
        });
        let own = "OʻzbekistonўқғҳЎҚҒҲ№«»—–…";
        for letter in texts.iter().flat_map(|text| text.chars()).chain(own.chars()) {
            let drawn = matches!(letter, '\n' | '→' | '✓' | '☐' | '←' | '\u{200b}' | '\u{2060}');
            assert!(drawn || paper.glyph(letter).0 != 0, "{letter:?} U+{:04X}", u32::from(letter));
        }
    }

    #[test]
    fn lines_are_broken_at_words_and_no_line_is_too_long() {
        let paper = paper();
        let room = WIDTH - 2.0 * MARGIN;
        let text = "uzun soʻz ".repeat(60) + &"x".repeat(300);
        let lines = paper.lines(Style::Plain, &text);
        assert!(lines.len() > 5 && lines.iter().all(|line| paper.width(Style::Plain, line) <= room));
        assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""), "nothing is lost");
        assert_eq!(paper.lines(Style::Plain, ""), [""]);
    }

    #[test]
    fn a_long_document_has_several_pages_with_numbers_and_a_map_of_its_letters() {
        let mut paper = paper();
        for n in 0..120 {
            paper.paragraph(Style::Strong, &format!("Хизмат {n}"));
            paper.paragraph(Style::Plain, "Ism, manzil");
        }
        let pages = paper.pages.len();
        assert!(pages > 3, "{pages}");
        let file = paper.finish();
        let text = String::from_utf8_lossy(&file);
        assert!(text.starts_with("%PDF-") && text.trim_end().ends_with("%%EOF"));
        assert_eq!(text.matches("/Type /Page\n").count(), pages);
        assert!(text.contains("beginbfchar") || text.contains("beginbfrange"));
    }
}
