//! Redeeming a code or a refresh token: the token request, verification of the ID token's signature, issuer,
//! audience, expiry, nonce and `at_hash`, then UserInfo with the same subject. Nothing is stored unless all is valid.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use openidconnect::core::{
    CoreGenderClaim, CoreIdToken, CoreJwsSigningAlgorithm, CoreRequestTokenError, CoreTokenResponse,
};
use openidconnect::{
    AccessTokenHash, AdditionalClaims, AuthorizationCode, ClaimsVerificationError, Nonce, NonceVerifier,
    OAuth2TokenResponse, PkceCodeVerifier, RefreshToken, RequestTokenError, SignatureVerificationError,
    SubjectIdentifier, TokenResponse, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::claims::{self, Row};
use super::provider::{self, Client, Metadata};
use super::sessions::{Arrival, SignedIn};
use super::sign_in::redirect_uri;
use super::{Portal, now};

/// Why a sign-in failed.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The provider is unavailable.
    Unreachable,
    /// The provider refused, with an OAuth error code.
    Refused(String),
    /// The response failed verification.
    Unproven(&'static str),
}

/// UserInfo's claims beyond the standard ones.
#[derive(Debug, Deserialize, Serialize)]
struct FurtherClaims {
    #[serde(flatten)]
    all: BTreeMap<String, Value>,
}

impl AdditionalClaims for FurtherClaims {}

/// Redeems a code (RFC 6749 §4.1.3, RFC 7636 §4.5) and verifies the response.
pub(super) async fn redeem(portal: &Portal, arrival: &Arrival, code: String) -> Result<SignedIn, Trouble> {
    let mut metadata = portal.provider.metadata(now()).await.map_err(|_| Trouble::Unreachable)?;
    let http = portal.provider.http();
    let tokens = client(portal, &metadata, arrival.party)?
        .exchange_code(AuthorizationCode::new(code))
        .map_err(|_| Trouble::Unproven("discovery names no token endpoint"))?
        .set_pkce_verifier(PkceCodeVerifier::new(arrival.verifier.clone()))
        .request_async(&http)
        .await
        .map_err(token_trouble)?;
    let id_token = tokens.id_token().ok_or(Trouble::Unproven("no ID token came"))?;
    let nonce = Nonce::new(arrival.nonce.clone());
    let proof =
        verify(portal, &mut metadata, arrival.party, (id_token, tokens.access_token()), &nonce).await?;
    let refresh_token = tokens.refresh_token().map(|token| token.secret().clone());
    complete(portal, &metadata, arrival.party, &tokens, (proof, id_token.to_string(), refresh_token)).await
}

/// Refreshes (RFC 6749 §6, OpenID Connect Core 1.0 §12): the same person, newer data. `token` is consumed.
pub(super) async fn renew(portal: &Portal, before: &SignedIn, token: String) -> Result<SignedIn, Trouble> {
    let mut metadata = portal.provider.metadata(now()).await.map_err(|_| Trouble::Unreachable)?;
    let http = portal.provider.http();
    let refresh_token = RefreshToken::new(token.clone());
    let tokens = client(portal, &metadata, before.party)?
        .exchange_refresh_token(&refresh_token)
        .map_err(|_| Trouble::Unproven("discovery names no token endpoint"))?
        .request_async(&http)
        .await
        .map_err(token_trouble)?;
    let (proof, id_token) = match tokens.id_token() {
        Some(id_token) => {
            // A refreshed ID token need not repeat the nonce (Core §12.2).
            let any_nonce = |_: Option<&Nonce>| Ok(());
            let both = (id_token, tokens.access_token());
            let proof = verify(portal, &mut metadata, before.party, both, any_nonce).await?;
            if proof.subject.as_str() != before.subject {
                return Err(Trouble::Unproven("the refreshed ID token is about somebody else"));
            }
            (proof, id_token.to_string())
        }
        None => (Proof::kept(before), before.id_token.clone()),
    };
    let next = tokens.refresh_token().map_or(token, |token| token.secret().clone());
    complete(portal, &metadata, before.party, &tokens, (proof, id_token, Some(next))).await
}

/// What verification established about an ID token.
struct Proof {
    subject: SubjectIdentifier,
    sid: Option<String>,
    id_claims: Vec<Row>,
    facts: Vec<Row>,
}

impl Proof {
    fn kept(before: &SignedIn) -> Self {
        Self {
            subject: SubjectIdentifier::new(before.subject.clone()),
            sid: before.sid.clone(),
            id_claims: before.id_claims.clone(),
            facts: before.facts.clone(),
        }
    }
}

type Pair<'a> = (&'a CoreIdToken, &'a openidconnect::AccessToken);

async fn verify<N>(
    portal: &Portal,
    metadata: &mut Arc<Metadata>,
    party: usize,
    pair: Pair<'_>,
    nonce: N,
) -> Result<Proof, Trouble>
where
    N: NonceVerifier + Clone,
{
    match check(&client(portal, metadata, party)?, pair, nonce.clone()) {
        // The provider may have rotated its key since its keys were read.
        Err(Doubt::UnknownKey) => {
            *metadata = portal.provider.reread(now()).await.map_err(|_| Trouble::Unreachable)?;
            check(&client(portal, metadata, party)?, pair, nonce).map_err(Doubt::trouble)
        }
        outcome => outcome.map_err(Doubt::trouble),
    }
}

enum Doubt {
    UnknownKey,
    Unproven(&'static str),
}

impl Doubt {
    fn trouble(self) -> Trouble {
        match self {
            Self::UnknownKey => {
                Trouble::Unproven("the ID token is signed by a key the provider does not publish")
            }
            Self::Unproven(why) => Trouble::Unproven(why),
        }
    }
}

fn check<N: NonceVerifier>(client: &Client, (id_token, access): Pair<'_>, nonce: N) -> Result<Proof, Doubt> {
    let verifier = client.id_token_verifier().set_allowed_algs([
        CoreJwsSigningAlgorithm::EcdsaP256Sha256,
        CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
        CoreJwsSigningAlgorithm::EdDsa,
    ]);
    let claims = id_token.claims(&verifier, nonce).map_err(|error| doubt(&error))?;
    let algorithm = id_token.signing_alg().map_err(|_| Doubt::Unproven("the ID token is not signed"))?;
    let key = id_token.signing_key(&verifier).map_err(|_| Doubt::UnknownKey)?;
    let hashed = match claims.access_token_hash() {
        None => "the provider sent none",
        Some(sent) => {
            let computed = AccessTokenHash::from_token(access, algorithm, key)
                .map_err(|_| Doubt::Unproven("at_hash cannot be computed for this algorithm"))?;
            if computed != *sent {
                return Err(Doubt::Unproven("at_hash does not match the access token"));
            }
            "matches the access token"
        }
    };
    let payload = payload(&id_token.to_string());
    let signature = format!("{}, by a key the provider publishes", wire_name(algorithm));
    let about = format!("{}, for {}", claims.issuer().as_str(), client.client_id().as_str());
    let nonce = if claims.nonce().is_some() { "is the one this browser began with" } else { "not repeated" };
    Ok(Proof {
        subject: claims.subject().clone(),
        sid: payload.get("sid").and_then(Value::as_str).map(str::to_owned),
        id_claims: claims::as_received(&payload),
        facts: vec![
            Row::fact("Signature", "signature", &signature),
            Row::fact("Issuer and audience", "audience", &about),
            Row::fact("Nonce", "nonce", nonce),
            Row::fact("Access token hash (at_hash)", "at_hash", hashed),
        ],
    })
}

fn doubt(error: &ClaimsVerificationError) -> Doubt {
    match error {
        ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => {
            Doubt::UnknownKey
        }
        ClaimsVerificationError::SignatureVerification(_) => {
            Doubt::Unproven("the ID token's signature does not hold")
        }
        ClaimsVerificationError::Expired(_) => Doubt::Unproven("the ID token has expired"),
        ClaimsVerificationError::InvalidNonce(_) => Doubt::Unproven("the nonce is not the one sent"),
        ClaimsVerificationError::InvalidAudience(_) => Doubt::Unproven("the ID token is for another client"),
        ClaimsVerificationError::InvalidIssuer(_) => Doubt::Unproven("the ID token is from another issuer"),
        _ => Doubt::Unproven("the ID token does not hold"),
    }
}

type Verified = (Proof, String, Option<String>);

async fn complete(
    portal: &Portal,
    metadata: &Metadata,
    party: usize,
    tokens: &CoreTokenResponse,
    (mut proof, id_token, refresh_token): Verified,
) -> Result<SignedIn, Trouble> {
    let http = portal.provider.http();
    let user: UserInfoClaims<FurtherClaims, CoreGenderClaim> = client(portal, metadata, party)?
        .user_info(tokens.access_token().clone(), Some(proof.subject.clone()))
        .map_err(|_| Trouble::Unproven("discovery names no UserInfo endpoint"))?
        .request_async(&http)
        .await
        .map_err(|error| {
            tracing::warn!(%error, "the UserInfo response was rejected");
            Trouble::Unproven("UserInfo did not come, or is about somebody else")
        })?;
    let user = as_map(serde_json::to_value(&user));
    proof.facts.retain(|fact| fact.machine != "userinfo");
    proof.facts.push(Row::fact("UserInfo", "userinfo", "has the same subject as the ID token"));
    Ok(SignedIn {
        party,
        subject: proof.subject.to_string(),
        sid: proof.sid,
        greeting: claims::greeting(&user),
        id_token,
        refreshable: refresh_token.is_some(),
        refresh_token: Mutex::new(refresh_token),
        user,
        id_claims: proof.id_claims,
        facts: proof.facts,
    })
}

fn client(portal: &Portal, metadata: &Metadata, party: usize) -> Result<Client, Trouble> {
    let missing = || Trouble::Unproven("no such service");
    let redirect = redirect_uri(portal, party).ok_or_else(missing)?;
    Ok(provider::client(metadata, portal.party(party).ok_or_else(missing)?, redirect))
}

fn token_trouble<E: std::error::Error + 'static>(error: CoreRequestTokenError<E>) -> Trouble {
    match error {
        RequestTokenError::ServerResponse(answer) => Trouble::Refused(answer.error().as_ref().to_owned()),
        RequestTokenError::Request(_) => Trouble::Unreachable,
        _ => Trouble::Unproven("the token endpoint's answer is not understood"),
    }
}

/// The claims of a token whose signature has been verified already.
fn payload(jws: &str) -> Map<String, Value> {
    let part = jws.split('.').nth(1).unwrap_or_default();
    as_map(serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap_or_default()))
}

fn as_map(value: serde_json::Result<Value>) -> Map<String, Value> {
    match value {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

fn wire_name(algorithm: &CoreJwsSigningAlgorithm) -> String {
    serde_json::to_value(algorithm).ok().and_then(|name| Some(name.as_str()?.to_owned())).unwrap_or_default()
}
