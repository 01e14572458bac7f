//! The icons of clients: fetched once, when a client is registered or an operator says so, stored, and served by this
//! provider. Browsers are never sent to a client's host for them.

use std::sync::Arc;

use url::Url;

use super::registry::Registry;
use super::store::{self, StoredIcon};
use super::{ClientId, Icon, IconError};
use crate::platform::bytes::{self, Digest};
use crate::platform::db::DbError;
use crate::platform::outbound::{Outbound, OutboundError};

/// An icon was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum IconFailure {
    /// There is no such client, or it has no `logo_uri`.
    #[error("the client is not served, or has no logo_uri")]
    None,
    /// The address is not a URL.
    #[error("logo_uri is not a URL")]
    Uri(#[from] url::ParseError),
    /// The request failed.
    #[error("{}", .0.with_causes())]
    Outbound(#[from] OutboundError),
    /// The answer was no success; redirects are not followed.
    #[error("status {0}")]
    Status(u16),
    /// What was fetched cannot be shown.
    #[error(transparent)]
    Icon(#[from] IconError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Fetches an icon, or reads the one that its address is.
pub(super) async fn fetch(outbound: &Outbound, uri: &str) -> Result<Icon, IconFailure> {
    if uri.starts_with("data:") {
        return Ok(Icon::from_data_url(uri)?);
    }
    let answer = outbound.get(&Url::parse(uri)?).await?;
    if answer.status() != 200 {
        return Err(IconFailure::Status(answer.status()));
    }
    Ok(Icon::read(answer.body().await?)?)
}

/// By what an icon is known.
pub(super) fn digest(icon: &Icon) -> String {
    bytes::encode(&Digest::of(icon.body()).0[..16])
}

impl Registry {
    /// Fetches a client's icon from its `logo_uri` and stores it. If that fails, one that was fetched before from the same
    /// address stays.
    ///
    /// # Errors
    /// [`IconFailure`].
    pub async fn renew_icon(&self, outbound: &Outbound, id: &str) -> Result<(), IconFailure> {
        let client = ClientId::parse(id).and_then(|id| self.find(&id)).filter(|client| !client.pending);
        let uri = client.and_then(|client| client.identity.logo_uri.clone()).ok_or(IconFailure::None)?;
        let icon = fetch(outbound, &uri).await?;
        let digest = digest(&icon);
        let stored = StoredIcon { client_id: id.to_owned(), uri, digest };
        let body = bytes::encode(icon.body());
        store::put_icon(&self.db, &stored, (icon.media_type(), body), self.clock.now_ms()).await?;
        Ok(self.refresh().await?)
    }

    /// The icon of that digest, if a client has it.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn icon(&self, digest: &str) -> Result<Option<Arc<Icon>>, DbError> {
        if !self.has_icon(digest) {
            return Ok(None);
        }
        if let Some(icon) = self.served.0.get(digest) {
            return Ok(Some(icon));
        }
        let Some(body) = store::icon(&self.db, digest).await? else { return Ok(None) };
        // What this version would not store it does not serve either.
        let icon = bytes::decode(&body).and_then(|body| Icon::read(body).ok()).map(Arc::new);
        if let Some(icon) = &icon {
            self.served.0.insert(digest.to_owned(), Arc::clone(icon));
        }
        Ok(icon)
    }
}
