//! The text of the message that an account was locked, to whoever asked for that by SMS: in the language of the person's messages.

/// One segment in Latin letters, two at most in Cyrillic ones.
pub fn locked_text(language_tag: &str, host: &str) -> String {
    match language_tag {
        "en" => format!(
            "{host}: your account is locked. To unlock it, go to a state service centre with your document."
        ),
        "ru" => {
            format!("{host}: Ваша учётная запись заблокирована. Разблокировать: центр госуслуг, с документом")
        }
        "uz-Cyrl" => {
            format!("{host}: ҳисобингиз қулфланди. Очиш учун ҳужжат билан давлат хизматлари марказига боринг")
        }
        _ => format!(
            "{host}: hisobingiz qulflandi. Ochish uchun hujjat bilan davlat xizmatlari markaziga boring."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::length;
    use super::*;

    #[test]
    fn the_message_is_one_segment_in_latin_letters_and_two_in_cyrillic_ones() {
        for (tag, parts) in [("uz-Latn", 1), ("en", 1), ("uz-Cyrl", 2), ("ru", 2)] {
            let text = locked_text(tag, &"k".repeat(20));
            assert!(length(&text).parts <= parts, "{text}");
        }
    }
}
