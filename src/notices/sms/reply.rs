//! The texts by which a person learns by SMS what a service asks of them, and what became of it: for phones that open no pages. They may
//! take several segments; one that takes too many is not sent, and the request is decided on its page alone.

use super::text::length;

/// Segments of the longest text.
const MOST: usize = 6;

/// What a service asks.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Its legal name.
    pub service: &'a str,
    /// What the person is to compare, in the service's words.
    pub message: Option<&'a str>,
    /// What is asked.
    pub what: What<'a>,
    /// The code of the request's message.
    pub code: &'a str,
}

/// What is asked.
#[derive(Clone, Copy)]
pub enum What<'a> {
    /// That they confirm who they are, and nothing more.
    Presence,
    /// Data: each line says which, and what for.
    Data(&'a [String]),
    /// An application: the service's reference, title and summary of it.
    Application(&'a str, &'a str, &'a str),
}

/// The message that says what is asked, and how to answer; `None` where it would be too long.
pub fn asked_text(language_tag: &str, asked: &Asked<'_>) -> Option<String> {
    let Asked { service, message, what, code } = asked;
    let text = match language_tag {
        "en" => {
            let asks = match what {
                What::Presence => "asks you to confirm that it is you".to_owned(),
                What::Data(lines) => format!("asks for: {}", lines.join("; ")),
                What::Application(reference, title, summary) => {
                    format!("asks you to confirm application {reference}: {title}. {summary}")
                }
            };
            let message = message.map(|message| format!(" It writes: \"{message}\".")).unwrap_or_default();
            format!("{service} {asks}.{message} Answer YES {code} if you agree, NO {code} if not.")
        }
        "ru" => {
            let asks = match what {
                What::Presence => "просит подтвердить, что это Вы".to_owned(),
                What::Data(lines) => format!("просит: {}", lines.join("; ")),
                What::Application(reference, title, summary) => {
                    format!("просит подтвердить заявление {reference}: {title}. {summary}")
                }
            };
            let message = message.map(|message| format!(" Сообщение: «{message}».")).unwrap_or_default();
            format!("{service} {asks}.{message} Согласны: ответьте ДА {code}. Не согласны: НЕТ {code}.")
        }
        "uz-Cyrl" => {
            let asks = match what {
                What::Presence => "бу Сиз эканингизни тасдиқлашингизни сўраяпти".to_owned(),
                What::Data(lines) => format!("сўраяпти: {}", lines.join("; ")),
                What::Application(reference, title, summary) => {
                    format!("аризани тасдиқлашингизни сўраяпти: {reference}, {title}. {summary}")
                }
            };
            let message = message.map(|message| format!(" Хабар: «{message}».")).unwrap_or_default();
            format!(
                "{service} {asks}.{message} Рози бўлсангиз, ҲА {code}, рози бўлмасангиз, ЙЎҚ {code} деб жавоб юборинг."
            )
        }
        _ => {
            let asks = match what {
                What::Presence => "bu Siz ekaningizni tasdiqlashingizni so'rayapti".to_owned(),
                What::Data(lines) => format!("so'rayapti: {}", lines.join("; ")),
                What::Application(reference, title, summary) => {
                    format!("arizani tasdiqlashingizni so'rayapti: {reference}, {title}. {summary}")
                }
            };
            let message = message.map(|message| format!(" Xabar: \"{message}\".")).unwrap_or_default();
            format!(
                "{service} {asks}.{message} Rozi bo'lsangiz, HA {code}, rozi bo'lmasangiz, YO'Q {code} deb javob yuboring."
            )
        }
    };
    // What the service wrote may have lines of its own, and signs that take twice the room.
    let text = text.replace(['\u{02bb}', '\u{02bc}', '\u{2018}', '\u{2019}'], "'");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").replace("..", ".");
    (length(&text).parts <= MOST).then_some(text)
}

/// What is said after an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    /// It was approved.
    Approved,
    /// It was refused.
    Refused,
    /// Nothing can be decided any more.
    Over,
    /// The answer cannot be taken by SMS: what is asked is too long, or the person must see it on the page.
    OnThePage,
    /// The service may not have anything of this person.
    Unsuited,
}

/// The message after an answer.
pub fn told_text(language_tag: &str, service: &str, told: Told) -> String {
    let words = match (language_tag, told) {
        ("en", Told::Approved) => "approved.",
        ("en", Told::Refused) => "refused. Nothing was given.",
        ("en", Told::Over) => "this request cannot be answered any more.",
        ("en", Told::OnThePage) => "this request cannot be answered by SMS. Open the address in its message.",
        ("en", Told::Unsuited) => "refused: this service may not get your data.",
        ("ru", Told::Approved) => "подтверждено.",
        ("ru", Told::Refused) => "отказано. Данные не переданы.",
        ("ru", Told::Over) => "на этот запрос уже нельзя ответить.",
        ("ru", Told::OnThePage) => "на этот запрос нельзя ответить по SMS. Откройте адрес из сообщения.",
        ("ru", Told::Unsuited) => "отказано: этому сервису нельзя получать Ваши данные.",
        ("uz-Cyrl", Told::Approved) => "тасдиқланди.",
        ("uz-Cyrl", Told::Refused) => "рад этилди. Маълумот берилмади.",
        ("uz-Cyrl", Told::Over) => "бу сўровга энди жавоб бериб бўлмайди.",
        ("uz-Cyrl", Told::OnThePage) => {
            "бу сўровга СМС орқали жавоб бериб бўлмайди. Хабардаги манзилни очинг."
        }
        ("uz-Cyrl", Told::Unsuited) => "рад этилди: бу хизматга маълумотларингизни бериб бўлмайди.",
        (_, Told::Approved) => "tasdiqlandi.",
        (_, Told::Refused) => "rad etildi. Ma'lumot berilmadi.",
        (_, Told::Over) => "bu so'rovga endi javob berib bo'lmaydi.",
        (_, Told::OnThePage) => "bu so'rovga SMS orqali javob berib bo'lmaydi. Xabardagi manzilni oching.",
        (_, Told::Unsuited) => "rad etildi: bu xizmatga ma'lumotlaringizni berib bo'lmaydi.",
    };
    format!("{service}: {words}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_says_who_asks_what_for_what_until_when_and_how_to_answer() {
        let lines = ["Manzil: soliq uchun, 2027-yil 1-martgacha".to_owned()];
        let asked = Asked {
            service: "Soliq qo‘mitasi",
            message: Some("Talon 17"),
            what: What::Data(&lines),
            code: "123456",
        };
        assert_eq!(
            asked_text("uz-Latn", &asked).unwrap(),
            "Soliq qo'mitasi so'rayapti: Manzil: soliq uchun, 2027-yil 1-martgacha. Xabar: \"Talon 17\". \
             Rozi bo'lsangiz, HA 123456, rozi bo'lmasangiz, YO'Q 123456 deb javob yuboring."
        );
        for (tag, yes, no) in [("en", "YES", "NO"), ("ru", "ДА", "НЕТ"), ("uz-Cyrl", "ҲА", "ЙЎҚ")] {
            let text = asked_text(tag, &asked).unwrap();
            for said in
                ["Soliq qo'mitasi", "Manzil", "Talon 17", &format!("{yes} 123456"), &format!("{no} 123456")]
            {
                assert!(text.contains(said), "{tag}: {text}");
            }
            let application = Asked {
                what: What::Application("AB-17", "Ariza", "Bir\nikki"),
                ..Asked { message: None, ..asked }
            };
            let text = asked_text(tag, &application).unwrap();
            assert!(text.contains("AB-17") && text.contains("Bir ikki") && !text.contains('\n'), "{text}");
            assert!(asked_text(tag, &Asked { what: What::Presence, ..application }).is_some());
            let long = "я".repeat(70 * MOST);
            let long = Asked { message: Some(&long), what: What::Presence, ..asked };
            assert_eq!(asked_text(tag, &long), None, "what does not fit is not cut short");
        }
    }

    #[test]
    fn what_became_of_it_is_two_segments_at_most() {
        for tag in ["uz-Latn", "uz-Cyrl", "ru", "en"] {
            for told in [Told::Approved, Told::Refused, Told::Over, Told::OnThePage, Told::Unsuited] {
                let text = told_text(tag, "Soliq qo'mitasi", told);
                assert!(length(&text).parts <= 2, "{text}");
            }
        }
    }
}
