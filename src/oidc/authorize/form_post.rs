//! The page that posts an answer to the client (OAuth 2.0 Form Post Response Mode).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use crate::clients::csp_source;
use crate::platform::web::frame::{Frame, Service};
use crate::platform::web::page_context::PageContext;
use crate::platform::web::respond::{self, CspSources};

/// Carries the answer to the service by a form. A script submits it at once; without scripts the person presses the
/// button.
#[derive(Template)]
#[template(path = "oidc/form_post.html")]
pub(super) struct FormPostPage<'a> {
    /// The frame.
    pub frame: Frame<'a>,
    /// The service's proven redirect URI.
    pub action: &'a str,
    /// The parameters of the answer.
    pub fields: Vec<(&'a str, String)>,
}

/// The page, whose form may lead to the redirect URI's origin and nowhere else.
pub(super) fn page(
    context: &PageContext<'_>,
    service: Option<Service<'_>>,
    action: &str,
    fields: Vec<(&'static str, String)>,
) -> HttpResponse {
    let reach = CspSources::new(csp_source(action).into_iter().collect());
    // The answer is in this page alone, so it cannot be shown again in another language.
    let frame = context.frame(service, Vec::new());
    respond::page(StatusCode::OK, &FormPostPage { frame, action, fields }, &reach)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::web::markup::{assert_sound, has_id};
    use crate::platform::web::site::Site;
    use crate::platform::web::{locale::Language, text::Text};

    fn rendered(language: Language, value: &str) -> String {
        let service = Service {
            name: value,
            owner: value,
            icon: None,
            home: Some("https://portal.example/"),
            policy: None,
            terms: None,
        };
        let text = Text::new(language);
        let site = Box::leak(Box::new(Site::default()));
        let frame = Frame { text, site, service: Some(service), languages: Vec::new(), form_action: "" };
        let fields = vec![("code", value.to_owned()), ("state", value.to_owned())];
        FormPostPage { frame, action: "https://portal.example/cb?a=1&b=2", fields }.render().unwrap()
    }

    #[test]
    fn the_page_is_sound_in_every_language_whatever_a_service_says() {
        let hostile = r#""><script>alert('x')</script><b onclick='y' style="z">"#;
        for language in Language::ALL {
            for value in ["Davlat portali", hostile] {
                let html = rendered(language, value);
                assert_sound(&html, language);
                assert!(has_id(&html, "continue"));
            }
        }
    }

    #[test]
    fn an_answer_goes_to_the_service_with_every_field() {
        let html = rendered(Language::En, "AD 1");
        assert!(html.contains(r#"method="post" action="https://portal.example/cb?a=1&#38;b=2""#));
        for name in ["code", "state"] {
            assert!(html.contains(&format!(r#"<input type="hidden" name="{name}" value="AD 1">"#)), "{name}");
        }
    }
}
