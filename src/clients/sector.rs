//! Documents of sectors (OpenID Connect Core §8.1, Registration §5): a service with redirect URIs at several hosts lists
//! them all at an address of its own, whose host is then its sector. Who could not put the document there could otherwise
//! claim the sector of somebody else, and see people by the same `sub` as they do.
//!
//! The document is read when the client is registered, and never on the way of a sign-in. Whatever changes the redirect URIs
//! or the address reads it again; what was held against it before is not.

use url::Url;

use super::registry::{ClientsError, Registry};
use super::{ClientFile, Registration, RegistrationErrors};
use crate::platform::outbound::Outbound;

/// The member, in errors.
const MEMBER: &str = "sector_identifier_uri";

impl Registry {
    /// Reads the sector's document of each client of `file` that names one, and holds its redirect URIs against it. What the
    /// stored registration was held against before is not read again, and what is wrong otherwise is left to
    /// [`Registry::register`].
    ///
    /// # Errors
    /// [`ClientsError::Invalid`] with all documents that cannot be read, or miss a redirect URI.
    pub async fn check_sectors(&self, file: &ClientFile, outbound: &Outbound) -> Result<(), ClientsError> {
        let known = if file.clients.iter().any(|client| address(client).is_some()) {
            self.stored().await?
        } else {
            return Ok(());
        };
        let mut errors = Vec::new();
        for client in file.clients.iter().filter(|client| client.parse(&self.rules).is_ok()) {
            let Some(uri) = address(client) else { continue };
            let old = known.iter().find(|old| old.client_id == client.client_id);
            if old.and_then(|old| old.registration.as_ref().ok()).is_some_and(|old| holds(old, client)) {
                continue;
            }
            if let Err(wrong) = read(outbound, uri, &client.redirects.redirect_uris).await {
                let name = if client.client_id.is_empty() {
                    &client.identity.client_name
                } else {
                    &client.client_id
                };
                errors.push(RegistrationErrors {
                    client: name.clone(),
                    errors: vec![format!("{MEMBER}: {}", wrong.whole())],
                });
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(ClientsError::Invalid(errors)) }
    }
}

/// The address of the document that a registration names.
pub(super) fn address(registration: &Registration) -> Option<&str> {
    registration.tokens.sector_identifier_uri.as_deref()
}

/// Whether what `new` says of its sector was found true when `old` was registered.
pub(super) fn holds(old: &Registration, new: &Registration) -> bool {
    let known = &old.redirects.redirect_uris;
    address(old) == address(new) && new.redirects.redirect_uris.iter().all(|uri| known.contains(uri))
}

/// Why a document does not say what a registration claims, in ASCII English.
#[derive(Debug)]
pub(super) enum Wrong {
    /// It cannot be had, and why: that says something of the network of the provider, and is for the operator alone.
    Unread(String),
    /// It says something else.
    Else(String),
}

impl Wrong {
    /// What the operator is told.
    pub(super) fn whole(self) -> String {
        match self {
            Self::Unread(why) | Self::Else(why) => why,
        }
    }
}

/// Reads the document at `uri`, and holds `redirect_uris` against it.
///
/// # Errors
/// [`Wrong`].
pub(super) async fn read(outbound: &Outbound, uri: &str, redirect_uris: &[String]) -> Result<(), Wrong> {
    let uri = Url::parse(uri).map_err(|error| Wrong::Else(format!("it is no URL ({error})")))?;
    let unread = |why: String| Wrong::Unread(format!("the document cannot be read: {why}"));
    let answer = outbound.get(&uri).await.map_err(|error| unread(error.with_causes()))?;
    if answer.status() != 200 {
        return Err(unread(format!("status {}, and redirects are not followed", answer.status())));
    }
    let body = answer.body().await.map_err(|error| unread(error.with_causes()))?;
    match missing(&body, redirect_uris).map_err(Wrong::Unread)? {
        None => Ok(()),
        Some(uri) => Err(Wrong::Else(format!("the document does not list the redirect URI {uri}"))),
    }
}

/// The first of `redirect_uris` that a sector's document does not list.
///
/// # Errors
/// When it is no document of a sector.
pub(super) fn missing<'a>(document: &[u8], redirect_uris: &'a [String]) -> Result<Option<&'a str>, String> {
    let listed: Vec<String> = serde_json::from_slice(document)
        .map_err(|_| "the document is no JSON array of redirect URIs".to_owned())?;
    Ok(redirect_uris.iter().find(|uri| !listed.contains(uri)).map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oidc_registration_5_a_document_lists_every_redirect_uri_character_for_character() {
        let uris = ["https://a.uz/cb".to_owned(), "https://b.uz/cb".to_owned()];
        let lists = |document: &str| missing(document.as_bytes(), &uris).map(|uri| uri.map(str::to_owned));
        assert_eq!(lists(r#"["https://b.uz/cb", "https://c.uz/", "https://a.uz/cb"]"#), Ok(None));
        assert_eq!(
            lists(r#"["https://a.uz/cb", "https://B.uz/cb"]"#),
            Ok(Some("https://b.uz/cb".to_owned()))
        );
        for none in ["", "{}", "[1]", "\"https://a.uz/cb\"", "[\"https://a.uz/cb\"", "\u{feff}[]"] {
            assert!(lists(none).is_err(), "{none}");
        }
    }

    #[test]
    fn what_was_held_against_the_document_is_not_read_again() {
        let of = |uri: &str, redirects: &[&str]| {
            let mut registration = Registration::default();
            registration.tokens.sector_identifier_uri = Some(uri.to_owned());
            registration.redirects.redirect_uris = redirects.iter().map(|uri| (*uri).to_owned()).collect();
            registration
        };
        let old = of("https://a.uz/s", &["https://a.uz/1", "https://b.uz/1"]);
        assert!(holds(&old, &of("https://a.uz/s", &["https://b.uz/1"])));
        assert!(!holds(&old, &of("https://a.uz/s", &["https://b.uz/2"])));
        assert!(!holds(&old, &of("https://a.uz/t", &["https://b.uz/1"])));
    }
}
