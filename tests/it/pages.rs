//! Common properties of every page: headers, size, languages, and no technical terms.

use crate::support::client_file::{RIVAL, SHOP};
use crate::support::{Asked, Backend, Page, Setup, World, on_both_backends};

on_both_backends!(
    every_page_is_guarded_by_its_headers,
    pages_speak_the_language_that_was_chosen,
    a_page_is_small_and_complete_without_scripts,
    static_files_are_kept_for_ever_under_their_own_name,
    injected_markup_is_shown_as_text,
    oversized_and_broken_input_is_refused_calmly,
    problems_and_goodbyes_can_be_read_in_another_language,
);

/// What [`every_page`] shows.
pub(crate) const NAMES: [&str; 13] = [
    "number",
    "number with an error",
    "code",
    "code with an error",
    "consent",
    "continue",
    "consent by code",
    "permission",
    "welcome",
    "sign out",
    "signed out",
    "unknown service",
    "not found",
];

/// One of each kind of page.
pub(crate) async fn every_page(world: &World) -> Vec<(&'static str, Page)> {
    let person = world.person();
    let mut browser = world.browser();
    let number = browser.begin(world, &Asked::by(SHOP)).await.page().expect("phone");
    let refused = browser.enter_number(&number, "12").await.page().expect("error");
    let code = browser.enter_number(&number, &person.number).await.page().expect("code");
    let wrong = browser.enter_code(&code, "12345").await.page().expect("code");
    let right = world.sandbox.next_code(&person).await;
    let consent = browser.enter_code(&code, &right).await.page().expect("allow");
    browser.press(&consent, "allow", &[]).await.away();
    let onward = browser.begin(world, &Asked::by(RIVAL)).await.page().expect("other");
    let by_code = browser.press(&onward, "continue", &[]).await.page().expect("allow");
    let permission = browser.press(&by_code, "allow", &[]).await.page().expect("code-data");
    let welcome = browser.open("/").await.page();
    let leaving = browser.open("/oidc/logout").await.page().expect("stay");
    let left = browser.press(&leaving, "continue", &[]).await.page().expect("signed-out");
    let unknown = browser.begin(world, &Asked::by(SHOP).with("client_id", "nobody")).await.page();
    let nowhere = browser.open("/nowhere").await.page();
    let first = [number, refused, code, wrong, consent, onward, by_code, permission];
    let pages = first.into_iter().chain([welcome, leaving, left, unknown, nowhere]);
    NAMES.into_iter().zip(pages).collect()
}

async fn every_page_is_guarded_by_its_headers(world: &World) {
    for (name, page) in every_page(world).await {
        let policy = page.header("content-security-policy");
        for directive in [
            "default-src 'none'",
            "style-src 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "form-action",
        ] {
            assert!(policy.contains(directive), "{name}: {directive} in {policy}");
        }
        assert!(!policy.contains("unsafe-") && !policy.contains('*'), "{name}: {policy}");
        assert_eq!(page.header("x-content-type-options"), "nosniff", "{name}");
        assert_eq!(page.header("referrer-policy"), "no-referrer", "{name}");
        assert_eq!(page.header("cache-control"), "no-store", "{name}");
        assert!(page.header("cross-origin-opener-policy").starts_with("same-origin"), "{name}");
        assert!(page.header("strict-transport-security").contains("max-age="), "{name}");
        assert!(!page.header("permissions-policy").is_empty(), "{name}");
        assert!(page.header("server").is_empty() && page.header("x-powered-by").is_empty(), "{name}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{name}");
        for inline in ["<script>", " style=", " onclick=", " onload=", "javascript:"] {
            assert!(!page.body.contains(inline), "{name}: {inline}");
        }
    }
}

async fn pages_speak_the_language_that_was_chosen(world: &World) {
    let language = |page: &Page| crate::support::html::language(&page.body);
    for (asked, shown) in
        [("uz", "uz-Latn"), ("uz-Cyrl", "uz-Cyrl"), ("ru-RU en", "ru"), ("en-GB", "en"), ("se", "en")]
    {
        let page = world.browser().begin(world, &Asked::by(SHOP).and("ui_locales", asked)).await.page();
        assert_eq!(language(&page), shown, "{asked}");
    }
    let mut browser = world.browser();
    browser.languages = "de, ru;q=0.8, en;q=0.5".to_owned();
    let page = browser.begin(world, &Asked::by(SHOP)).await.page();
    assert_eq!(language(&page), "ru");
    browser.languages = "de".to_owned();
    let page = browser.begin(world, &Asked::by(SHOP)).await.page();
    assert_eq!(language(&page), "uz-Latn");
    // The choice on a page holds for the following ones, and keeps what was typed before it.
    let cyrillic = page.links().into_iter().find(|link| link.language.as_deref() == Some("uz-Cyrl"));
    let url = page.url.join(&cyrillic.expect("a link to the language").href).expect("a URL");
    let page = browser.get(&url).await.page().expect("phone");
    assert_eq!(language(&page), "uz-Cyrl");
    let person = world.person();
    let page = browser.enter_number(&page, &person.number).await.page().expect("code");
    assert_eq!(language(&page), "uz-Cyrl");
    let message = world.sandbox.next_message(&person).await;
    let text = message["text"].as_str().expect("a text");
    assert!(text.chars().any(|c| ('а'..='я').contains(&c)), "the message speaks it, too: {text}");
}

async fn a_page_is_small_and_complete_without_scripts(world: &World) {
    for (name, page) in every_page(world).await {
        assert!(page.body.len() < 14 * 1024, "{name}: {} bytes", page.body.len());
        assert!(page.body.contains("<h1"), "{name}");
        assert!(!page.body.to_lowercase().contains("enable javascript"), "{name}");
        for script in page.body.split("<script").skip(1) {
            assert!(script.starts_with(" defer src=\"/static/"), "{name}: {script}");
        }
    }
}

async fn static_files_are_kept_for_ever_under_their_own_name(world: &World) {
    let mut browser = world.browser();
    let page = browser.begin(world, &Asked::by(SHOP)).await.page();
    let path =
        page.body.split("href=\"/static/").nth(1).and_then(|rest| rest.split('"').next()).expect("a style");
    let style = browser.open(&format!("/static/{path}")).await.page().expect_status(200);
    assert!(style.header("content-type").starts_with("text/css"));
    assert!(style.header("cache-control").contains("immutable"), "{}", style.header("cache-control"));
    for path in ["app.css", "../Cargo.toml", "%2e%2e/Cargo.toml", "nothing.css"] {
        let answer = browser.open(&format!("/static/{path}")).await.page();
        assert_eq!(answer.status, 404, "{path}");
    }
}

async fn injected_markup_is_shown_as_text(world: &World) {
    let hostile = "\"'><img src=x onerror=alert(1)>";
    let mut browser = world.browser();
    let asked = Asked::by(SHOP).and("login_hint", hostile).with("state", hostile);
    let page = browser.begin(world, &asked).await.page().expect("phone");
    assert!(!page.body.contains("<img src=x"), "{page}");
    let page = browser.enter_number(&page, hostile).await.page().expect("phone");
    assert!(!page.body.contains("<img src=x"), "{page}");
    for name in ["client_id", "redirect_uri"] {
        let page = browser.begin(world, &Asked::by(SHOP).with(name, hostile)).await.page().expect("error");
        assert!(!page.body.contains("<img src=x"), "{page}");
    }
    let page = browser.open("/<img src=x onerror=alert(1)>?q=<img src=x>").await.page();
    assert!(!page.body.contains("<img src=x"), "{page}");
    // Nothing of a request ends up in a header of its own.
    let split = Asked::by(SHOP).with("state", "a\r\nSet-Cookie: evil=1").with("scope", "profile");
    let answer = browser.request(reqwest::Method::GET, &split.url(world)).send().await.expect("an answer");
    assert!(
        answer.headers().get_all("set-cookie").iter().all(|cookie| !cookie.as_bytes().starts_with(b"evil"))
    );
}

/// A provider of which everything is said.
fn presented() -> Setup {
    Setup::new(Backend::Embedded)
        .set("site.operator", "The Agency")
        .set("site.privacy_url", "https://id.example.uz/privacy")
        .set("support.phone", "+998 71 200-00-00")
        .set("support.url", "https://id.example.uz/help")
}

#[tokio::test]
async fn a_page_that_cannot_go_on_says_whom_to_ask() {
    let world = presented().start().await;
    let mut browser = world.browser();
    let unknown = browser.begin(&world, &Asked::by(SHOP).with("client_id", "nobody")).await.page();
    let number = browser.begin(&world, &Asked::by(SHOP)).await.page();
    assert!(!number.has("support"), "{number}");
    let code = browser.enter_number(&number, &world.person().number).await.page().expect("code");
    for page in [unknown, browser.open("/nowhere").await.page(), code] {
        assert!(page.has("support"), "{page}");
        let (_, line) = page.body.split_once("id=\"support\"").expect("the contact");
        for contact in ["href=\"tel:+998712000000\"", "href=\"https://id.example.uz/help\""] {
            assert!(line.contains(contact), "{contact} in {page}");
        }
    }
}

#[tokio::test]
async fn every_page_says_who_runs_it_where_one_should_be_and_whom_to_ask() {
    let world = presented().start().await;
    for (name, page) in every_page(&world).await {
        let (_, body) = page.body.split_once("<header class=\"strip\">").expect("a strip");
        let (strip, rest) = body.split_once("</header>").expect("its end");
        let address = &world.url("/")[url::Position::BeforeHost..url::Position::AfterPort];
        for said in ["Yagona", &format!(">{address}<"), ">The Agency<"] {
            assert!(strip.contains(said), "{name}: {said} in {strip}");
        }
        assert_eq!(strip.matches(" hreflang=").count(), 3, "{name}: the other languages in {strip}");
        let (_, foot) = rest.split_once("<footer>").expect("a foot");
        for link in ["https://id.example.uz/help", "https://id.example.uz/privacy", "tel:+998712000000"] {
            assert!(foot.contains(&format!("href=\"{link}\"")), "{name}: {link} in {foot}");
        }
        for head in ["theme-color", "rel=\"apple-touch-icon\"", "sizes=\"192x192\"", "image/svg+xml"] {
            assert!(page.body.contains(head), "{name}: {head}");
        }
        let wrong = name.ends_with("error") || ["unknown service", "not found"].contains(&name);
        assert_eq!(page.body.contains("<title>Error: "), wrong, "{name}");
    }
    for path in ["/favicon.ico", "/apple-touch-icon.png"] {
        let icon = world.browser().request(reqwest::Method::GET, &world.url(path)).send().await.expect(path);
        assert_eq!(
            (icon.status().as_u16(), &icon.headers()["content-type"]),
            (200, &"image/png".parse().unwrap())
        );
    }
}

async fn problems_and_goodbyes_can_be_read_in_another_language(world: &World) {
    for (path, id) in [
        ("/oidc/authorize?client_id=nobody&lang=en", "error"),
        ("/nowhere?a=b%26c", "error"),
        ("/sign-in/code?t=short&service=shop", "error"),
        ("/oidc/logout?id_token_hint=x", "error"),
        ("/oidc/logout?client_id=shop", "signed-out"),
        ("/", "main"),
    ] {
        let mut browser = world.browser();
        let page = browser.open(path).await.page().expect(id);
        assert_eq!(crate::support::html::language(&page.body), "en");
        for language in ["uz-Cyrl", "ru"] {
            let link = page.links().into_iter().find(|link| link.language.as_deref() == Some(language));
            let link = page.url.join(&link.unwrap_or_else(|| panic!("no link: {page}")).href).expect("a URL");
            let again = browser.get(&link).await.page().expect(id).expect_status(page.status);
            assert_eq!(crate::support::html::language(&again.body), language, "{path}");
        }
        // What was chosen last holds for whatever is opened next.
        let next = browser.begin(world, &Asked::by(SHOP)).await.page().expect("phone");
        assert_eq!(crate::support::html::language(&next.body), "ru", "{path}");
    }
}

async fn oversized_and_broken_input_is_refused_calmly(world: &World) {
    let browser = world.browser();
    let post = async |path: &str, kind: &str, body: Vec<u8>| {
        let request = browser.request(reqwest::Method::POST, &world.url(path)).header("Content-Type", kind);
        request.body(body).send().await.map(|answer| answer.status().as_u16())
    };
    let form = "application/x-www-form-urlencoded";
    for path in [
        "/oidc/token",
        "/oidc/authorize",
        "/oidc/userinfo",
        "/oidc/introspect",
        "/oidc/revoke",
        "/oidc/logout",
    ] {
        for (kind, body) in [
            (form, vec![b'a'; 300_000]),
            (form, b"a=%ff%fe&b=%00".to_vec()),
            (form, "a=1&".repeat(5000).into_bytes()),
            ("application/json", b"{\"grant_type\":\"x\"}".to_vec()),
            ("multipart/form-data; boundary=x", b"--x".to_vec()),
            ("", Vec::new()),
        ] {
            // A body that is too large may be cut off instead of answered.
            if let Ok(status) = post(path, kind, body).await {
                assert!((400..500).contains(&status) || path == "/oidc/logout", "{path} {kind}: {status}");
                assert!(status < 500, "{path} {kind}: {status}");
            }
        }
    }
}
