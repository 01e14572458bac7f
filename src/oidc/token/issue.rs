//! What every grant type ends with: the grant's row, and its tokens.

use serde::Serialize;
use serde_json::{Value, json};

use super::TokenRequest;
use crate::applications::{Confirmed, NewReceipt};
use crate::audit::{Event, Kind};
use crate::clients::{AuthMethod, Client, DetailType};
use crate::grants::{self, Confirmation, Grant, GrantDetails};
use crate::oidc::access_token::FirstToken;
use crate::oidc::audience::{Restriction, on_the_wire};
use crate::oidc::error::TokenError;
use crate::oidc::{Tokens, application_details, authorization_details, id_token, releases, resource};
use crate::people::{Account, DataSet};
use crate::platform::bytes::Digest;
use crate::platform::db::Statement;

/// RFC 6749 §5.1.
#[derive(Serialize)]
pub(super) struct TokenResponse {
    pub(super) access_token: String,
    pub(super) token_type: &'static str,
    pub(super) expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refresh_token: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) scope: String,
    /// RFC 8693 §2.2.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) issued_token_type: Option<&'static str>,
    /// Grant Management for OAuth 2.0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) grant_id: Option<String>,
    /// RFC 9396 §7.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) authorization_details: Option<Value>,
}

/// What lies between the redemption of a code and the issue of its access token, at most, in seconds: a grant without
/// refresh tokens lives so much longer, and its token for as long as it says.
const ISSUING: i64 = 60;

/// Makes a grant of what a person let the client have, by one durable statement that has one winner, and issues its tokens.
/// Everything else that may fail comes before. A second redemption within `together` seconds ends nothing.
pub(super) async fn redeem(
    request: TokenRequest<'_>,
    (code, mut details, number, together): (&str, GrantDetails, Option<Digest>, i64),
    (nonce, issued): (Option<String>, Event<'_>),
    invalid: impl Fn() -> TokenError,
) -> Result<TokenResponse, TokenError> {
    let TokenRequest { tokens, client, params, bound_to, .. } = request;
    // A confidential client proves itself at each refresh, and may change its key.
    details.bound_to = bound_to.filter(|_| client.authentication.method == AuthMethod::None);
    if client.tokens.manages_grants && details.managed.is_none() {
        details.managed = Some(grants::id_of(code));
    }
    let refreshable = details.scope.split(' ').any(|scope| scope == "offline_access");
    let now = tokens.provider.clock.now();
    let life =
        if refreshable { tokens.lifetimes.refresh_absolute } else { tokens.lifetimes.access + ISSUING };
    let until = details.consent_until.map_or(now.plus(life), |consent| consent.min(now.plus(life)));
    if until <= now {
        return Err(invalid());
    }
    let audience = resource::audience(&tokens.provider, client, params, &details.resources)?;
    let narrowed = params.get(authorization_details::NAME);
    let narrowed = narrowed.map(|text| authorization_details::narrowed(text, &details.agreed)).transpose()?;
    // In the transaction of the redemption: whoever has the answer has what tells of it.
    let confirmed = details.confirmed.take();
    if confirmed.is_some() && !client.data.detail_types.contains(&DetailType::Application) {
        // Its contract took that away after the person had confirmed.
        return Err(invalid());
    }
    let grant_id = grants::id_of(code);
    let receipt =
        confirmed.as_ref().map(|confirmed| receipt(tokens, (client, &grant_id), &details, confirmed));
    let (mut receipt, then) = match receipt.transpose()? {
        Some((text, then)) => (Some(text), then),
        None => (None, Vec::new()),
    };
    let needed = id_token::needs_record(&details);
    let record = id_token::record(tokens, client, Some(&details.person_id), needed).await?;
    // Requests that began below the quota may be more than are left of it (R99).
    if let Some(spent) = tokens.provider.clients.spent(client).filter(|_| !details.data_sets().is_empty()) {
        return Err(TokenError::quota(spent, tokens.provider.clock.now()));
    }
    let token = releases::first_token(&grant_id);
    let agreed = narrowed.as_deref().unwrap_or(&details.agreed);
    let told = audience.told(agreed, (client, &tokens.provider));
    let (releases, mark) =
        releases::of_redemption(tokens, client, (&details, &told), &audience, (&grant_id, &token));
    let rows = tokens.ledger.rows(&releases::entries(&releases))?;
    drop(releases);
    let (life, also) = ((refreshable, until), (&rows, then));
    let redeemed = tokens.grants.redeem(code, &client.id, (details, number.as_ref()), also, life, together);
    let grant = redeemed.await?;
    let mut grant = grant.ok_or_else(invalid)?;
    if let Some(narrowed) = narrowed {
        // RFC 9396 §6.1: the access token is narrowed, the grant is not.
        grant.details.agreed = narrowed;
    }
    let restriction = Restriction { audience, bound_to };
    if receipt.is_some() && grant.taken_over {
        // It was made by the redemption that nobody got an answer to, and there is one.
        receipt = tokens.receipts.of_grant(&grant_id).await?.map(|receipt| receipt.text);
    }
    let about = (&grant, record.as_deref());
    let first = Some(FirstToken { id: token, mark });
    let mut response = respond_with(request, about, (nonce.as_deref(), restriction, first), issued)?;
    if let (Some(confirmed), Some(receipt)) = (&confirmed, &receipt) {
        let event = Event::new(Kind::ApplicationConfirmed).client(client.id.as_str());
        let event = event.person(grant.details.person_id.as_str()).grant(grant_id.as_str());
        tokens.provider.audit.record(event);
        response.authorization_details =
            Some(json!([application_details::on_the_wire(&confirmed.application, receipt)]));
    }
    Ok(TokenResponse { refresh_token: tokens.refresh_tokens.of(&grant), ..response })
}

/// The receipt of a confirmed application, with what stores it.
fn receipt(
    tokens: &Tokens,
    (client, grant): (&Client, &str),
    details: &GrantDetails,
    confirmed: &Confirmed,
) -> Result<(String, Vec<Statement>), TokenError> {
    let new = NewReceipt {
        grant,
        client,
        person: &details.person_id,
        sub: &details.sub,
        confirmed,
        acr: details.acr,
        amr: &details.amr,
    };
    Ok(tokens.receipts.rows(&new)?)
}

/// Issues the tokens of a grant but its refresh token. Nothing here asks a store, and what leaves by them is in the ledger.
pub(super) fn respond_with(
    request: TokenRequest<'_>,
    (grant, record): (&Grant, Option<&Account>),
    (nonce, restriction, first): (Option<&str>, Restriction, Option<FirstToken>),
    issued: Event<'_>,
) -> Result<TokenResponse, TokenError> {
    let TokenRequest { tokens, client, recipient, .. } = request;
    let bound_to = restriction.bound_to;
    let (access_token, expires_in, told) =
        tokens.access_tokens.for_grant(client, grant, restriction, first)?;
    let about = (&grant.details, record);
    let id_token = id_token::issue(tokens, client, about, &access_token, nonce, recipient)?;
    if !grant.details.data_sets().is_empty() {
        tokens.provider.clients.released(client);
    }
    tokens.provider.audit.record(described(issued, client, grant));
    Ok(TokenResponse {
        token_type: token_type(bound_to),
        expires_in,
        id_token: Some(id_token),
        refresh_token: None,
        issued_token_type: None,
        grant_id: grant.details.managed.clone().filter(|_| client.tokens.manages_grants),
        scope: grant.details.scope.clone(),
        authorization_details: (!told.is_empty()).then(|| on_the_wire(&told)),
        access_token,
    })
}

/// RFC 6749 §7.1, RFC 9449 §5.
pub(super) fn token_type(bound_to: Option<Confirmation>) -> &'static str {
    bound_to.map_or("Bearer", Confirmation::token_type)
}

fn described<'a>(event: Event<'a>, client: &'a Client, grant: &'a Grant) -> Event<'a> {
    let details = &grant.details;
    let event = event
        .client(client.id.as_str())
        .person(details.person_id.as_str())
        .grant(grant.id.as_str())
        .scopes(&details.scope)
        .data_sets(details.data_sets().into_iter().map(DataSet::name))
        .acr(details.acr.name());
    match &details.consent_id {
        Some(consent) => event.consent(consent.as_str()),
        None => event,
    }
}
