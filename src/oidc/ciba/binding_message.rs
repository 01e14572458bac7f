//! `binding_message` (CIBA Core §7.1): what the person sees at the service and on the page that asks them, to compare.

/// The longest, in characters: it is compared at a glance.
const LONGEST: usize = 100;

/// Signs beyond ASCII that the languages of this country write with.
const SIGNS: &str = "«»“”„‘’ʻʼ№–—…§°";

/// Whether a page shows the text as it is: letters of the Latin and Cyrillic scripts, digits and signs, words with one blank
/// between them. Nothing else is: characters that no one sees, that change the direction of others or that browsers join would let
/// a service show one thing and its page another.
pub(super) fn is_shown_verbatim(text: &str) -> bool {
    let fits = |c: char| {
        c.is_ascii_graphic()
            || c == ' '
            || SIGNS.contains(c)
            || (c.is_alphabetic() && matches!(c, '\u{c0}'..='\u{24f}' | '\u{400}'..='\u{4ff}'))
    };
    let words_alone = !text.starts_with(' ') && !text.ends_with(' ') && !text.contains("  ");
    (1..=LONGEST).contains(&text.chars().count()) && text.chars().all(fits) && words_alone
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
        for good in
            ["1234", "W4SC", "Талон № 17", "Toʻlov: 1 250 000 soʻm", "<b>&amp;", "É – “x”", &"ў".repeat(100)]
        {
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
            &"a".repeat(101),
        ] {
            assert!(!is_shown_verbatim(bad), "{bad:?}");
        }
    }
}
