//! The pages on the way out: the answer that is posted to the service, signing out, and the provider's own
//! front page.

use askama::Template;

use crate::platform::web::frame::Frame;

/// Asks whether to sign out (OpenID Connect RP-Initiated Logout section 2): posts `logout=yes|no`.
#[derive(Template)]
#[template(path = "pages/sign_out.html")]
pub(crate) struct SignOutPage<'a> {
    pub frame: Frame<'a>,
}

/// Says that the person is signed out.
#[derive(Template)]
#[template(path = "pages/signed_out.html")]
pub(crate) struct SignedOutPage<'a> {
    pub frame: Frame<'a>,
    /// Where to go from here: an address and the service's name.
    pub back: Option<(&'a str, &'a str)>,
    /// Addresses of services that the browser tells of it, in frames that are not shown.
    pub frames: &'a [String],
    /// Whether the browser goes on by itself once they were loaded.
    pub goes_on: bool,
    /// Services that are told by nobody.
    pub still_at: &'a [&'a str],
}

/// The provider's front page: what Yagona is, and signing out (posts `action=signout`).
#[derive(Template)]
#[template(path = "pages/welcome.html")]
pub(crate) struct WelcomePage<'a> {
    pub frame: Frame<'a>,
    /// The name of the person who is signed in.
    pub signed_in_as: Option<String>,
    /// Whether people can register on-line.
    pub registers: bool,
}
