//! Every page with short, long and hostile words, in every language.

use std::sync::LazyLock;

use askama::Template;

use super::*;
use crate::platform::web::frame::{Frame, LanguageLink, Service};
use crate::platform::web::markup::{assert_sound, has_id, is_never_translated};
use crate::platform::web::site::Site;
use crate::platform::web::support::Support;
use crate::platform::web::{locale::Language, text::Text};
use crate::sign_in::Over;

const HOSTILE: &str = r#""><script>alert('x')</script><b onclick='y' style="z">"#;
const LONG: &str = "Oʻzbekiston Respublikasi Prezidenti huzuridagi Davlat xizmatlari agentligining \
    xizmatlarniraqamlashtirishvauyushtirishmarkazi";

/// What a page is filled with.
struct Words {
    service: &'static str,
    person: &'static str,
    value: &'static str,
}

const ORDINARY: Words = Words { service: "Davlat portali", person: "KARIMOV ALISHER", value: "AD 1234567" };
const LENGTHY: Words = Words { service: LONG, person: LONG, value: LONG };
const ATTACK: Words = Words { service: HOSTILE, person: HOSTILE, value: HOSTILE };

fn site() -> &'static Site {
    static SITE: LazyLock<Site> = LazyLock::new(|| {
        let phone = Some("+998 71 200-00-00".to_owned());
        let support = Support { phone, url: "https://id.example.uz/help".parse().ok() };
        Site { address: "id.example.uz".to_owned(), support, ..Site::default() }
    });
    &SITE
}

fn frame(language: Language, words: &Words) -> Frame<'static> {
    let link = |other: Language| LanguageLink {
        language: other,
        href: format!("/sign-in/number?t=9f2c&ui_locales={}", other.tag()),
        current: other == language,
    };
    let service = Service {
        name: words.service,
        owner: words.person,
        icon: None,
        home: Some("https://portal.example/"),
        policy: Some("https://portal.example/privacy"),
        terms: Some("https://portal.example/terms"),
    };
    Frame {
        text: Text::new(language),
        site: site(),
        service: Some(service),
        languages: Language::ALL.map(link).into(),
        form_action: "/sign-in/step?t=9f2c",
    }
}

fn datum(id: &str, label: &str, values: &[&str], new: bool) -> Datum {
    Datum {
        id: id.into(),
        label: label.into(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        warning: new.then(|| format!("Expired {label}")),
        why: new.then(|| format!("why {label}")),
        is_new: new,
        had: !new,
    }
}

fn data(words: &Words) -> Vec<Datum> {
    let v = words.value;
    vec![datum("name", v, &[words.person, v], true), datum("document", "Document", &[v, v, v, v], false)]
}

fn number(language: Language, words: &Words, error: Option<NumberError>) -> String {
    let error = error.map(|error| error.message(Text::new(language)));
    let frame = frame(language, words);
    NumberPage {
        frame,
        phone: words.value,
        error,
        others: Vec::new(),
        register: None,
        unlock: None,
        cancel: "/sign-in/cancel",
    }
    .render()
    .unwrap()
}

fn code_page(language: Language, words: &Words) -> CodePage<'static> {
    CodePage {
        frame: frame(language, words),
        number: "+998 90 123 45 67",
        data: Some(CodeData { meaning: CodeMeaning::Asked, labels: vec![words.value] }),
        over: None,
        error: None,
        resent: false,
        next: Next::Resend { seconds: 30 },
        slow: false,
        strangers: false,
        for_device: true,
        seconds: 180,
        back: "/sign-in/number",
        cancel: "/sign-in/cancel",
    }
}

fn permission(language: Language, words: &Words) -> String {
    let meaning = CodeMeaning::Permits { digest: "digest".to_owned(), until: words.value.to_owned() };
    let data = Some(CodeData { meaning, labels: vec![words.value] });
    CodePage { data, back: "/sign-in/consent", ..code_page(language, words) }.render().unwrap()
}

fn consent_page(language: Language, words: &Words) -> ConsentPage<'static> {
    ConsentPage {
        frame: frame(language, words),
        person_name: words.person,
        required: data(words),
        optional: vec![
            datum("phone", "Phone", &[words.value], true),
            datum("email", words.value, &[], false),
        ],
        shown: "digest",
        changed: true,
        changes: vec!["A change", words.value],
        ends: Some(words.value.to_owned()),
        refusal_ends: true,
        code_to: Some("+998 •• ••• 45 67"),
        recipients: Some(words.value),
        purpose: words.value,
        details: vec![AskedFor {
            purpose: words.value.to_owned(),
            terms: words.value.to_owned(),
            told: Some(words.value.to_owned()),
        }],
        basis: Some(words.value),
        until: Text::new(language).date_for_suffix(1_795_244_400),
        offline: true,
        for_device: true,
    }
}

fn consent(language: Language, words: &Words) -> String {
    consent_page(language, words).render().unwrap()
}

fn resume(language: Language, words: &Words) -> String {
    let frame = frame(language, words);
    let sends = data(words);
    ContinuePage {
        frame,
        person_name: words.person,
        masked_phone: Some("+998 •• ••• 45 67"),
        asks: false,
        application: false,
        sends,
        cancel: "/sign-in/cancel",
    }
    .render()
    .unwrap()
}

fn approval_page(language: Language, words: &Words) -> ApprovalPage<'static> {
    let choice = |id| Choice { id, label: words.value, why: Some(words.value.to_owned()), ticked: false };
    ApprovalPage {
        frame: frame(language, words),
        message: Some(words.value),
        required: vec![choice("name")],
        optional: vec![choice("phone")],
        details: Vec::new(),
        by_law: false,
        purpose: words.value,
        basis: Some(words.value),
        recipients: Some(words.value),
        until: Text::new(language).date_for_suffix(1_795_244_400),
        offline: true,
        shown: "digest",
        changed: false,
        error: Some(CodeError::Wrong { left: 3 }.message(Text::new(language))),
        typed: None,
    }
}

fn application_page(language: Language, words: &Words, at_sign_in: bool) -> String {
    let application = Shown {
        title: words.value.to_owned(),
        summary: vec![words.value.to_owned(), words.person.to_owned()],
        reference: "AB-2026/17".to_owned(),
        hash: "2CF2 4DBA 5FB0 A30E".to_owned(),
    };
    let error = CodeError::Wrong { left: 3 }.message(Text::new(language));
    ApplicationPage {
        frame: frame(language, words),
        application,
        message: (!at_sign_in).then_some(words.value),
        shown: "digest",
        changed: at_sign_in,
        code_to: at_sign_in.then_some("+998 •• ••• 45 67"),
        error: (!at_sign_in).then_some(error),
        typed: None,
    }
    .render()
    .unwrap()
}

fn confirmation(language: Language, words: &Words) -> String {
    let meaning = CodeMeaning::Confirms { digest: "digest".to_owned(), title: words.value.to_owned() };
    let data = Some(CodeData { meaning, labels: Vec::new() });
    CodePage { data, ..code_page(language, words) }.render().unwrap()
}

fn signed_out(language: Language, words: &Words) -> String {
    let back = Some(("https://portal.example/?a=1&b=2", words.service));
    SignedOutPage {
        frame: Frame { service: None, ..frame(language, words) },
        back,
        frames: &["https://portal.example/bye?a=<b>&sid=x".to_owned()],
        goes_on: true,
        still_at: &[words.service],
    }
    .render()
    .unwrap()
}

fn welcome(language: Language, words: &Words) -> String {
    let frame = Frame { service: None, ..frame(language, words) };
    WelcomePage { frame, signed_in_as: Some(words.person.into()), registers: true }.render().unwrap()
}

fn toll(language: Language, words: &Words, why: TollReason) -> String {
    let text = Text::new(language);
    TollPage {
        frame: frame(language, words),
        why: why.message(text),
        name: "login",
        typed: words.value,
        held: Some("sealed"),
        toll: "sealed",
        bits: 14,
        wait: text.waiting(60),
        cancel: "/sign-in/cancel",
    }
    .render()
    .unwrap()
}

fn doubted(language: Language, words: &Words) -> String {
    let label = Text::new(language).get("means.mobile_id");
    MeansPage {
        frame: frame(language, words),
        step_up: true,
        doubted: true,
        means: vec![OtherMeans { href: "/sign-in/number".to_owned(), id: "mobile_id", label }],
        error: None,
        unlock: None,
        cancel: "/sign-in/cancel",
    }
    .render()
    .unwrap()
}

/// Every page with the ids that people's helpers and automated browsers rely on.
fn pages(language: Language, words: &Words) -> Vec<(String, &'static [&'static str])> {
    let broken = CodePage {
        error: Some(CodeError::Wrong { left: 3 }.message(Text::new(language))),
        slow: true,
        strangers: true,
        ..code_page(language, words)
    };
    vec![
        (number(language, words, None), &["phone", "continue", "cancel"]),
        (number(language, words, Some(NumberError::Empty)), &["phone", "continue", "cancel", "error"]),
        (number(language, words, Some(NumberError::NotUzbekMobile)), &["phone", "continue", "error"]),
        (
            code_page(language, words).render().unwrap(),
            &["code", "continue", "resend", "cancel", "change-number"],
        ),
        (broken.render().unwrap(), &["code", "continue", "resend", "error", "strangers"]),
        (
            permission(language, words),
            &["code", "code-data", "continue", "resend", "cancel", "change-choice"],
        ),
        (toll(language, words, TollReason::Codes), &["toll-form", "go-on", "cancel"]),
        (toll(language, words, TollReason::Passwords), &["toll-form", "go-on", "cancel"]),
        (toll(language, words, TollReason::Networks), &["toll-form", "go-on", "cancel"]),
        (doubted(language, words), &["doubted", "mobile_id", "cancel"]),
        (consent(language, words), &["allow", "deny", "changed", "changes"]),
        (
            approval_page(language, words).render().unwrap(),
            &[
                "binding-message",
                "approval-data",
                "datum-phone",
                "code",
                "allow",
                "deny",
                "error",
                "code-error",
            ],
        ),
        (application_page(language, words, true), &["application", "hash", "allow", "deny", "changed"]),
        (
            application_page(language, words, false),
            &["application", "binding-message", "code", "allow", "deny", "error", "code-error"],
        ),
        (
            confirmation(language, words),
            &["code", "code-data", "continue", "resend", "cancel", "change-choice"],
        ),
        (resume(language, words), &["continue", "other", "signout"]),
        (SignOutPage { frame: frame(language, words) }.render().unwrap(), &["continue", "stay"]),
        (signed_out(language, words), &["signed-out", "back"]),
        (welcome(language, words), &["signout"]),
    ]
}

#[test]
fn every_page_is_sound_and_has_its_ids_in_every_language() {
    for language in Language::ALL {
        for words in [&ORDINARY, &LENGTHY] {
            for (html, ids) in pages(language, words) {
                assert_sound(&html, language);
                for id in ids {
                    assert!(has_id(&html, id), "#{id} is missing in {}", language.tag());
                }
            }
        }
    }
}

#[test]
fn nothing_that_others_wrote_becomes_markup() {
    for language in Language::ALL {
        for (html, _) in pages(language, &ATTACK) {
            assert_sound(&html, language);
            assert!(!html.contains("<script>") && !html.contains("<b "));
            assert!(html.contains("&#60;script&#62;alert(&#39;x&#39;)"));
        }
    }
}

#[test]
fn names_are_never_translated() {
    for (html, _) in pages(Language::Ru, &ORDINARY) {
        for name in [ORDINARY.service, ORDINARY.person] {
            if html.split_once("<body>").unwrap().1.contains(&format!(">{name}<")) {
                assert!(is_never_translated(&html.replace("value=\"KARIMOV ALISHER\"", ""), name), "{name}");
            }
        }
    }
}

#[test]
fn a_number_page_keeps_what_was_typed_and_ties_the_message_to_the_field() {
    let html = number(Language::En, &ORDINARY, Some(NumberError::NotUzbekMobile));
    assert!(
        html.contains(r#"value="AD 1234567" aria-invalid="true" aria-describedby="phone-error phone-hint""#)
    );
    assert!(html.contains(r#"autocomplete="tel""#));
    assert_eq!(html.matches("Enter an Uzbek mobile number").count(), 2);
}

#[test]
fn a_new_code_can_be_asked_for_only_while_some_are_left() {
    let first = code_page(Language::En, &ORDINARY).render().unwrap();
    assert!(first.contains(r#"name="action" value="resend" formnovalidate data-after="30""#));
    assert!(first.contains(r#"in <span class="number">0:30</span>."#));
    assert!(first.contains(r#"autocomplete="one-time-code""#));
    let next = Next::Resend { seconds: 0 };
    let now = CodePage { next, resent: true, ..code_page(Language::En, &ORDINARY) }.render().unwrap();
    assert!(now.contains(r#"role="status""#) && !has_id(&now, "resend-wait"));
    let next = Next::StartAgain("https://portal.example/");
    let none = CodePage { next, ..code_page(Language::En, &ORDINARY) }.render().unwrap();
    assert!(!has_id(&none, "resend") && has_id(&none, "code") && has_id(&none, "start-again"));
    assert!(none.contains("No more codes can be sent"));
}

#[test]
fn where_no_code_can_be_right_there_is_no_field_and_one_main_action() {
    for (over, why) in [
        (Over::UsedUp, "Too many wrong codes."),
        (Over::Expired, "This code has expired."),
        (Over::NotSent, "No code was sent, because too many wrong codes were entered."),
    ] {
        for (next, what, action) in [
            (Next::Resend { seconds: 24 }, "You can ask for a new code in 0:24.", "resend"),
            (Next::Resend { seconds: 0 }, "You can ask for a new code now.", "resend"),
            (Next::StartAgain("https://portal.example/"), "No more codes can be sent", "continue"),
            (
                Next::Later("1 May 2027".to_owned()),
                "You can ask for a new code after 1 May 2027.",
                "continue",
            ),
        ] {
            let of = |language| {
                let (over, next) = (Some(over), next.clone());
                CodePage { over, next, ..code_page(language, &ORDINARY) }.render().unwrap()
            };
            for language in Language::ALL {
                assert_sound(&of(language), language);
            }
            let html = of(Language::En);
            let told = html.replace(r#"<span id="resend-wait">"#, "").replace(r#"<span class="number">"#, "");
            assert!(told.replace("</span>", "").contains(&format!("{why} {what}")), "{html}");
            assert!(!has_id(&html, "code") && !html.contains("<input"), "{html}");
            assert_eq!(html.matches(r#"class="main""#).count(), 1, "{html}");
            assert!(html.contains(&format!(r#"id="{action}" class="main""#)), "{html}");
        }
    }
}

#[test]
fn a_request_that_cannot_be_approved_any_more_has_no_field_and_an_unknown_one_asks_for_its_reference() {
    for language in Language::ALL {
        let html = LimitedPage { frame: frame(language, &ORDINARY) }.render().unwrap();
        assert_sound(&html, language);
        assert!(has_id(&html, "code") && has_id(&html, "error") && !has_id(&html, "allow"), "{html}");
        let mut ticked = ApprovalPage { typed: Some("123456"), ..approval_page(language, &ORDINARY) };
        ticked.optional[0].ticked = true;
        let html = ticked.render().unwrap();
        assert_sound(&html, language);
        assert!(html.contains(r#"value="phone" checked"#) && html.contains(r#"value="123456""#), "{html}");
        let nothing = ApprovalPage {
            required: Vec::new(),
            optional: Vec::new(),
            offline: false,
            message: None,
            error: None,
            ..approval_page(language, &ORDINARY)
        };
        let html = nothing.render().unwrap();
        assert_sound(&html, language);
        assert!(!has_id(&html, "approval-data") && !has_id(&html, "binding-message"), "{html}");
        for wrong in [false, true] {
            let html = ReferencePage { frame: frame(language, &ORDINARY), wrong }.render().unwrap();
            assert_sound(&html, language);
            assert!(has_id(&html, "reference") && has_id(&html, "error") == wrong, "{html}");
        }
    }
}

#[test]
fn only_optional_data_can_be_ticked_and_none_is_at_first() {
    let html = consent(Language::En, &ORDINARY);
    assert_eq!(html.matches(r#"type="checkbox""#).count(), 2);
    assert!(!html.contains(" checked"), "what a person decides is not decided for them");
    assert!(html.contains(r#"id="datum-phone" name="datum" value="phone">"#));
    assert!(html.contains(r#"id="datum-email" name="datum" value="email">"#));
    assert_eq!(html.matches("<details>").count(), 1);
    assert!(html.contains(">1 more</summary>"), "of the values only the scripts of a name fold");
    for end in [
        "The permission holds until 21 November 2026; basis: AD 1234567.",
        r#"May <span translate="no">Davlat portali</span> receive your data?"#,
        "<h2 id=\"required\">Required · 2</h2>",
        "<h2 id=\"optional\">You decide · 2</h2>",
        "when you are not using it",
    ] {
        assert!(html.contains(end), "{end}");
    }
}

#[test]
fn what_is_new_comes_first_also_where_it_is_only_optional() {
    let before = |page: ConsentPage<'_>| {
        let html = page.render().unwrap();
        html.find("id=\"optional\"") < html.find("id=\"required\"")
    };
    let page = || consent_page(Language::En, &ORDINARY);
    let known = |new| vec![datum("sex", "Sex", &["Male"], new)];
    assert!(!before(page()), "what is required stands first");
    assert!(before(ConsentPage { required: known(false), ..page() }));
    assert!(!before(ConsentPage { required: known(true), ..page() }));
    assert!(!before(ConsentPage { required: known(false), optional: known(false), ..page() }));
}

#[test]
fn the_pages_of_passkeys_and_of_phones_are_sound_whatever_they_are_filled_with() {
    let other = || vec![OtherMeans { href: "/sign-in/number?t=9f2c".into(), id: "mobile_id", label: "Code" }];
    for language in Language::ALL {
        let text = Text::new(language);
        for words in [ORDINARY, LENGTHY, ATTACK] {
            for error in [None, Some("wrong"), Some("copied"), Some("waits"), Some("expired")] {
                let error = error.map(|word| PasskeyError::from_word(word).expect("an error").message(text));
                let (asked, cancel) = (words.value, "/sign-in/cancel?t=9f2c");
                let frame = frame(language, &words);
                let page = PasskeyPage {
                    frame,
                    title: text.get("passkey.title"),
                    asked,
                    error,
                    others: other(),
                    cancel,
                };
                let html = page.render().unwrap();
                assert_sound(&html, language);
                assert!(
                    has_id(&html, "use-passkey") && has_id(&html, "mobile_id") && has_id(&html, "cancel")
                );
                assert_eq!(has_id(&html, "error"), error.is_some());
            }
            for opened in [None, Some(false), Some(true)] {
                let address = "https://id.example.uz/q/secret";
                let code = opened.and_then(|opened| ShownCode::of(address, words.value.into(), "en", opened));
                let (frame, cancel) = (frame(language, &words), "/sign-in/cancel?t=9f2c");
                let html = QrPage { frame, code, others: other(), cancel }.render().unwrap();
                assert_sound(&html, language);
                assert_eq!(has_id(&html, "code"), opened == Some(false));
                assert_eq!(has_id(&html, "words"), opened.is_some());
                assert_eq!(has_id(&html, "new"), opened.is_none());
            }
            for (same_network, choices) in [(true, 3), (false, 3), (false, 0)] {
                let page = QrAskPage {
                    frame: frame(language, &words),
                    token: "token",
                    name: words.person,
                    browser: words.value,
                    address: words.value,
                    same_network,
                    choices: vec![words.value.to_owned(); choices],
                    language: "en",
                };
                let html = page.render().unwrap();
                assert_sound(&html, language);
                assert!(has_id(&html, "refuse") && has_id(&html, "same") == same_network);
                assert!(
                    has_id(&html, "words-2") == (choices == 3) && has_id(&html, "prove") == (choices == 0)
                );
            }
        }
        let words = ("qr.wrong", "qr.wrong_then");
        let html = QrDonePage { frame: frame(language, &ORDINARY), words, id: "wrong", safety: true }
            .render()
            .unwrap();
        assert_sound(&html, language);
        assert!(has_id(&html, "safety"));
    }
}
