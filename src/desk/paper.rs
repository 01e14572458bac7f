//! What is printed and handed over, in the person's language.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::visit::Visit;
use crate::platform::web::frame::Frame;
use crate::platform::web::locale::Language;
use crate::platform::web::respond::{self, CspSources};
use crate::platform::web::text::Text;

#[derive(Template)]
#[template(path = "desk/paper.html")]
struct Paper<'a> {
    frame: Frame<'a>,
    /// The texts of the paper, in the person's language.
    theirs: Text,
    place: String,
    content: Content,
}

/// What stands on a paper.
pub(super) struct Content {
    pub(super) title: &'static str,
    pub(super) reference: String,
    /// Facts with their names.
    pub(super) facts: Vec<(&'static str, String)>,
    /// What is on the paper and not on the screen: its name, and what it is.
    pub(super) secret: Option<(&'static str, String)>,
    pub(super) sentences: Vec<&'static str>,
    /// Whose signatures are asked for.
    pub(super) signed_by: Vec<&'static str>,
    /// The page that the paper belongs to.
    pub(super) back: String,
}

/// A paper in a person's language.
pub(super) fn paper(
    visit: &Visit<'_>,
    language: Language,
    content: impl FnOnce(Text) -> Content,
) -> HttpResponse {
    let theirs = Text::new(language);
    let page = Paper {
        frame: visit.frame(),
        theirs,
        place: visit.acting.place_name(language).to_owned(),
        content: content(theirs),
    };
    respond::page(StatusCode::OK, &page, &CspSources::default())
}
