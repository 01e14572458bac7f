//! Text from outside that people are to read as it is written: on pages, in messages and on an operator's terminal.

/// The most marks that one letter bears: letters of this country's languages bear one, and some elsewhere two.
const MOST_MARKS: usize = 2;

/// Whether a text is one line that shows what it says: without characters that nobody sees, that change the direction of
/// others or that no page shows alike, and without letters that bear so many marks that they cover what is near.
pub fn is_shown_as_written(text: &str) -> bool {
    let mut marks = 0;
    text.chars().all(|c| {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        marks <= MOST_MARKS && !c.is_control() && !is_unseen(c)
    })
}

/// Characters that format others or show nothing: Unicode's `Default_Ignorable_Code_Point`, the fillers that are letters by
/// name, separators of lines, private use, and what is no character.
const fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{115f}' | '\u{1160}'
        | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{ffff}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{10ffff}')
}

/// Marks that stand above, below or through the letter before them.
const fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6ed}' | '\u{711}' | '\u{730}'..='\u{74a}'
        | '\u{7eb}'..='\u{7f3}' | '\u{816}'..='\u{82d}' | '\u{859}'..='\u{85b}' | '\u{897}'..='\u{902}'
        | '\u{93a}'..='\u{94d}' | '\u{951}'..='\u{957}' | '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}'
        | '\u{eb1}' | '\u{eb4}'..='\u{ebc}' | '\u{ec8}'..='\u{ece}' | '\u{f18}' | '\u{f19}' | '\u{f35}' | '\u{f37}' | '\u{f39}'
        | '\u{f71}'..='\u{f84}' | '\u{f86}' | '\u{f87}' | '\u{f8d}'..='\u{fbc}' | '\u{102d}'..='\u{103e}'
        | '\u{135d}'..='\u{135f}' | '\u{1712}'..='\u{1715}' | '\u{17b6}'..='\u{17d3}' | '\u{1a55}'..='\u{1a7f}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1b34}'..='\u{1b44}' | '\u{1b6b}'..='\u{1b73}' | '\u{1cd0}'..='\u{1cf9}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{2cef}'..='\u{2cf1}' | '\u{2de0}'..='\u{2dff}'
        | '\u{302a}'..='\u{302f}' | '\u{3099}' | '\u{309a}' | '\u{a66f}'..='\u{a67d}' | '\u{a8e0}'..='\u{a8f1}'
        | '\u{fe20}'..='\u{fe2f}' | '\u{101fd}' | '\u{1d165}'..='\u{1d169}' | '\u{1d16d}'..='\u{1d172}'
        | '\u{1d17b}'..='\u{1d182}' | '\u{1d185}'..='\u{1d18b}' | '\u{1d1aa}'..='\u{1d1ad}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_the_languages_of_the_country_are_shown_as_written() {
        for good in [
            "Soliq qoʻmitasi",
            "O‘zbekiston",
            "Солиқ қўмитаси",
            "и\u{306} и ў",
            "Tax №1 – “Online” 24/7",
            "e\u{301}\u{323}",
            "",
        ] {
            assert!(is_shown_as_written(good), "{good:?}");
        }
    }

    #[test]
    fn what_is_not_seen_or_changes_what_is_seen_is_not() {
        for c in "\n\u{7f}\u{202e}\u{200b}\u{200d}\u{2066}\u{feff}\u{3164}\u{115f}\u{ffa0}\u{ad}\u{2800}\u{fe0f}\u{e0041}\u{e000}\u{2028}".chars() {
            assert!(!is_shown_as_written(&format!("Bank{c} X")), "{c:?}");
        }
        assert!(!is_shown_as_written(&format!("a{}", "\u{301}".repeat(3))));
        assert!(!is_shown_as_written(&format!("ก{}", "\u{e49}".repeat(20))));
        assert!(is_shown_as_written("a\u{301}b\u{301}c\u{301}d\u{301}"));
    }
}
