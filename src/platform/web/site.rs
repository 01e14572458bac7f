//! The provider as every page presents it: who runs it, at which address people should be, and where help is.

use std::sync::LazyLock;

use actix_web::HttpRequest;
use actix_web::web::Data;
use url::Url;

use super::locale::Language;
use super::settings::{Operator, SiteSettings};
use super::support::Support;

/// The provider as pages present it.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// The host, and the port if it is not the usual one: the address that a browser should show.
    pub address: String,
    /// Who runs it.
    pub operator: Operator,
    /// Its own privacy notice.
    pub privacy_url: Option<Url>,
    /// Whom people ask for help.
    pub support: Support,
}

static UNKNOWN: LazyLock<Site> = LazyLock::new(Site::default);

impl Site {
    /// The provider at `address`.
    pub fn new(address: String, settings: &SiteSettings, support: Support) -> Self {
        let SiteSettings { operator, privacy_url } = settings.clone();
        Self { address, operator, privacy_url, support }
    }

    /// That of the application; one of which nothing is known where there is none.
    pub fn of(request: &HttpRequest) -> &Self {
        request.app_data::<Data<Self>>().map_or(&UNKNOWN, |site| site.get_ref())
    }

    /// Who runs the provider, if that is set.
    pub fn operator(&self, language: Language) -> Option<&str> {
        Some(self.operator.in_language(language)).filter(|name| !name.is_empty())
    }

    /// The privacy notice, if there is one.
    pub fn privacy(&self) -> Option<&str> {
        self.privacy_url.as_ref().map(Url::as_str)
    }

    /// Whether the foot has anything to say of it.
    pub fn has_links(&self) -> bool {
        self.privacy_url.is_some() || self.support.is_given()
    }
}
