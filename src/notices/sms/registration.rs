//! Texts of messages of a registration on-line (R113, D-e).

/// The message with the code that completes a registration. `language_tag` and `host` as for [`sign_in_text`](super::text::sign_in_text). In
/// Latin letters it is one segment, in Cyrillic ones two at most.
pub fn code_text(language_tag: &str, code: &str, host: &str) -> String {
    let says = match language_tag {
        "en" => format!("Yagona: the code of your registration is {code}. Do not tell it to anyone."),
        "ru" => format!("Yagona: код регистрации {code}. Никому не сообщайте"),
        "uz-Cyrl" => format!("Yagona: рўйхатдан ўтиш коди {code}. Ҳеч кимга айтманг"),
        _ => format!("Yagona: ro'yxatdan o'tish kodi {code}. Uni hech kimga aytmang."),
    };
    format!("{says}\n@{host} #{code}")
}

/// The message with the code by which a person shows at a place that they have a number (R107): they tell it to whoever serves them. As long
/// as [`code_text`].
pub fn place_code_text(language_tag: &str, code: &str) -> String {
    match language_tag {
        "en" => format!(
            "Yagona: your account code is {code}. Tell it to the employee who serves you, and to nobody else."
        ),
        "ru" => format!(
            "Yagona: код для учётной записи {code}. Назовите его только сотруднику, который Вас обслуживает"
        ),
        "uz-Cyrl" => {
            format!("Yagona: ҳисобингиз учун код {code}. Уни фақат сизга хизмат кўрсатаётган ходимга айтинг")
        }
        _ => format!(
            "Yagona: hisobingiz uchun kod {code}. Uni faqat sizga xizmat ko'rsatayotgan xodimga ayting."
        ),
    }
}

/// The first credential of an account, as its message tells it.
#[derive(Clone, Copy, Debug)]
pub enum Told<'a> {
    /// There is none.
    Nothing,
    /// A temporary password.
    Password(&'a str),
    /// An address by which a password is set.
    Link(&'a str),
}

/// The message that an account was opened, with its first credential, which works for so many hours (D-e): the login is the person's
/// PINFL, which it does not spell out, and is not named where nobody signs in by password. With a password it is as long as [`code_text`]; a link may need a segment more.
pub fn opened_text(language_tag: &str, host: &str, told: Told<'_>, hours: i64) -> String {
    if matches!(told, Told::Nothing) {
        return match language_tag {
            "en" => format!("Yagona: your account is open. {host}"),
            "ru" => format!("Yagona: Ваша учётная запись открыта. {host}"),
            "uz-Cyrl" => format!("Yagona: ҳисобингиз очилди. {host}"),
            _ => format!("Yagona: hisobingiz ochildi. {host}"),
        };
    }
    let account = match language_tag {
        "en" => "Yagona: your account is open. Login: your PINFL.",
        "ru" => "Yagona: логин - Ваш ПИНФЛ.",
        "uz-Cyrl" => "Yagona: логин - ЖШШИРингиз.",
        _ => "Yagona: hisobingiz ochildi. Login: JShShIRingiz.",
    };
    let credential = match (told, language_tag) {
        (Told::Nothing, _) => String::new(),
        (Told::Password(word), "en") => {
            format!(" Password for {hours} hours: {word} Tell it to nobody. {host}")
        }
        (Told::Password(word), "ru") => format!(" Пароль на {hours} ч: {word} Никому не сообщайте. {host}"),
        (Told::Password(word), "uz-Cyrl") => {
            format!(" {hours} соатлик парол: {word} Ҳеч кимга айтманг. {host}")
        }
        (Told::Password(word), _) => format!(" {hours} soatlik parol: {word} Hech kimga aytmang. {host}"),
        (Told::Link(address), "en") => format!(" Set your password within {hours} hours: {address}"),
        (Told::Link(address), "ru") => format!(" Задайте пароль за {hours} ч: {address}"),
        (Told::Link(address), "uz-Cyrl") => format!(" Паролни {hours} соатда ўрнатинг: {address}"),
        (Told::Link(address), _) => format!(" Parolni {hours} soat ichida o'rnating: {address}"),
    };
    account.to_owned() + &credential
}

#[cfg(test)]
mod tests {
    use super::super::text::{Alphabet, length};
    use super::*;

    #[test]
    fn r113_messages_of_a_registration_are_one_segment_in_latin_letters_and_two_in_cyrillic_ones() {
        for tag in ["uz-Latn", "uz-Cyrl", "ru", "en", "de"] {
            let host = "k".repeat(20);
            let link = format!("https://{host}/password/{}", "x".repeat(22));
            for text in [
                code_text(tag, "123456", &host),
                place_code_text(tag, "123456"),
                opened_text(tag, &host, Told::Password("abcd-efgh-jkmn"), 24),
                opened_text(tag, &host, Told::Link(&link), 24),
                opened_text(tag, &host, Told::Nothing, 24),
            ] {
                let counted = length(&text);
                let cyrillic = ["ru", "uz-Cyrl"].contains(&tag);
                assert_eq!(counted.alphabet == Alphabet::Ucs2, cyrillic, "{text}");
                assert!(counted.parts <= 1 + usize::from(cyrillic), "{} {text}", counted.units);
            }
        }
        assert!(code_text("ru", "123456", "id.yagona.uz").ends_with("\n@id.yagona.uz #123456"));
    }
}
