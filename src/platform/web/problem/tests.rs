//! Every kind of problem, in every language.

use super::*;
use crate::platform::web::frame::Service;
use crate::platform::web::locale::Language;
use crate::platform::web::markup::{assert_sound, has_id};
use crate::platform::web::site::Site;
use crate::platform::web::support::Support;

fn page(kind: ProblemKind, language: Language) -> ProblemPage<'static> {
    page_of(kind, language, Support::default())
}

/// The page of a provider with this help contact.
fn page_of(kind: ProblemKind, language: Language, support: Support) -> ProblemPage<'static> {
    let site = Box::leak(Box::new(Site { support, ..Site::default() }));
    let text = Text::new(language);
    let frame = Frame { text, site, service: None, languages: Vec::new(), form_action: "" };
    ProblemPage {
        frame,
        kind,
        support_code: Some("4J7W-9D2F"),
        technical: None,
        note: None,
        action: None,
        retry_after: None,
    }
}

#[test]
fn every_kind_has_its_own_words_in_every_language() {
    for language in Language::ALL {
        let mut seen = std::collections::BTreeSet::new();
        for kind in ProblemKind::ALL {
            let html = page(kind, language).render().unwrap();
            assert_sound(&html, language);
            assert!(has_id(&html, "error"));
            assert!(html.contains("4J7W-9D2F"));
            let words = kind.words();
            for key in [words.happened, words.means, words.advice] {
                assert!(seen.insert(key), "{key} stands for two kinds");
                assert_ne!(Text::new(language).get(key), key);
            }
        }
    }
}

#[test]
fn the_technical_reason_is_on_the_page_and_marked_as_english() {
    let technical = Some("invalid redirect_uri: <script>alert(1)</script>");
    let html =
        ProblemPage { technical, ..page(ProblemKind::BadReturnAddress, Language::UzCyrl) }.render().unwrap();
    assert_sound(&html, Language::UzCyrl);
    let (_, details) = html.split_once("<details").unwrap();
    assert!(details.contains(r#"<p lang="en" translate="no"><code>invalid redirect_uri: &#60;script&#62;"#));
}

#[test]
fn the_wait_is_shown_as_it_is() {
    for (seconds, shown) in [(1, "1 second"), (5, "5 seconds"), (60, "1 minute"), (121, "3 minutes")] {
        let retry_after = Some(seconds);
        let html =
            ProblemPage { retry_after, ..page(ProblemKind::TooManyRequests, Language::En) }.render().unwrap();
        assert!(html.contains(&format!("Try again in {shown}.")), "{seconds}");
    }
}

#[test]
fn the_way_back_to_the_service_is_a_link() {
    let service = Service {
        name: "Davlat portali",
        owner: "Adliya vazirligi",
        icon: None,
        home: Some("https://portal.example/?a=1&b=2"),
        policy: None,
        terms: None,
    };
    let mut problem = page(ProblemKind::Expired, Language::En);
    problem.frame.service = Some(service);
    let html = problem.render().unwrap();
    assert_sound(&html, Language::En);
    assert!(html.contains(
        r#"<a id="continue" class="main" href="https://portal.example/?a=1&#38;b=2">Back to the service<"#
    ));
}

#[test]
fn the_help_contact_is_shown_only_if_configured() {
    assert!(!has_id(&page(ProblemKind::Internal, Language::En).render().unwrap(), "support"));
    let phone = Some("+998 71 200-00-00".to_owned());
    let url = "https://id.example.uz/help".parse().ok();
    let line = |support: &Support, language| {
        let html = page_of(ProblemKind::Internal, language, support.clone()).render().unwrap();
        assert_sound(&html, language);
        let (_, line) = html.split_once("<p id=\"support\" class=\"quiet\">").unwrap();
        line.split_once("</p>").unwrap().0.to_owned()
    };
    let number = r#"<a class="number" href="tel:+998712000000" translate="no">+998 71 200-00-00</a>"#;
    let site = r#"<a href="https://id.example.uz/help" translate="no">id.example.uz/help</a>"#;
    let both = Support { phone: phone.clone(), url };
    assert_eq!(line(&both, Language::En), format!("Help: {number}, {site}"));
    assert_eq!(line(&both, Language::Ru), format!("Помощь: {number}, {site}"));
    assert_eq!(line(&Support { phone, url: None }, Language::UzLatn), format!("Yordam: {number}"));
    assert_eq!(line(&Support { phone: None, ..both }, Language::UzCyrl), format!("Ёрдам: {site}"));
}

#[test]
fn the_help_contact_is_escaped() {
    let support = Support {
        phone: Some("\"><script>alert(1)</script>".to_owned()),
        url: "https://help.example/\"onclick=alert(1)?<script>&a=1".parse().ok(),
    };
    for language in Language::ALL {
        let html = page_of(ProblemKind::NotFound, language, support.clone()).render().unwrap();
        assert_sound(&html, language);
        assert!(html.contains("&#60;script&#62;alert(1)") && !html.contains("<script>"), "{html}");
    }
}
