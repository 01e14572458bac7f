//! How services, places, data and times are told of.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};

use super::Cabinet;
use super::visit::Visit;
use crate::clients::ClientId;
use crate::first_party::is_own;
use crate::platform::clock::Timestamp;
use crate::platform::web::text::Text;
use crate::release::{DataSet, label};
use crate::sign_in::Device;

/// A service as a list names it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Named {
    /// Its name, never translated.
    pub(super) name: String,
    /// Who answers for it; empty where nobody is known.
    pub(super) owner: String,
    /// The path of its icon, or nothing.
    pub(super) icon: Option<String>,
}

impl Named {
    /// The letter that is shown without an icon.
    pub(super) fn initial(&self) -> String {
        self.name
            .chars()
            .find(|c| c.is_alphanumeric())
            .map(|c| c.to_uppercase().collect())
            .unwrap_or_default()
    }
}

impl Cabinet {
    /// A service by its identifier; one that is gone is told of by that.
    pub(super) fn named(&self, visit: &Visit<'_>, id: &ClientId) -> Named {
        let found = if is_own(id) { Some(self.first_party.client().clone()) } else { self.clients.find(id) };
        match found {
            Some(client) => {
                let shown = client.shown(visit.context.language);
                Named {
                    name: shown.name.to_owned(),
                    owner: shown.owner.to_owned(),
                    icon: shown.icon.map(str::to_owned),
                }
            }
            None => Named { name: id.as_str().to_owned(), owner: String::new(), icon: None },
        }
    }
}

/// Names of data sets in one line.
pub(super) fn data(sets: impl IntoIterator<Item = DataSet>, text: Text) -> String {
    sets.into_iter().map(|set| text.get(label(set))).collect::<Vec<_>>().join(", ")
}

/// A browser and its system, as far as they are known.
pub(super) fn device(device: &Device, text: Text) -> String {
    match (&device.browser, &device.system) {
        (Some(browser), Some(system)) => format!("{browser} · {system}"),
        (Some(one), None) | (None, Some(one)) => one.clone(),
        (None, None) => text.get("cabinet.unknown_browser").to_owned(),
    }
}

/// A moment as people say it.
pub(super) fn moment(visit: &Visit<'_>, at: Timestamp) -> String {
    visit.context.text().moment(at.0, visit.now.0)
}

/// A file to keep.
pub(super) fn file(media_type: &'static str, name: &str, content: impl Into<Vec<u8>>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, media_type))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(content.into())
}
