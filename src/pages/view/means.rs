//! The choice of a means of signing in.

use askama::Template;

use crate::platform::web::frame::Frame;

/// A way to the page of a means.
pub(crate) struct OtherMeans {
    /// Where it leads.
    pub href: String,
    /// The name of the means.
    pub id: &'static str,
    /// What the person reads.
    pub label: &'static str,
}

/// Asks by which means to sign in, or which further factor to add.
#[derive(Template)]
#[template(path = "pages/means.html")]
pub(crate) struct MeansPage<'a> {
    pub frame: Frame<'a>,
    /// Whether the person proved who they are, and the service wants a further factor.
    pub step_up: bool,
    /// Whether it is not the service that wants it: the person seems to be in many places.
    pub doubted: bool,
    /// What can succeed, the one that was used here last before the others.
    pub means: Vec<OtherMeans>,
    /// What did not work.
    pub error: Option<&'static str>,
    /// Where somebody unlocks an account that they locked, after a means of one that cannot be used.
    pub unlock: Option<&'static str>,
    /// Refuses and leads back to the service.
    pub cancel: &'a str,
}
