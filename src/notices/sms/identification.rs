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

/// Whether an account was opened with an identification, and what it got.
#[derive(Clone, Copy, Debug)]
pub enum Opened<'a> {
    /// There was one before.
    Before,
    /// It has no credential but the number.
    Now,
    /// A temporary password, for so many hours.
    Password(&'a str, i64),
    /// An address by which a password is set, for so many hours.
    Link(&'a str, i64),
}

/// The message that the identification was completed (R43, R63), to the number that is enrolled now. Where an account was opened with
/// it, it says that the login is the person's PINFL, which it does not spell out, and tells its first credential (R44, D-e).
pub fn completed_text(language_tag: &str, host: &str, opened: Opened<'_>) -> String {
    match opened {
        Opened::Password(password, hours) => {
            return match language_tag {
                "en" => format!(
                    "Mobile-ID: you are registered at {host}. Login: your PINFL. Temporary password for {hours} hours: {password} Tell it to nobody."
                ),
                "ru" => format!(
                    "Mobile-ID подключён, {host}. Логин: Ваш ПИНФЛ. Временный пароль на {hours} ч: {password} Никому не сообщайте"
                ),
                "uz-Cyrl" => format!(
                    "Mobile-ID уланди, {host}. Логин: ЖШШИРингиз. {hours} соатлик парол: {password} Ҳеч кимга айтманг"
                ),
                _ => format!(
                    "Mobile-ID: ro'yxatdan o'tdingiz, {host}. Login: JShShIRingiz. {hours} soatlik vaqtinchalik parol: {password} Hech kimga aytmang."
                ),
            };
        }
        Opened::Link(address, hours) => {
            return match language_tag {
                "en" => format!(
                    "Mobile-ID: you are registered. Login: your PINFL. Set your password within {hours} hours: {address}"
                ),
                "ru" => format!("Mobile-ID подключён. Логин: ПИНФЛ. Задайте пароль за {hours} ч: {address}"),
                "uz-Cyrl" => {
                    format!("Mobile-ID уланди. Логин: ЖШШИР. Паролни {hours} соатда ўрнатинг: {address}")
                }
                _ => format!(
                    "Mobile-ID: ro'yxatdan o'tdingiz. Login: JShShIR. Parolni {hours} soat ichida o'rnating: {address}"
                ),
            };
        }
        Opened::Before | Opened::Now => {}
    }
    let done = match language_tag {
        "en" => format!("Your number is registered in Mobile-ID. Sign in with it at {host}."),
        "ru" => format!("Ваш номер зарегистрирован в Mobile-ID. Вход: {host}"),
        "uz-Cyrl" => format!("Рақамингиз Mobile-ID'да рўйхатдан ўтди. Кириш: {host}"),
        _ => format!("Raqamingiz Mobile-ID tizimida ro'yxatdan o'tdi. Kirish: {host}"),
    };
    let login = match (opened, language_tag) {
        (Opened::Now, "en") => " Your login is your PINFL.",
        (Opened::Now, "ru") => ". Логин: Ваш ПИНФЛ",
        (Opened::Now, "uz-Cyrl") => ". Логин: ЖШШИРингиз",
        (Opened::Now, _) => ". Login: JShShIRingiz",
        _ => "",
    };
    format!("{done}{login}")
}

/// As [`completed_text`], to somebody whose account nobody had confirmed until then: whatever signed in there before has ended, and the
/// first credential is a new one.
pub fn anew_text(language_tag: &str, host: &str, opened: Opened<'_>) -> String {
    match (opened, language_tag) {
        (Opened::Password(password, hours), "en") => format!(
            "Mobile-ID: registered, {host}. Former means of sign-in ended. Login: your PINFL. Password for {hours} hours: {password} Tell it to nobody."
        ),
        (Opened::Password(password, hours), "ru") => format!(
            "Mobile-ID подключён, {host}. Прежний доступ отменён. Логин: ПИНФЛ. Пароль на {hours} ч: {password} Никому не сообщайте"
        ),
        (Opened::Password(password, hours), "uz-Cyrl") => format!(
            "Mobile-ID уланди, {host}. Аввалги кириш бекор бўлди. Логин: ЖШШИР. {hours} соатлик парол: {password} Ҳеч кимга айтманг"
        ),
        (Opened::Password(password, hours), _) => format!(
            "Mobile-ID: ro'yxatdan o'tdingiz, {host}. Avvalgi kirish bekor qilindi. Login: JShShIR. {hours} soatlik parol: {password} Hech kimga aytmang."
        ),
        (Opened::Link(address, hours), "en") => format!(
            "Mobile-ID: registered; former means of sign-in ended. Set a password within {hours} hours: {address}"
        ),
        (Opened::Link(address, hours), "ru") => {
            format!("Mobile-ID подключён. Прежний доступ отменён. Задайте пароль за {hours} ч: {address}")
        }
        (Opened::Link(address, hours), "uz-Cyrl") => {
            format!("Mobile-ID уланди. Аввалги кириш бекор. Паролни {hours} соатда ўрнатинг: {address}")
        }
        (Opened::Link(address, hours), _) => format!(
            "Mobile-ID ulandi. Avvalgi kirish bekor qilindi. Parolni {hours} soat ichida o'rnating: {address}"
        ),
        (Opened::Before | Opened::Now, "en") => {
            format!(
                "Your number is registered in Mobile-ID. Former means of sign-in ended. Sign in with it at {host}."
            )
        }
        (Opened::Before | Opened::Now, "ru") => {
            format!("Ваш номер зарегистрирован в Mobile-ID. Прежний доступ отменён. Вход: {host}")
        }
        (Opened::Before | Opened::Now, "uz-Cyrl") => {
            format!("Рақамингиз Mobile-ID'да рўйхатдан ўтди. Аввалги кириш бекор бўлди. Кириш: {host}")
        }
        (Opened::Before | Opened::Now, _) => format!(
            "Raqamingiz Mobile-ID tizimida ro'yxatdan o'tdi. Avvalgi kirish bekor qilindi. Kirish: {host}"
        ),
    }
}

/// The message of a recovery in person (R107, R120): a temporary password, for so many hours, to the number that is the person's own.
pub fn recovered_text(language_tag: &str, host: &str, password: &str, hours: i64) -> String {
    match language_tag {
        "en" => format!(
            "{host}: your temporary password for {hours} hours is {password} Tell it to nobody, not even to staff."
        ),
        "ru" => {
            format!("{host}: временный пароль на {hours} ч: {password} Никому не сообщайте, даже сотрудникам")
        }
        "uz-Cyrl" => format!("{host}: {hours} соатлик парол: {password} Ҳеч кимга, ходимга ҳам айтманг"),
        _ => format!(
            "{host}: {hours} soatlik vaqtinchalik parol: {password} Hech kimga, hatto xodimlarga ham aytmang."
        ),
    }
}

/// The message of a recovery, to every number that is the person's: it can be stopped at an address until then.
pub fn recovery_text(language_tag: &str, host: &str, stop: &str) -> String {
    match language_tag {
        "en" => format!("{host}: a new password was set. If it was not you, stop it here: {stop}"),
        "ru" => format!("Задан новый пароль. Если это не Вы, отмените: {stop}"),
        "uz-Cyrl" => format!("Янги парол ўрнатилди. Сиз бўлмасангиз, тўхтатинг: {stop}"),
        _ => format!("{host}: parolingiz yangilandi. Bu siz bo'lmasangiz, shu yerda to'xtating: {stop}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::{Alphabet, length};
    use super::*;

    #[test]
    fn r38_r43_messages_of_an_identification_are_one_segment_in_latin_letters_and_two_in_cyrillic_ones() {
        for tag in ["uz-Latn", "uz-Cyrl", "ru", "en", "de"] {
            let host = "k".repeat(20);
            let address = format!("https://{host}/recover/stop/{}", "w".repeat(22));
            for text in [
                code_text(tag, "123456", &host, true),
                code_text(tag, "123456", &host, false),
                completed_text(tag, &host, Opened::Now),
                completed_text(tag, &host, Opened::Before),
                completed_text(tag, &host, Opened::Password("abcd-efgh-jkmn", 24)),
                completed_text(tag, &host, Opened::Link(&address, 24)),
                anew_text(tag, &host, Opened::Now),
                anew_text(tag, &host, Opened::Password("abcd-efgh-jkmn", 24)),
                anew_text(tag, &host, Opened::Link(&address, 24)),
                recovered_text(tag, &host, "abcd-efgh-jkmn", 24),
                recovery_text(tag, &host, &address),
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
