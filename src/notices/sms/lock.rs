//! The texts of the messages that an account was locked, to whoever asked for that by SMS, and that it was unlocked: in the language of
//! the person's messages.

/// One segment in Latin letters, two at most in Cyrillic ones. `here`: it can be unlocked on the pages of this provider as well.
pub fn locked_text(language_tag: &str, host: &str, here: bool) -> String {
    match (language_tag, here) {
        ("en", true) => format!(
            "Your account is locked. Unlock it at {host}/cabinet/unlock or with your document at a state service centre."
        ),
        ("en", false) => format!(
            "{host}: your account is locked. To unlock it, go to a state service centre with your document."
        ),
        ("ru", true) => format!(
            "Ваша учётная запись заблокирована. Разблокировать: {host}/cabinet/unlock или центр госуслуг, с документом"
        ),
        ("ru", false) => {
            format!("{host}: Ваша учётная запись заблокирована. Разблокировать: центр госуслуг, с документом")
        }
        ("uz-Cyrl", true) => format!(
            "Ҳисобингиз блокланди. Очиш: {host}/cabinet/unlock ёки ҳужжат билан давлат хизматлари марказида"
        ),
        ("uz-Cyrl", false) => {
            format!("{host}: ҳисобингиз блокланди. Очиш учун ҳужжат билан давлат хизматлари марказига боринг")
        }
        (_, true) => format!(
            "Hisobingiz bloklandi. Ochish: {host}/cabinet/unlock yoki hujjat bilan davlat xizmatlari markazida."
        ),
        (_, false) => format!(
            "{host}: hisobingiz bloklandi. Ochish uchun hujjat bilan davlat xizmatlari markaziga boring."
        ),
    }
}

/// As long as the other.
pub fn unlocked_text(language_tag: &str, host: &str) -> String {
    match language_tag {
        "en" => {
            format!("{host}: your account was unlocked. Was it not you? Lock it again: {host}/cabinet/lock")
        }
        "ru" => format!(
            "{host}: Ваша учётная запись разблокирована. Это не Вы? Заблокируйте снова: {host}/cabinet/lock"
        ),
        "uz-Cyrl" => {
            format!("{host}: ҳисобингиз блокдан чиқарилди. Бу Сиз эмасми? Яна блокланг: {host}/cabinet/lock")
        }
        _ => format!(
            "{host}: hisobingiz blokdan chiqarildi. Bu Siz emasmi? Yana bloklang: {host}/cabinet/lock"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::length;
    use super::*;

    #[test]
    fn the_messages_are_one_segment_in_latin_letters_and_two_in_cyrillic_ones() {
        let host = "k".repeat(20);
        for (tag, parts) in [("uz-Latn", 1), ("en", 1), ("uz-Cyrl", 2), ("ru", 2)] {
            let all =
                [locked_text(tag, &host, true), locked_text(tag, &host, false), unlocked_text(tag, &host)];
            for text in all {
                assert!(length(&text).parts <= parts, "{text}");
            }
        }
    }
}
