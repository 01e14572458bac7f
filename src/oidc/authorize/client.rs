//! RFC 6749 §4.1.2.1: an unknown client proves no redirect URI, so nothing travels back to it.

use std::sync::Arc;

use super::{PageError, Rejection};
use crate::clients::{Client, ClientId, Registry};
use crate::platform::web::params::Params;

/// The registered client that `client_id` names.
pub(super) fn known(clients: &Registry, params: &Params) -> Result<Arc<Client>, Rejection> {
    let page = |error, technical: &str| Rejection::Page(error, technical.to_owned());
    if params.is_repeated("client_id") {
        return Err(page(PageError::BadRequest, "invalid_request: client_id is repeated"));
    }
    let id = params
        .get("client_id")
        .ok_or_else(|| page(PageError::BadRequest, "invalid_request: client_id is missing"))?;
    let client = ClientId::parse(id)
        .and_then(|id| clients.find(&id))
        .ok_or_else(|| page(PageError::UnknownService, "invalid_client: client_id is not registered"))?;
    if client.pending {
        let technical = "unauthorized_client: the client waits for approval by the operator of the provider";
        return Err(page(PageError::ServicePending, technical));
    }
    if let Some(suspension) = client.suspension {
        let technical = format!("unauthorized_client: {}", suspension.description());
        return Err(Rejection::Page(PageError::ServiceSuspended, technical));
    }
    if client.disabled {
        return Err(page(PageError::ServiceDisabled, "unauthorized_client: the client is disabled"));
    }
    Ok(client)
}
