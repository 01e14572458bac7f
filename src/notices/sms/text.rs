//! Texts that fit one segment: the length of a message as phone networks count it, and the text of a sign-in
//! code in each language. Gateways require approved texts, so all texts are here.

use std::fmt;

use crate::people::names::ascii_apostrophes;

/// Letters of the GSM 7-bit alphabet (3GPP TS 23.038) other than ASCII letters and digits.
const GSM7_SIGNS: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà";
/// Its extension, two units each.
const GSM7_EXTENSION: &str = "\u{000C}^{}\\[~]|€";

/// The encoding of a message, which determines how many characters fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alphabet {
    /// Seven bits: 160 units in a single segment, 153 in each of several.
    Gsm7,
    /// UTF-16: 70 units in a single segment, 67 in each of several. Used as soon as one character is outside GSM-7.
    Ucs2,
}

impl Alphabet {
    fn single(self) -> usize {
        match self {
            Self::Gsm7 => 160,
            Self::Ucs2 => 70,
        }
    }

    fn of_several(self) -> usize {
        match self {
            Self::Gsm7 => 153,
            Self::Ucs2 => 67,
        }
    }

    /// Units of a character; meaningful only for characters of the alphabet.
    fn units(self, c: char) -> usize {
        match self {
            Self::Gsm7 => 1 + usize::from(GSM7_EXTENSION.contains(c)),
            Self::Ucs2 => c.len_utf16(),
        }
    }
}

/// A message's length as networks count and charge it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length {
    /// The encoding that the text needs.
    pub alphabet: Alphabet,
    /// Units of that encoding: septets of GSM-7, or UTF-16 code units.
    pub units: usize,
    /// Segments, each charged; 0 for an empty text.
    pub parts: usize,
}

/// Measures a text. A letter of two units is never split between segments.
pub fn length(text: &str) -> Length {
    let alphabet = if text.chars().all(is_gsm7) { Alphabet::Gsm7 } else { Alphabet::Ucs2 };
    let units: usize = text.chars().map(|c| alphabet.units(c)).sum();
    if units <= alphabet.single() {
        return Length { alphabet, units, parts: usize::from(units > 0) };
    }
    let (mut parts, mut filled) = (1, 0);
    for c in text.chars() {
        if filled + alphabet.units(c) > alphabet.of_several() {
            (parts, filled) = (parts + 1, 0);
        }
        filled += alphabet.units(c);
    }
    Length { alphabet, units, parts }
}

fn is_gsm7(c: char) -> bool {
    c.is_ascii_alphanumeric() || GSM7_SIGNS.contains(c) || GSM7_EXTENSION.contains(c)
}

/// A sign-in code's length in digits, which all lengths below count with.
const CODE_DIGITS: usize = 6;

/// The text around the service's name and the code. A Cyrillic message has 70 units, so its text is the shortest
/// that still warns.
#[derive(Clone, Copy)]
struct Words {
    first: &'static str,
    between: &'static str,
    last: &'static str,
}

/// The texts of a language for a sign-in, the one that says most first; Latin Uzbek for other tags. The last one says only that
/// it is a code, so it serves every purpose.
fn words(language_tag: &str) -> &'static [Words] {
    const fn words(first: &'static str, between: &'static str, last: &'static str) -> Words {
        Words { first, between, last }
    }
    const EN: &[Words] = &[words("Your code for ", " is ", ". Do not tell it to anyone, not even to staff.")];
    const RU: &[Words] = &[
        words("", ": код входа ", ". Никому не сообщайте"),
        words("", ", вход: ", ". Никому не говорите"),
        words("", ": ", ". Никому не говорите"),
    ];
    const UZ_CYRL: &[Words] = &[
        words("", ": кириш коди ", ". Ҳеч кимга айтманг"),
        words("", ", кириш: ", ". Ҳеч кимга айтманг"),
        words("", ": ", ". Ҳеч кимга айтманг"),
    ];
    const UZ_LATN: &[Words] = &[words("", " uchun kod: ", ". Uni hech kimga, hatto xodimlarga ham aytmang.")];
    match language_tag {
        "en" => EN,
        "ru" => RU,
        "uz-Cyrl" => UZ_CYRL,
        _ => UZ_LATN,
    }
}

/// The first of the texts that fits one segment; otherwise the last.
fn fitting(all: &[Words], service: &str, code: &str, host: &str) -> String {
    let service = written(service);
    let text = |words: &Words| {
        let Words { first, between, last } = words;
        format!("{first}{service}{between}{code}{last}\n@{host} #{code}")
    };
    let mut texts = all.iter().map(text);
    let mut chosen = texts.next().unwrap_or_default();
    for shorter in texts {
        if length(&chosen).parts == 1 {
            break;
        }
        chosen = shorter;
    }
    chosen
}

/// The message with a sign-in code: the service, what the code is for where that fits one segment, a warning not to share it,
/// and as its last line `@host #code`, from which phones fill in the code on that host's pages only.
///
/// `language_tag` is `uz-Latn`, `uz-Cyrl`, `ru` or `en` (another means Latin Uzbek), `service` the service's short name in that
/// language, `host` the provider's host name in ASCII without port.
pub fn sign_in_text(language_tag: &str, service: &str, code: &str, host: &str) -> String {
    fitting(words(language_tag), service, code, host)
}

/// The words of a code that permits a release of data.
fn permission_words(language_tag: &str) -> Words {
    let (first, between, last) = match language_tag {
        "en" => ("Code to let ", " have your data: ", ". Do not tell it to anyone, not even to staff."),
        "ru" => ("", ": согласие ", ". Никому не говорите"),
        "uz-Cyrl" => ("", ": розилик ", ". Ҳеч кимга айтманг"),
        _ => ("", ": ma'lumot berishga ruxsat kodi: ", ". Uni hech kimga, hatto xodimlarga ham aytmang."),
    };
    Words { first, between, last }
}

/// The message with a code that permits a release of data: as [`sign_in_text`], and it says so where that leaves one
/// segment. A longer one says only that it is a code, and the page alone says what the code permits.
pub fn permission_text(language_tag: &str, service: &str, code: &str, host: &str) -> String {
    let all = [permission_words(language_tag), *words(language_tag).last().unwrap_or(&words("")[0])];
    fitting(&all, service, code, host)
}

/// The texts of a code by which a person approves what a service asks, the one that says most first: what stands before the
/// service's name, before the code, before the address, and at the end. The last one still says what the code does.
fn approval_words(language_tag: &str) -> [[&'static str; 4]; 2] {
    match language_tag {
        "en" => [
            ["", " asks you to approve: code ", ", enter it at ", ". Do not tell it to anyone."],
            ["", ": approval ", ", ", ". Tell nobody"],
        ],
        "ru" => [
            ["", ": код подтверждения ", ". Введите его на ", ". Никому не говорите"],
            ["", ": подтверждение ", ", ", ". Никому не говорите"],
        ],
        "uz-Cyrl" => [
            ["", ": тасдиқлаш коди ", ". Киритиш: ", ". Ҳеч кимга айтманг"],
            ["", ": тасдиқ ", ", ", ". Ҳеч кимга айтманг"],
        ],
        _ => [
            ["", ": tasdiqlash kodi ", ". Kiritish manzili: ", ". Uni hech kimga aytmang."],
            ["", ": tasdiq ", ", ", ". Hech kimga aytmang"],
        ],
    }
}

/// The message with a code by which a person approves what a service asks of them, and the address at which it is entered,
/// `at`, with its scheme: it stands where people are not at any page of this provider, and a browser would try another one first. In
/// Latin letters it is one segment, in Cyrillic ones, of which a segment holds 70, two; [`approval_fits`] holds names to that.
pub fn approval_text(language_tag: &str, service: &str, code: &str, (host, at): (&str, &str)) -> String {
    let service = written(service);
    let mut chosen = String::new();
    for [first, before, between, last] in approval_words(language_tag) {
        chosen = format!("{first}{service}{before}{code}{between}{at}{last}\n@{host} #{code}");
        let Length { alphabet, parts, .. } = length(&chosen);
        if parts <= 1 + usize::from(alphabet == Alphabet::Ucs2) {
            break;
        }
    }
    chosen
}

/// Checks that the message in which a service asks for an approval, with this name of it, fits the segments of its letters and still
/// says what its code does; called when a client is registered for that, and at start. `at` as for [`approval_text`].
///
/// # Errors
/// [`TooLong`] with the excess.
pub fn approval_fits(language_tag: &str, service: &str, (host, at): (&str, &str)) -> Result<(), TooLong> {
    let text = approval_text(language_tag, service, &"0".repeat(CODE_DIGITS), (host, at));
    let Length { alphabet, units, .. } = length(&text);
    let most = match (language_tag, alphabet) {
        ("ru" | "uz-Cyrl", Alphabet::Ucs2) => 2 * alphabet.of_several(),
        _ => alphabet.single(),
    };
    match units.saturating_sub(most) {
        0 => Ok(()),
        by => Err(TooLong { by, alphabet }),
    }
}

/// The message that tells a person of wrong codes for their number: in Latin Uzbek, since it is not known which language
/// they read. `host` as for [`sign_in_text`]; it fits one segment with a host of up to 23 letters.
pub fn warning_text(host: &str) -> String {
    format!(
        "Raqamingiz bilan {host} saytiga kirish uchun noto'g'ri kodlar kiritildi. Kodni hech kimga aytmang. Avval kirgan \
         brauzeringizda kirish ishlaydi."
    )
}

/// What an SMS about a notice is about, as far as it says that: no service and nothing of anybody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// A sign-in from where there was none before.
    SignIn,
    /// Somebody got data.
    Data,
    /// Anything else.
    Other,
}

/// The message that there is a notice in the cabinet, whose address is `at`, with its scheme. It fits one segment in each
/// language with a host of up to 23 letters.
pub fn notice_text(language_tag: &str, topic: Topic, at: &str) -> String {
    let says = match (language_tag, topic) {
        ("en", Topic::SignIn) => "New sign-in to your account. Check it: ",
        ("en", Topic::Data) => "Your data were used. See: ",
        ("en", Topic::Other) => "A new notice: ",
        ("ru", Topic::SignIn) => "Новый вход. Проверьте: ",
        ("ru", Topic::Data) => "Ваши данные получены: ",
        ("ru", Topic::Other) => "Новое уведомление: ",
        ("uz-Cyrl", Topic::SignIn) => "Янги кириш. Текширинг: ",
        ("uz-Cyrl", Topic::Data) => "Маълумотингиз олинди: ",
        ("uz-Cyrl", Topic::Other) => "Янги хабарнома: ",
        (_, Topic::SignIn) => "Hisobingizga yangi kirish bo'ldi. Tekshiring: ",
        (_, Topic::Data) => "Ma'lumotlaringizdan foydalanildi. Batafsil: ",
        (_, Topic::Other) => "Yangi xabarnoma: ",
    };
    format!("{says}{at}")
}

/// A name for a message: with apostrophes of GSM-7, and without line breaks.
pub(super) fn written(service: &str) -> String {
    let words = service.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    ascii_apostrophes(&words.collect::<Vec<_>>().join(" "))
}

/// The message with this short name does not fit one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong {
    /// By how many units.
    pub by: usize,
    /// The alphabet that the message would have: UCS-2 under a Latin text means that the name has a letter outside
    /// GSM-7, and another spelling may be enough.
    pub alphabet: Alphabet,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the SMS with this name is {} units too long for one segment", self.by)?;
        match self.alphabet {
            Alphabet::Gsm7 => Ok(()),
            Alphabet::Ucs2 => f.write_str(" of 70 (it has letters outside the GSM alphabet)"),
        }
    }
}

impl std::error::Error for TooLong {}

/// Checks that the sign-in message with this service's name fits one segment; called when a client is registered and
/// at start.
///
/// For the host `id.yagona.uz` (12 letters) a name may have 73 letters in Latin Uzbek, 68 in English, 21 in Cyrillic
/// Uzbek and 20 in Russian; for a host of 20 letters 65, 60, 13 and 12.
///
/// # Errors
/// [`TooLong`] with the excess.
pub fn fits(language_tag: &str, service: &str, host: &str) -> Result<(), TooLong> {
    let Length { alphabet, units, .. } =
        length(&sign_in_text(language_tag, service, &"0".repeat(CODE_DIGITS), host));
    match units.saturating_sub(alphabet.single()) {
        0 => Ok(()),
        by => Err(TooLong { by, alphabet }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "id.yagona.uz";
    const LONG_HOST: &str = "kirish.yagona.gov.uz";

    fn counted(text: &str) -> (Alphabet, usize, usize) {
        let Length { alphabet, units, parts } = length(text);
        (alphabet, units, parts)
    }

    #[test]
    fn r73_a_message_about_a_notice_is_one_segment_in_every_language() {
        for tag in ["uz-Latn", "uz-Cyrl", "ru", "en", "de"] {
            for topic in [Topic::SignIn, Topic::Data, Topic::Other] {
                let text = notice_text(tag, topic, &format!("https://{}/cabinet", "k".repeat(23)));
                let Length { alphabet, parts, .. } = length(&text);
                assert_eq!(parts, 1, "{text}");
                let cyrillic = ["ru", "uz-Cyrl"].contains(&tag);
                assert_eq!(alphabet == Alphabet::Ucs2, cyrillic, "{text}");
            }
        }
        let one = notice_text("uz-Latn", Topic::Other, "https://id.yagona.uz/cabinet");
        assert_eq!(one, "Yangi xabarnoma: https://id.yagona.uz/cabinet");
    }

    #[test]
    fn segments_are_counted_as_networks_count_them() {
        assert_eq!(counted(""), (Alphabet::Gsm7, 0, 0));
        assert_eq!(counted(&"a".repeat(160)), (Alphabet::Gsm7, 160, 1));
        assert_eq!(counted(&"a".repeat(161)), (Alphabet::Gsm7, 161, 2));
        assert_eq!(counted(&"a".repeat(306)), (Alphabet::Gsm7, 306, 2));
        assert_eq!(counted(&"a".repeat(307)), (Alphabet::Gsm7, 307, 3));
        assert_eq!(counted(&"я".repeat(70)), (Alphabet::Ucs2, 70, 1));
        assert_eq!(counted(&"я".repeat(71)), (Alphabet::Ucs2, 71, 2));
        assert_eq!(counted(&"я".repeat(135)), (Alphabet::Ucs2, 135, 3));
    }

    #[test]
    fn the_seven_bit_alphabet_is_whole() {
        // 3GPP TS 23.038 §6.2.1, in its order; 0x1B leads to the extension of §6.2.1.1.
        let basic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                     ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
        assert_eq!(basic.chars().count(), 127);
        for letter in basic.chars() {
            assert_eq!(counted(&letter.to_string()), (Alphabet::Gsm7, 1, 1), "{letter:?}");
        }
        let extension = "\u{c}^{}\\[~]|€";
        assert_eq!(counted(extension), (Alphabet::Gsm7, 20, 1));
        let found = (0..=0x3ff_u32).chain([0x20ac]).filter_map(char::from_u32).filter(|c| is_gsm7(*c));
        assert_eq!(found.count(), 137, "and nothing else is in it");
    }

    #[test]
    fn letters_of_two_units_count_twice_and_are_not_split() {
        assert_eq!(counted(&"€".repeat(80)), (Alphabet::Gsm7, 160, 1));
        // 152 single units leave one unit of the first segment unused by a pair.
        let text = format!("{}{}", "a".repeat(152), "€".repeat(77));
        assert_eq!(counted(&text), (Alphabet::Gsm7, 306, 3));
        assert_eq!(counted(&"😀".repeat(35)), (Alphabet::Ucs2, 70, 1));
    }

    #[test]
    fn one_curly_apostrophe_makes_a_latin_text_ucs2() {
        assert_eq!(counted("So'rov @host #123456\n").0, Alphabet::Gsm7);
        for apostrophe in ["ʻ", "ʼ", "‘", "’", "`"] {
            assert_eq!(counted(&format!("So{apostrophe}rov")).0, Alphabet::Ucs2, "{apostrophe}");
        }
    }

    #[test]
    fn the_words_of_every_language_are_these() {
        let text = |tag| sign_in_text(tag, "Soliq", "123456", HOST);
        assert_eq!(
            text("uz-Latn"),
            "Soliq uchun kod: 123456. Uni hech kimga, hatto xodimlarga ham aytmang.\n@id.yagona.uz #123456"
        );
        assert_eq!(text("uz-Cyrl"), "Soliq: кириш коди 123456. Ҳеч кимга айтманг\n@id.yagona.uz #123456");
        assert_eq!(text("ru"), "Soliq: код входа 123456. Никому не сообщайте\n@id.yagona.uz #123456");
        assert_eq!(
            text("en"),
            "Your code for Soliq is 123456. Do not tell it to anyone, not even to staff.\n@id.yagona.uz #123456"
        );
        assert_eq!(text("de"), text("uz-Latn"));
    }

    #[test]
    fn a_cyrillic_message_says_what_its_code_is_for_as_long_as_it_fits_one_segment() {
        let text = |tag, letters| sign_in_text(tag, &"я".repeat(letters), "123456", HOST);
        for (tag, says, short) in [("ru", "код входа", "вход:"), ("uz-Cyrl", "кириш коди", "кириш:")]
        {
            for letters in 1..=20 {
                let Length { alphabet, units, parts } = length(&text(tag, letters));
                assert!(alphabet == Alphabet::Ucs2 && units <= 70 && parts == 1, "{tag} {letters}: {units}");
            }
            assert!(text(tag, 9).contains(says) && text(tag, 14).contains(short), "{tag}");
            let neutral = text(tag, 20);
            assert!(!neutral.contains("вход") && !neutral.contains("кириш"), "{neutral}");
        }
        let portal = sign_in_text("ru", "Davlat portali", "123456", HOST);
        assert_eq!(portal, "Davlat portali, вход: 123456. Никому не говорите\n@id.yagona.uz #123456");
        assert_eq!(length(&portal).units, 70);
        // A code for a permission is never called one to sign in with.
        for letters in 1..=25 {
            let text = permission_text("ru", &"я".repeat(letters), "123456", HOST);
            assert!(!text.contains("вход"), "{text}");
        }
    }

    #[test]
    fn a_code_that_permits_a_release_says_so_where_one_segment_holds_it() {
        let text = |tag, service: &str| permission_text(tag, service, "123456", HOST);
        assert_eq!(
            text("uz-Latn", "Soliq"),
            "Soliq: ma'lumot berishga ruxsat kodi: 123456. Uni hech kimga, hatto xodimlarga ham aytmang.\n\
             @id.yagona.uz #123456"
        );
        assert_eq!(text("ru", "Soliq"), "Soliq: согласие 123456. Никому не говорите\n@id.yagona.uz #123456");
        assert_eq!(
            text("uz-Cyrl", "Soliq"),
            "Soliq: розилик 123456. Ҳеч кимга айтманг\n@id.yagona.uz #123456"
        );
        assert!(text("en", "Soliq").starts_with("Code to let Soliq have your data: 123456. "));
        for (tag, letter, most) in
            [("uz-Latn", "a", 73), ("uz-Cyrl", "я", 21), ("ru", "я", 20), ("en", "a", 68)]
        {
            let longest = letter.repeat(most);
            assert_eq!(text(tag, &longest), sign_in_text(tag, &longest, "123456", HOST), "{tag}");
        }
    }

    #[test]
    fn a_code_that_approves_says_where_it_is_entered_within_the_segments_of_its_letters() {
        let at = format!("https://{HOST}/a/WDJBMJHT");
        let text = |tag, service: &str| approval_text(tag, service, "123456", (HOST, &at));
        assert_eq!(
            text("uz-Latn", "Soliq"),
            "Soliq: tasdiqlash kodi 123456. Kiritish manzili: https://id.yagona.uz/a/WDJBMJHT. Uni hech kimga aytmang.\n\
             @id.yagona.uz #123456"
        );
        assert_eq!(
            text("ru", "Soliq"),
            "Soliq: код подтверждения 123456. Введите его на https://id.yagona.uz/a/WDJBMJHT. Никому не говорите\n\
             @id.yagona.uz #123456"
        );
        for host in [HOST, LONG_HOST] {
            let at = format!("https://{host}/a/WDJBMJHT");
            for (tag, letter, segments, word) in [
                ("uz-Latn", "a", 1, "tasdiq"),
                ("en", "a", 1, "approv"),
                ("ru", "я", 2, "подтвержд"),
                ("uz-Cyrl", "я", 2, "тасдиқ"),
            ] {
                // The longest names that a registration for this may have.
                let fits = |n: &usize| approval_fits(tag, &letter.repeat(*n), (host, &at)).is_ok();
                let longest = (1..200).take_while(fits).last().unwrap();
                // No fewer than a Cyrillic sign-in message has room for.
                assert!(longest >= 12, "{tag} at {host}: {longest}");
                for letters in 1..=longest {
                    let text = approval_text(tag, &letter.repeat(letters), "123456", (host, &at));
                    assert!(length(&text).parts <= segments, "{tag} {letters} at {host}: {text}");
                    assert!(text.contains(&at) && text.lines().count() == 2, "{text}");
                    // It says what the code does, and is none that signs in (R68, R69).
                    assert!(text.contains(word), "{text}");
                }
            }
        }
        assert_eq!(text("uz-Latn", "Soliq\n@evil.example #1").lines().count(), 2);
    }

    #[test]
    fn the_warning_fits_one_segment() {
        for host in [HOST.to_owned(), LONG_HOST.to_owned(), "h".repeat(23)] {
            let Length { alphabet, parts, .. } = length(&warning_text(&host));
            assert_eq!((alphabet, parts), (Alphabet::Gsm7, 1), "{}", warning_text(&host));
        }
    }

    #[test]
    fn latin_texts_stay_in_the_seven_bit_alphabet_whatever_the_apostrophe() {
        for service in ["Toʻlov", "To‘lov", "Isʼhoq va oʼgʼil", "To`lov"] {
            for tag in ["uz-Latn", "en"] {
                assert_eq!(length(&sign_in_text(tag, service, "123456", HOST)).alphabet, Alphabet::Gsm7);
            }
        }
    }

    #[test]
    fn a_name_cannot_write_the_line_that_phones_read() {
        let text = sign_in_text("uz-Latn", "Soliq\n@evil.example #1\u{0085}x\r", "123456", HOST);
        assert_eq!(text.lines().count(), 2);
        assert!(text.ends_with("\n@id.yagona.uz #123456"));
    }

    #[test]
    fn names_have_the_room_that_the_documentation_says_and_a_longer_one_hears_by_how_much() {
        assert_eq!((HOST.len(), LONG_HOST.len()), (12, 20));
        for (tag, letter, most) in [
            ("uz-Latn", "a", [73, 65]),
            ("uz-Cyrl", "я", [21, 13]),
            ("ru", "я", [20, 12]),
            ("en", "a", [68, 60]),
        ] {
            for (host, most) in [HOST, LONG_HOST].into_iter().zip(most) {
                assert_eq!(fits(tag, &letter.repeat(most), host), Ok(()), "{tag}");
                assert_eq!(fits(tag, &letter.repeat(most + 3), host).unwrap_err().by, 3, "{tag}");
                assert_eq!(length(&sign_in_text(tag, &letter.repeat(most), "123456", host)).parts, 1);
            }
        }
    }

    #[test]
    fn a_foreign_letter_in_a_latin_name_is_what_makes_it_too_long() {
        let refused = fits("uz-Latn", "Şahar", HOST).unwrap_err();
        assert_eq!(refused.alphabet, Alphabet::Ucs2);
        assert!(refused.to_string().contains("outside the GSM alphabet"));
    }
}

#[cfg(test)]
mod properties {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::select;

    /// Letters of both alphabets, of one unit and of two.
    fn any_text() -> impl Strategy<Value = String> {
        prop::collection::vec(select(&["a", "€", "[", "ё", "ў", "😀", "'", " "][..]), 0..400)
            .prop_map(|letters| letters.concat())
    }

    fn latin_text() -> impl Strategy<Value = String> {
        prop::collection::vec(select(&["a", "Z", "€", "[", "'"][..]), 0..400)
            .prop_map(|letters| letters.concat())
    }

    proptest! {
        #[test]
        fn segments_hold_the_text_and_waste_one_unit_each_at_most(text in prop_oneof![any_text(), latin_text(), "\\PC*".boxed()]) {
            let Length { alphabet, units, parts } = length(&text);
            prop_assert_eq!(parts <= 1, units <= alphabet.single());
            prop_assert_eq!(parts == 0, text.is_empty());
            if parts > 1 {
                let full = alphabet.of_several();
                prop_assert!(units <= parts * full && units > (parts - 1) * (full - 1), "{} in {}", units, parts);
            }
        }

        #[test]
        fn more_text_takes_no_fewer_segments(text in any_text(), more in any_text()) {
            let both = length(&(text.clone() + &more));
            prop_assert!(both.parts >= length(&text).parts);
        }

        #[test]
        fn no_name_reaches_the_line_that_phones_read(tag in select(&["uz-Latn", "uz-Cyrl", "ru", "en"][..]), name in any::<String>()) {
            let text = sign_in_text(tag, &name, "123456", "id.yagona.uz");
            let lines: Vec<&str> = text.split(['\n', '\r', '\u{2028}', '\u{85}']).collect();
            prop_assert_eq!(lines.len(), 2, "{}", text);
            prop_assert_eq!(lines[1], "@id.yagona.uz #123456");
        }
    }
}
