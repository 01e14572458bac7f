//! Who proved who they are, and whose account they locked themselves.

use askama::Template;

use crate::platform::web::frame::Frame;

/// Asks whether an account is to be unlocked.
#[derive(Template)]
#[template(path = "pages/locked.html")]
pub(crate) struct LockedPage<'a> {
    pub frame: Frame<'a>,
    /// The proof, sealed.
    pub proof: &'a str,
    /// Refuses and leads back to the service.
    pub cancel: &'a str,
}
