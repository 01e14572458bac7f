//! The text of a code that confirms an application (R68, R69): it says so, and which, in one segment. A segment of Cyrillic letters
//! holds 70: where that is too little the message is in Latin letters, Russian transliterated as its readers know it from others.

use super::text::{Alphabet, Length, TooLong, length, written};

/// The names of a service in a message: in the language of the message, and in Latin letters.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// In the language of the message.
    pub own: &'a str,
    /// In Latin letters (`uz-Latn`).
    pub latin: &'a str,
}

/// A text: what stands before the reference, before the code, before the address (where there is one), and at the end.
type Words = [&'static str; 4];

/// The texts of a language, the one that says most first, each with whether it takes the name in Latin letters.
fn words(language_tag: &str) -> &'static [(Words, bool)] {
    const EN: &[(Words, bool)] = &[
        (
            [
                ": confirm application ",
                " by code ",
                ", enter it at ",
                ". Do not tell it to anyone, not even to staff.",
            ],
            false,
        ),
        ([": application ", ", code ", ", ", ". Do not tell it to anyone."], false),
        ([": application ", ", code ", ", ", ". Tell nobody"], true),
    ];
    const RU: &[(Words, bool)] = &[
        ([": заявление ", ", код ", ", ", ". Никому не говорите"], false),
        ([": заявление ", ": ", ", ", ". Никому не говорите"], false),
        ([": podtverzhdenie zayavleniya ", ", kod ", ", ", ". Nikomu ne govorite ego."], true),
        ([": zayavlenie ", ", kod ", ", ", ". Nikomu ne govorite"], true),
    ];
    const UZ_CYRL: &[(Words, bool)] = &[
        ([": ариза ", ", код ", ", ", ". Ҳеч кимга айтманг"], false),
        ([": ариза ", ": ", ", ", ". Ҳеч кимга айтманг"], false),
        ([": ariza ", ", tasdiqlash kodi ", ", ", ". Uni hech kimga aytmang."], true),
        ([": ariza ", ", kod ", ", ", ". Hech kimga aytmang"], true),
    ];
    const UZ_LATN: &[(Words, bool)] = &[
        (
            [
                ": ariza ",
                ", tasdiqlash kodi ",
                ". Kiritish manzili: ",
                ". Uni hech kimga, hatto xodimlarga ham aytmang.",
            ],
            false,
        ),
        ([": ariza ", ", tasdiqlash kodi ", ", ", ". Uni hech kimga aytmang."], false),
        ([": ariza ", ", kod ", ", ", ". Hech kimga aytmang"], true),
    ];
    match language_tag {
        "en" => EN,
        "ru" => RU,
        "uz-Cyrl" => UZ_CYRL,
        _ => UZ_LATN,
    }
}

/// The message with a code that confirms the application that the service calls `reference`; with `at`, the address where it is
/// entered, for people who are not at any page of this provider. `host` as for [`sign_in_text`](super::text::sign_in_text).
pub fn application_text(
    language_tag: &str,
    names: Names<'_>,
    (reference, code): (&str, &str),
    (host, at): (&str, Option<&str>),
) -> String {
    let mut chosen = String::new();
    for ([before, between, address, last], latin) in words(language_tag) {
        let name = written(if *latin { names.latin } else { names.own });
        let at = at.map(|at| format!("{address}{at}")).unwrap_or_default();
        chosen = format!("{name}{before}{reference}{between}{code}{at}{last}\n@{host} #{code}");
        if length(&chosen).parts == 1 {
            break;
        }
    }
    chosen
}

/// Checks that such messages fit one segment with these names of a service, whatever the reference; called when a client is
/// registered for applications, and at start. With `at`, for requests to people who are not at the service's site.
///
/// # Errors
/// [`TooLong`] with the excess.
pub fn application_fits(
    language_tag: &str,
    names: Names<'_>,
    longest_reference: usize,
    (host, at): (&str, Option<&str>),
) -> Result<(), TooLong> {
    let text = application_text(language_tag, names, (&"A".repeat(longest_reference), "000000"), (host, at));
    let Length { alphabet, units, .. } = length(&text);
    let most = match alphabet {
        Alphabet::Gsm7 => 160,
        Alphabet::Ucs2 => 70,
    };
    match units.saturating_sub(most) {
        0 => Ok(()),
        by => Err(TooLong { by, alphabet }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "id.yagona.uz";

    #[test]
    fn r68_the_message_says_that_it_confirms_an_application_and_which() {
        let names = Names { own: "Soliq", latin: "Soliq" };
        let text = |tag| application_text(tag, names, ("AB-17", "123456"), (HOST, None));
        assert_eq!(
            text("uz-Latn"),
            "Soliq: ariza AB-17, tasdiqlash kodi 123456. Uni hech kimga, hatto xodimlarga ham aytmang.\n@id.yagona.uz #123456"
        );
        assert_eq!(
            text("ru"),
            "Soliq: podtverzhdenie zayavleniya AB-17, kod 123456. Nikomu ne govorite ego.\n@id.yagona.uz #123456"
        );
        assert_eq!(text("uz-Cyrl"), "Soliq: ариза AB-17: 123456. Ҳеч кимга айтманг\n@id.yagona.uz #123456");
        assert_eq!(
            text("en"),
            "Soliq: confirm application AB-17 by code 123456. Do not tell it to anyone, not even to staff.\n@id.yagona.uz #123456"
        );
    }

    #[test]
    fn every_message_of_a_name_that_fits_is_one_segment_and_names_the_application() {
        for host in [HOST, "kirish.yagona.gov.uz"] {
            let address = format!("https://{host}/a/WDJBMJHT");
            for at in [None, Some(address.as_str())] {
                for (tag, letter) in [("uz-Latn", "a"), ("uz-Cyrl", "я"), ("ru", "я"), ("en", "a")] {
                    let own = letter.repeat(20);
                    let latin = "a".repeat(20);
                    let names = Names { own: &own, latin: &latin };
                    assert_eq!(
                        application_fits(tag, names, 24, (host, at)),
                        Ok(()),
                        "{tag} at {host} {at:?}"
                    );
                    for reference in ["1", "AB-2026/17", &"Z".repeat(24)] {
                        let text = application_text(tag, names, (reference, "123456"), (host, at));
                        assert_eq!(length(&text).parts, 1, "{text}");
                        assert!(text.contains(reference) && at.is_none_or(|at| text.contains(at)), "{text}");
                        assert!(
                            text.contains("айтманг") || text.contains("говорите") || text.is_ascii(),
                            "{text}"
                        );
                        let says = ["ariza", "ариза", "заявление", "zayavlen", "application"];
                        assert!(says.iter().any(|word| text.contains(word)), "{text}");
                    }
                }
            }
        }
        let long = "a".repeat(120);
        let names = Names { own: &long, latin: &long };
        assert!(application_fits("uz-Latn", names, 24, (HOST, None)).is_err());
    }

    #[test]
    fn a_name_cannot_write_the_line_that_phones_read() {
        let evil = "Soliq\n@evil.example #1";
        let names = Names { own: evil, latin: evil };
        let text = application_text("uz-Latn", names, ("AB-17", "123456"), (HOST, None));
        assert_eq!(text.lines().count(), 2);
    }
}
