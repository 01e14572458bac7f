//! `GET|POST /oidc/userinfo` (OpenID Connect Core §5.3, RFC 6750, RFC 9449 §7).

use std::collections::BTreeSet;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value};

use super::access_token::TokenPerson;
use super::error::{ErrorCode, TokenError};
use super::presented::{self, Scheme};
use super::releases::{Opened, Release};
use super::{Tokens, claims, client_auth, encryption, releases, signature, verified_claims};
use crate::audit::Kind;
use crate::clients::Client;
use crate::grants::may_go;
use crate::ledger::mark;
use crate::people::{Account, CivilDate, DataSet};
use crate::platform::clock::Timestamp;
use crate::platform::jose::{Alg, KeySet, RecipientKey, UNTYPED};
use crate::platform::service_error::ServiceError;
use crate::platform::web::respond;
use crate::release::AgreedData;

/// The media type of what is not plain JSON.
const JWT: &str = "application/jwt";

/// The token in the header.
pub(super) async fn get(tokens: Data<Tokens>, request: HttpRequest) -> HttpResponse {
    answer(&tokens, &request, None).await
}

/// The token in the header or, as RFC 6750 §2.2 has it, in the form.
pub(super) async fn post(tokens: Data<Tokens>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let in_body = if body.is_empty() {
        None
    } else {
        client_auth::form(&request, &body).ok().and_then(|form| form.get("access_token").map(str::to_owned))
    };
    answer(&tokens, &request, in_body).await
}

async fn answer(tokens: &Tokens, request: &HttpRequest, in_body: Option<String>) -> HttpResponse {
    let in_header = match presented::in_header(request) {
        Ok(in_header) => in_header,
        Err(error) => {
            error.record(&tokens.provider.audit, Kind::UserinfoRefused, None);
            return presented::challenge(Scheme::Bearer, &error);
        }
    };
    let (scheme, token) = match (in_header, in_body) {
        (Some((scheme, _)), Some(_)) => {
            let error = TokenError::new(ErrorCode::InvalidRequest, "two access tokens");
            error.record(&tokens.provider.audit, Kind::UserinfoRefused, None);
            return presented::challenge(scheme, &error);
        }
        (Some(token), None) => token,
        (None, Some(token)) => (Scheme::Bearer, token),
        (None, None) => return presented::wanted(),
    };
    let told = async {
        let mut found = find(tokens, request, (scheme, &token)).await?;
        let client = Arc::clone(&found.client);
        let told = async {
            let form = Form::of(tokens, &client).await?;
            // Nothing leaves that the ledger does not tell of. What may be read once is used up where nothing is left that the
            // client or its hosts could make fail.
            found.record(tokens).await?;
            found.add_details(tokens).await?;
            form.answer(tokens, &client, found.claims)
        };
        let response = told.await.map_err(|error| error.of(&client.id))?;
        Ok::<_, TokenError>(tokens.provider.proofs.renewed(response, &client))
    };
    match told.await {
        Ok(response) => response,
        Err(error) => {
            error.record(&tokens.provider.audit, Kind::UserinfoRefused, None);
            let fault = error.code.status().is_server_error();
            if fault { error.answer() } else { presented::challenge(scheme, &error) }
        }
    }
}

/// The form that the client registered (OpenID Connect Core §5.3.2), with the keys that it takes: JSON, a signed token, or either
/// of them encrypted.
struct Form {
    signed: Option<(Alg, Arc<KeySet>, Timestamp)>,
    recipient: Option<RecipientKey>,
}

impl Form {
    async fn of(tokens: &Tokens, client: &Client) -> Result<Self, TokenError> {
        let (provider, policy) = (&tokens.provider, &client.answers);
        let (keys, now) = (provider.keys.current(), provider.clock.now());
        if let Some(alg) = policy.userinfo_alg {
            signature::key(&keys, alg, now)?;
        }
        let recipient = encryption::recipient(provider, client, policy.userinfo_encryption).await?;
        Ok(Self { signed: policy.userinfo_alg.map(|alg| (alg, keys, now)), recipient })
    }

    fn answer(
        &self,
        tokens: &Tokens,
        client: &Client,
        mut claims: Map<String, Value>,
    ) -> Result<HttpResponse, TokenError> {
        let provider = &tokens.provider;
        let Some((alg, keys, now)) = &self.signed else {
            let Some(recipient) = &self.recipient else { return Ok(respond::json(StatusCode::OK, &claims)) };
            let sealed = recipient.encrypt(&[], Value::Object(claims).to_string().as_bytes());
            let sealed = sealed.map_err(|error| ServiceError::Internal(error.to_string()))?;
            return Ok(respond::token(JWT, sealed));
        };
        claims.insert("iss".to_owned(), (&*provider.issuer).into());
        claims.insert("aud".to_owned(), client.id.as_str().into());
        let key = signature::key(keys, *alg, *now)?;
        Ok(respond::token(JWT, encryption::nested(key.sign(UNTYPED, &claims), self.recipient.as_ref())?))
    }
}

/// What an access token gives.
struct Found {
    client: Arc<Client>,
    account: Arc<Account>,
    claims: Map<String, Value>,
    /// The grant that it rests on, the token's identifier and its scopes.
    grant: String,
    token: String,
    scope: String,
    person: TokenPerson,
}

async fn find(
    tokens: &Tokens,
    request: &HttpRequest,
    (scheme, text): (Scheme, &str),
) -> Result<Found, TokenError> {
    let invalid =
        || TokenError::new(ErrorCode::InvalidToken, "the access token is invalid, expired or revoked");
    let token = tokens.access_tokens.resolve(text).await?.ok_or_else(invalid)?;
    let proven = presented::proven(&tokens.provider, request, (scheme, text), &token).await;
    proven.map_err(|error| error.of(&token.client_id))?;
    if token.elsewhere {
        let error =
            TokenError::new(ErrorCode::InvalidToken, "the access token is for other resource servers");
        return Err(error.of(&token.client_id));
    }
    let person = token.person.ok_or_else(|| {
        TokenError::new(ErrorCode::InsufficientScope, "access token has no associated user")
            .of(&token.client_id)
    })?;
    if !token.scope.split(' ').any(|scope| scope == "openid") {
        let error = TokenError::new(ErrorCode::InsufficientScope, "scope openid is required");
        return Err(error.of(&token.client_id));
    }
    let account = tokens.people.find(&person.person_id).await?.ok_or_else(invalid)?;
    let now = tokens.provider.clock.now();
    let account = account.acting_for(person.organisation.as_deref(), now);
    // What the registration allows today counts, not what it did when the token was issued.
    let client = tokens.provider.clients.find(&token.client_id).ok_or_else(invalid)?;
    let today = CivilDate::of(now);
    if let Some(why) = client.unsuited(&account, today) {
        return Err(TokenError::new(ErrorCode::InsufficientScope, why.description()).of(&client.id));
    }
    let released = released(&person, &client);
    let mut claims = claims::for_userinfo(&account, &token.scope, &person.claims, &released, today);
    if let Some(verified) = claims::verified(&account, &person.verified, &released, now) {
        claims.insert(verified_claims::NAME.to_owned(), verified);
    }
    if claims::wants_photo(&token.scope, &person.claims, &released)
        && let Some(photo) = photo(tokens, &account).await?
    {
        claims.insert(claims::PHOTO.to_owned(), photo);
    }
    claims.insert("sub".to_owned(), person.sub.as_str().into());
    let (grant, token, scope) = (token.grant, token.id, token.scope);
    Ok(Found { client, account, claims, grant, token, scope, person })
}

fn released(person: &TokenPerson, client: &Client) -> BTreeSet<DataSet> {
    may_go(&person.released, person.basis, client)
}

/// A person's photo, if there is one. It is read only here: no sign-in needs it.
async fn photo(tokens: &Tokens, account: &Account) -> Result<Option<Value>, TokenError> {
    if !account.person.has_photo {
        return Ok(None);
    }
    let photo = tokens.people.photo(&account.account_state.person_id).await?;
    Ok(photo.as_ref().map(claims::photo))
}

impl Found {
    fn opened(&self) -> Opened<'_> {
        Opened {
            client: &self.client,
            person: &self.person.person_id,
            consent: None,
            grant: &self.grant,
            token: &self.token,
            scope: &self.scope,
            claims: &self.person.claims,
            verified: &self.person.verified,
            released: released(&self.person, &self.client),
            details: &self.person.details,
        }
    }

    /// Makes sure that the ledger tells of what leaves. Of a token that came with its grant it does since then, unless the registration
    /// was changed; what is read once is written when it is read.
    async fn record(&self, tokens: &Tokens) -> Result<(), TokenError> {
        let opened = self.opened();
        let mut releases = opened.releases(&tokens.provider);
        let names = tokens.ledger.names(&releases::entries(&releases));
        let single = opened.due(&tokens.provider).filter(|detail| detail.asked.is_single());
        let single: Vec<Release<'_>> = single.map(|detail| opened.of(detail)).collect();
        if single.is_empty() && mark(&names) == self.person.told {
            tokens.ledger.count(names);
            return Ok(());
        }
        let repeated = releases.len();
        releases.extend(single);
        let mut names = releases::record(tokens, &self.grant, &releases).await?;
        // Whether what is read once leaves by this request is not known yet.
        names.truncate(repeated);
        tokens.ledger.count(names);
        Ok(())
    }

    /// Adds the data sets that may be released for a purpose of their own (RFC 9396). What may be read once is left out from
    /// then on.
    async fn add_details(&mut self, tokens: &Tokens) -> Result<(), TokenError> {
        let due: Vec<&AgreedData> = self.opened().due(&tokens.provider).collect();
        let (single, mut given): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|detail| detail.asked.is_single());
        if !single.is_empty() {
            let fresh = tokens.grants.use_up(&self.grant, &single).await?;
            let opened = self.opened();
            let read: Vec<Release<'_>> = fresh.iter().map(|detail| opened.of(detail)).collect();
            tokens.ledger.count(tokens.ledger.names(&releases::entries(&read)));
            given.extend(fresh);
        }
        let allowed = |detail: &AgreedData| releases::allowed(detail, &self.client);
        let sets: BTreeSet<DataSet> = given.into_iter().flat_map(allowed).collect();
        let mut told = claims::for_purposes(&self.account, &sets, CivilDate::of(tokens.provider.clock.now()));
        if sets.contains(&DataSet::Photo)
            && let Some(photo) = photo(tokens, &self.account).await?
        {
            told.insert(claims::PHOTO.to_owned(), photo);
        }
        // Nothing here takes the place of what was found before.
        for (name, value) in told {
            self.claims.entry(name).or_insert(value);
        }
        Ok(())
    }
}
