//! Countries as registers write them: by a number of their own, by the number of ISO 3166-1, or by name in one of three languages.

use crate::people::Category;

/// Code (ISO 3166-1 alpha-2), its number there, and the beginnings of its names in Russian, Uzbek (Latin, Cyrillic) and English, in
/// upper case without apostrophes.
const COUNTRIES: [(&str, u16, &[&str]); 26] = [
    ("UZ", 860, &["УЗБЕКИСТАН", "ЎЗБЕКИСТОН", "OZBEKISTON", "UZBEKISTAN"]),
    ("KZ", 398, &["КАЗАХСТАН", "ҚОЗОҒИСТОН", "QOZOGISTON", "KAZAKHSTAN"]),
    ("KG", 417, &["КЫРГЫЗСТАН", "КИРГИЗИЯ", "ҚИРҒИЗИСТОН", "QIRGIZISTON", "KYRGYZSTAN"]),
    ("TJ", 762, &["ТАДЖИКИСТАН", "ТОЖИКИСТОН", "TOJIKISTON", "TAJIKISTAN"]),
    ("TM", 795, &["ТУРКМЕНИСТАН", "ТУРКМАНИСТОН", "TURKMANISTON", "TURKMENISTAN"]),
    ("RU", 643, &["РОССИЯ", "РОССИЙСКАЯ ФЕДЕРАЦИЯ", "РФ", "ROSSIYA", "RUSSIA"]),
    ("AF", 4, &["АФГАНИСТАН", "АФҒОНИСТОН", "AFGONISTON", "AFGHANISTAN"]),
    ("CN", 156, &["КИТАЙ", "КНР", "ХИТОЙ", "XITOY", "CHINA"]),
    (
        "KR",
        410,
        &["ЮЖНАЯ КОРЕЯ", "РЕСПУБЛИКА КОРЕЯ", "КОРЕЯ РЕСПУБЛИКАСИ", "KOREYA RESPUBLIKASI", "KOREA, REPUBLIC"],
    ),
    ("TR", 792, &["ТУРЦИЯ", "ТУРКИЯ", "TURKIYA", "TURKEY", "TURKIYE"]),
    ("IN", 356, &["ИНДИЯ", "ҲИНДИСТОН", "HINDISTON", "INDIA"]),
    ("PK", 586, &["ПАКИСТАН", "ПОКИСТОН", "POKISTON", "PAKISTAN"]),
    ("IR", 364, &["ИРАН", "ЭРОН", "ERON", "IRAN"]),
    ("AZ", 31, &["АЗЕРБАЙДЖАН", "ОЗАРБАЙЖОН", "OZARBAYJON", "AZERBAIJAN"]),
    ("AM", 51, &["АРМЕНИЯ", "АРМАНИСТОН", "ARMANISTON", "ARMENIA"]),
    ("GE", 268, &["ГРУЗИЯ", "GRUZIYA", "GEORGIA"]),
    ("BY", 112, &["БЕЛАРУСЬ", "БЕЛОРУССИЯ", "BELARUS"]),
    ("UA", 804, &["УКРАИНА", "UKRAINA", "UKRAINE"]),
    ("MD", 498, &["МОЛДОВА", "MOLDOVA"]),
    ("DE", 276, &["ГЕРМАНИЯ", "GERMANIYA", "GERMANY"]),
    ("FR", 250, &["ФРАНЦИЯ", "FRANSIYA", "FRANCE"]),
    ("GB", 826, &["ВЕЛИКОБРИТАНИЯ", "BUYUK BRITANIYA", "UNITED KINGDOM"]),
    ("US", 840, &["США", "СОЕДИНЕННЫЕ ШТАТЫ", "АҚШ", "AQSH", "UNITED STATES"]),
    ("JP", 392, &["ЯПОНИЯ", "YAPONIYA", "JAPAN"]),
    ("IL", 376, &["ИЗРАИЛЬ", "ISROIL", "ISRAEL"]),
    ("AE", 784, &["ОАЭ", "БАА", "BAA", "UNITED ARAB EMIRATES"]),
];

/// The Personalisation Centre's own number of Uzbekistan.
const OWN_NUMBER: &str = "182";
/// How a person without citizenship is written; ЛБГ stands for "лицо без гражданства".
const STATELESS: [&str; 6] = [
    "ЛБГ",
    "ЛИЦО БЕЗ ГРАЖДАНСТВА",
    "БЕЗ ГРАЖДАНСТВА",
    "ФУҚАРОЛИГИ БЎЛМАГАН",
    "FUQAROLIGI BOLMAGAN",
    "STATELESS",
];

/// The code of a country; [`Category::STATELESS`] for none. The name counts before the number, which registers number differently.
pub(super) fn code(name: Option<&str>, number: Option<&str>) -> Option<&'static str> {
    let name = name.map(|name| {
        let plain: String = name.chars().filter(|c| !crate::people::names::is_apostrophe(*c)).collect();
        plain.trim().to_uppercase()
    });
    if let Some(name) = &name {
        if STATELESS.iter().any(|word| name.starts_with(word)) {
            return Some(Category::STATELESS);
        }
        let known = COUNTRIES
            .iter()
            .find(|(code, _, names)| name == code || names.iter().any(|word| name.starts_with(word)));
        if let Some((code, ..)) = known {
            return Some(code);
        }
    }
    let number = number?;
    if number == OWN_NUMBER {
        return Some("UZ");
    }
    // Numbers of other countries are the register's own unless they are those of ISO; only a name tells them apart.
    let iso: u16 = number.parse().ok()?;
    let known = COUNTRIES.iter().find(|(_, own, _)| *own == iso && iso >= 200);
    if name.is_some() { None } else { known.map(|(code, ..)| *code) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_known_by_its_name_in_any_script_and_uzbekistan_by_both_numbers() {
        for (name, number) in [
            (Some("УЗБЕКИСТАН"), Some("182")),
            (Some("O‘zbekiston Respublikasi"), None),
            (Some("ЎЗБЕКИСТОН"), Some("1")),
            (Some("UZ"), None),
            (None, Some("182")),
            (None, Some("860")),
        ] {
            assert_eq!(code(name, number), Some("UZ"), "{name:?} {number:?}");
        }
        assert_eq!(code(Some("КАЗАХСТАН"), Some("87")), Some("KZ"));
        assert_eq!(code(Some("Fuqaroligi bo'lmagan shaxs"), None), Some("XX"));
        assert_eq!(code(Some("ЛБГ"), Some("999")), Some("XX"));
        assert_eq!(code(Some("НАРНИЯ"), Some("398")), None, "a name that is not known is not guessed at");
        assert_eq!(code(None, Some("4")), None, "a small number may be the register's own");
        assert_eq!(code(None, None), None);
    }
}
