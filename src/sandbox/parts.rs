//! The alphabet of a text message and its number of parts
//! (3GPP TS 23.038 for the alphabets, TS 23.040 for concatenation).

/// The basic GSM 7-bit alphabet: one septet each.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡\
                     ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// Its extension table: an escape and a septet, which must not be separated.
const EXTENDED: &str = "^{}[]~\\|€\u{c}";

/// The alphabet of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// 160 septets in a single message, 153 in each part of a longer one.
    Gsm7,
    /// 70 UTF-16 units in a single message, 67 in each part of a longer one.
    Ucs2,
}

/// A text as the network counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Length {
    /// UCS-2 if one character is outside GSM-7.
    pub alphabet: Alphabet,
    /// The number of parts, each charged; at least 1.
    pub parts: usize,
}

/// Counts the parts of `text`.
pub(super) fn measure(text: &str) -> Length {
    let septets: Option<Vec<usize>> = text.chars().map(septets).collect();
    match septets {
        Some(sizes) => Length { alphabet: Alphabet::Gsm7, parts: pack(&sizes, 160, 153) },
        None => {
            let sizes: Vec<usize> = text.chars().map(char::len_utf16).collect();
            Length { alphabet: Alphabet::Ucs2, parts: pack(&sizes, 70, 67) }
        }
    }
}

fn septets(character: char) -> Option<usize> {
    if BASIC.contains(character) {
        Some(1)
    } else if EXTENDED.contains(character) {
        Some(2)
    } else {
        None
    }
}

fn pack(sizes: &[usize], single: usize, part: usize) -> usize {
    if sizes.iter().sum::<usize>() <= single {
        return 1;
    }
    let mut parts = 1;
    let mut used = 0;
    for size in sizes {
        // A character is never split: it moves to the next part.
        if used + size > part {
            parts += 1;
            used = 0;
        }
        used += size;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gsm(parts: usize) -> Length {
        Length { alphabet: Alphabet::Gsm7, parts }
    }

    fn ucs(parts: usize) -> Length {
        Length { alphabet: Alphabet::Ucs2, parts }
    }

    #[test]
    fn latin_text_fits_160_in_one_part_and_153_in_each_of_many() {
        assert_eq!(measure(&"a".repeat(160)), gsm(1));
        assert_eq!(measure(&"a".repeat(161)), gsm(2));
        assert_eq!(measure(&"a".repeat(306)), gsm(2));
        assert_eq!(measure(&"a".repeat(307)), gsm(3));
    }

    #[test]
    fn cyrillic_text_fits_70_in_one_part_and_67_in_each_of_many() {
        assert_eq!(measure(&"ў".repeat(70)), ucs(1));
        assert_eq!(measure(&"ў".repeat(71)), ucs(2));
        assert_eq!(measure(&"ў".repeat(134)), ucs(2));
        assert_eq!(measure(&"ў".repeat(135)), ucs(3));
    }

    #[test]
    fn one_typographic_apostrophe_turns_the_whole_text_to_ucs2() {
        let plain = format!("o'{}", "a".repeat(100));
        assert_eq!(measure(&plain), gsm(1));
        assert_eq!(measure(&plain.replace('\'', "ʻ")), ucs(2));
        for character in ["ʼ", "‘", "’", "`"] {
            assert_eq!(measure(character).alphabet, Alphabet::Ucs2, "{character}");
        }
    }

    #[test]
    fn extended_characters_cost_two_and_are_not_cut_in_half() {
        assert_eq!(measure(&"€".repeat(80)), gsm(1));
        assert_eq!(measure(&"€".repeat(81)), gsm(2));
        // 153 is odd, so a part holds 76 of them and one septet is lost.
        assert_eq!(measure(&"€".repeat(152)), gsm(2));
        assert_eq!(measure(&"€".repeat(153)), gsm(3));
    }

    #[test]
    fn a_surrogate_pair_counts_two_units_and_stays_together() {
        assert_eq!(measure(&"😀".repeat(35)), ucs(1));
        assert_eq!(measure(&"😀".repeat(36)), ucs(2));
        assert_eq!(measure(&"😀".repeat(66)), ucs(2));
        assert_eq!(measure(&"😀".repeat(67)), ucs(3));
    }

    #[test]
    fn the_line_that_phones_fill_codes_in_from_stays_gsm7() {
        assert_eq!(measure("Kod: 123456. Hech kimga aytmang.\n\n@id.example.uz #123456"), gsm(1));
        assert_eq!(measure(""), gsm(1));
    }
}
