//! Typed and pasted characters: digits of other scripts, spaces and invisible marks, dashes of
//! every kind. Only single characters; the meaning of a whole input belongs to its type.

/// The decimal digit that `c` stands for: ASCII, full-width, Arabic-Indic or its Persian form.
pub(super) fn digit(c: char) -> Option<u8> {
    let zero = match c {
        '0'..='9' => '0',
        '\u{FF10}'..='\u{FF19}' => '\u{FF10}',
        '\u{0660}'..='\u{0669}' => '\u{0660}',
        '\u{06F0}'..='\u{06F9}' => '\u{06F0}',
        _ => return None,
    };
    u8::try_from(u32::from(c) - u32::from(zero)).ok()
}

/// White space of any width, and the invisible marks that contact lists and messengers put around numbers.
pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}')
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}' | '\u{FE0F}' | '\u{20E3}')
}

/// Hyphens, dashes and minus signs.
pub(super) fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' | '\u{FF0D}')
}

/// The digits in a short text that people type or paste, such as a code: spaces, dashes and a leading `#` are removed.
/// `None` if it contains anything else, or is longer than `longest` bytes.
pub fn digits_of(text: &str, longest: usize) -> Option<String> {
    if text.len() > longest {
        return None;
    }
    let mut digits = String::new();
    for c in text.chars() {
        match digit(c) {
            Some(digit) => digits.push(char::from(b'0' + digit)),
            None if is_blank(c) || is_dash(c) || c == '#' => {}
            None => return None,
        }
    }
    Some(digits)
}
