//! Texts of messages on the way to an identification in Mobile-ID (clauses 16, 17, 25, 26; R38, R43, R62, R63).

/// The message with the code. At a place the person tells it to whoever serves them (R40); otherwise they enter it themselves and
/// tell nobody. `language_tag` and `host` as for [`sign_in_text`](super::text::sign_in_text). In Latin letters it is one segment, in
/// Cyrillic ones two at most.
pub fn code_text(language_tag: &str, code: &str, host: &str, at_place: bool) -> String {
    if at_place {
        return match language_tag {
            "en" => format!(
                "Mobile-ID: your identification code is {code}. Tell it to the employee who serves you, and to nobody else."
            ),
            "ru" => format!(
                "Mobile-ID: код идентификации {code}. Назовите его только сотруднику, который Вас обслуживает"
            ),
            "uz-Cyrl" => format!(
                "Mobile-ID: идентификация коди {code}. Уни фақат сизга хизмат кўрсатаётган ходимга айтинг"
            ),
            _ => format!(
                "Mobile-ID: identifikatsiya kodi {code}. Uni faqat sizga xizmat ko'rsatayotgan xodimga ayting."
            ),
        };
    }
    let says = match language_tag {
        "en" => format!(
            "Mobile-ID: your identification code is {code}. Do not tell it to anyone, not even to staff."
        ),
        "ru" => format!("Mobile-ID: код идентификации {code}. Никому не сообщайте"),
        "uz-Cyrl" => format!("Mobile-ID: идентификация коди {code}. Ҳеч кимга айтманг"),
        _ => format!("Mobile-ID: identifikatsiya kodi {code}. Uni hech kimga, hatto xodimlarga ham aytmang."),
    };
    format!("{says}\n@{host} #{code}")
}

/// The message that the identification was completed (R43, R63), to the number that is enrolled now. With `opened`, where an account
/// was opened with it, it says that the login is the person's PINFL, which it does not spell out (R44, D-e).
pub fn completed_text(language_tag: &str, host: &str, opened: bool) -> String {
    let done = match language_tag {
        "en" => format!("Your number is registered in Mobile-ID. Sign in with it at {host}."),
        "ru" => format!("Ваш номер зарегистрирован в Mobile-ID. Вход: {host}"),
        "uz-Cyrl" => format!("Рақамингиз Mobile-ID'да рўйхатдан ўтди. Кириш: {host}"),
        _ => format!("Raqamingiz Mobile-ID tizimida ro'yxatdan o'tdi. Kirish: {host}"),
    };
    let login = match (opened, language_tag) {
        (false, _) => "",
        (true, "en") => " Your login is your PINFL.",
        (true, "ru") => ". Логин: Ваш ПИНФЛ",
        (true, "uz-Cyrl") => ". Логин: ЖШШИРингиз",
        (true, _) => ". Login: JShShIRingiz",
    };
    format!("{done}{login}")
}

#[cfg(test)]
mod tests {
    use super::super::text::{Alphabet, length};
    use super::*;

    #[test]
    fn r38_r43_messages_of_an_identification_are_one_segment_in_latin_letters_and_two_in_cyrillic_ones() {
        for tag in ["uz-Latn", "uz-Cyrl", "ru", "en", "de"] {
            let host = "k".repeat(20);
            for text in [
                code_text(tag, "123456", &host, true),
                code_text(tag, "123456", &host, false),
                completed_text(tag, &host, true),
                completed_text(tag, &host, false),
            ] {
                let counted = length(&text);
                let cyrillic = ["ru", "uz-Cyrl"].contains(&tag);
                assert_eq!(counted.alphabet == Alphabet::Ucs2, cyrillic, "{text}");
                assert!(counted.parts <= 1 + usize::from(cyrillic), "{} {text}", counted.units);
            }
        }
        let place = code_text("en", "123456", "id.yagona.uz", true);
        assert!(
            place.contains("123456") && !place.contains("#123456"),
            "nobody enters it on a page: {place}"
        );
        assert!(code_text("ru", "123456", "id.yagona.uz", false).ends_with("\n@id.yagona.uz #123456"));
    }
}
