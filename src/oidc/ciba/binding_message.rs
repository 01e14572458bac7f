//! `binding_message` (CIBA Core §7.1): what the person sees at the service and on the page that asks them, to compare.

/// The longest, in characters: it is compared at a glance.
const LONGEST: usize = 40;

/// Digits in a row, whatever marks stand between them, that a phone number may have: amounts and numbers of tickets have fewer.
const PHONE: usize = 9;

/// Signs beyond ASCII that the languages of this country write with.
const SIGNS: &str = "«»“”„‘’ʻʼ№–—…§°";

/// Whether a page shows the text as it is: letters of the Latin and Cyrillic scripts, digits and signs, words with one blank
/// between them. Nothing else is: characters that no one sees, that change the direction of others or that browsers join would let
/// a service show one thing and its page another. Nor is what people could take for an address to open or a number to call: it
/// stands on a page of this provider.
pub(super) fn is_shown_verbatim(text: &str) -> bool {
    let fits = |c: char| {
        c.is_ascii_graphic()
            || c == ' '
            || SIGNS.contains(c)
            || (c.is_alphabetic() && matches!(c, '\u{c0}'..='\u{24f}' | '\u{400}'..='\u{4ff}'))
    };
    let words_alone = !text.starts_with(' ') && !text.ends_with(' ') && !text.contains("  ");
    (1..=LONGEST).contains(&text.chars().count())
        && text.chars().all(fits)
        && words_alone
        && !leads_elsewhere(text)
}

/// Whether something in a text looks like the address of a page or of a mailbox, or like a phone number.
fn leads_elsewhere(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    let host = |around: &[char]| matches!(around, [before, '.', after] if before.is_alphanumeric() && after.is_alphabetic());
    let (mut digits, mut most) = (0, 0);
    for c in &chars {
        match c {
            '0'..='9' => digits += 1,
            c if c.is_alphabetic() => digits = 0,
            // Whatever stands between the digits of a number does not hide it.
            _ => {}
        }
        most = most.max(digits);
    }
    let call = chars.windows(2).any(|pair| pair[0] == '+' && pair[1].is_ascii_digit());
    text.contains("://") || text.contains('@') || chars.windows(3).any(host) || call || most >= PHONE
}

/// What fuzz targets reach: what is shown holds nothing that a page or a terminal reads as more than text.
#[cfg(fuzzing)]
pub(in crate::oidc) fn fuzz(text: &str) {
    if is_shown_verbatim(text) {
        assert!(!text.is_empty() && !text.chars().any(char::is_control));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ciba_7_1_what_would_not_be_shown_as_it_is_is_no_binding_message() {
        for good in [
            "1234",
            "W4SC",
            "Талон № 17",
            "Toʻlov: 1 250 000 soʻm",
            "<b>&amp;",
            "É – “x”",
            "17.30, 2-oyna",
            "№ 12345678",
            &"ў".repeat(40),
        ] {
            assert!(is_shown_verbatim(good), "{good}");
        }
        for bad in [
            "",
            " 1",
            "1 ",
            "1  2",
            "a\nb",
            "a\tb",
            "a\u{202e}b",
            "a\u{200b}b",
            "a\u{a0}b",
            "e\u{301}",
            "שלום",
            "你好",
            "😀",
            &"a".repeat(41),
            "evil.uz",
            "Oching: яндекс.уз",
            "https://evil",
            "me@evil",
            "90 123-45-67",
            "(90) 123.45.67",
            "90:123:45:67",
            "90_123_45_67",
            "90,123,45,67",
            "+7 1",
        ] {
            assert!(!is_shown_verbatim(bad), "{bad:?}");
        }
    }
}
