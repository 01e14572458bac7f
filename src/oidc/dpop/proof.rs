//! A proof of possession (RFC 9449 §4): which key made it, for which request, and how recently.

use serde_json::Value;
use url::Url;

use super::nonce::{self, Nonces};
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::Timestamp;
use crate::platform::jose::foreign::{ForeignAlg, ForeignError, Policy, numeric_date, verify_embedded};

/// Algorithms of proofs. RS256 is not among them: FAPI 2.0 Security Profile §5.4.1.
pub(in crate::oidc) const ALGS: [ForeignAlg; 3] = [ForeignAlg::ES256, ForeignAlg::EdDSA, ForeignAlg::PS256];

/// The longest proof, in bytes.
const LONGEST: usize = 4096;

/// The greatest age of a proof without a nonce, in seconds.
const AGE: i64 = 60;

/// By how much a client's clock may be ahead of ours, in seconds.
const AHEAD: i64 = 10;

/// What a proof must be for.
pub(super) struct Expected<'a> {
    /// The request's method.
    pub(super) method: &'a str,
    /// The addresses of the endpoint, without query.
    pub(super) addresses: &'a [Url],
    /// The access token that comes with it, if it is used with one.
    pub(super) token: Option<&'a str>,
    /// Whether it must have a nonce.
    pub(super) nonce_required: bool,
}

/// A proof that is right, unless it was used before.
#[derive(Debug)]
pub(super) struct Proof {
    /// Thumbprint of the key that made it.
    pub(super) key: Digest,
    /// Its identifier.
    pub(super) id: String,
    /// For how many seconds it would be accepted again.
    pub(super) seconds: i64,
}

/// Why a proof is refused, in words for the client's developers.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// `invalid_dpop_proof`.
    Invalid(&'static str),
    /// `invalid_dpop_proof`, which a nonce would heal.
    WrongTime(&'static str),
    /// `use_dpop_nonce`.
    Nonce(&'static str),
}

/// RFC 9449 §4.3.
pub(super) fn check(
    text: &str,
    expected: &Expected<'_>,
    (nonces, now): (&Nonces, Timestamp),
) -> Result<Proof, Refusal> {
    use Refusal::{Invalid, Nonce, WrongTime};
    let policy = Policy { algs: &ALGS, typ: Some("dpop+jwt"), max_bytes: LONGEST };
    let embedded = verify_embedded(text, &policy).map_err(|error| Invalid(words(&error)))?;
    let text = |name: &str| embedded.claims.get(name).and_then(Value::as_str);
    if text("htm") != Some(expected.method) {
        return Err(Invalid("htm of the DPoP proof is not the method of the request"));
    }
    if !text("htu").is_some_and(|htu| is_for(htu, expected.addresses)) {
        return Err(Invalid("htu of the DPoP proof is not the address of the request"));
    }
    if let Some(token) = expected.token {
        let digest = Digest::of(token.as_bytes()).encode();
        if !text("ath").is_some_and(|ath| bytes::same(ath.as_bytes(), digest.as_bytes())) {
            return Err(Invalid("ath of the DPoP proof is not the SHA-256 of the access token"));
        }
    }
    let id = text("jti").filter(|id| (1..=256).contains(&id.len()));
    let id = id.ok_or(Invalid("jti of the DPoP proof is missing, or is no text of 1 to 256 bytes"))?;
    let made_at = embedded.claims.get("iat").and_then(numeric_date);
    let made_at = made_at.ok_or(Invalid("iat of the DPoP proof is missing or no number"))?;
    let seconds = match embedded.claims.get("nonce").map(|nonce| nonce.as_str().unwrap_or_default()) {
        None if expected.nonce_required => return Err(Nonce("the DPoP proof needs the nonce in DPoP-Nonce")),
        None if made_at.since(now) > AHEAD => {
            return Err(WrongTime(
                "iat of the DPoP proof is ahead: check the clock, or use the nonce in DPoP-Nonce",
            ));
        }
        None if now.since(made_at) > AGE => {
            return Err(WrongTime(
                "iat of the DPoP proof is too old: check the clock, or use the nonce in DPoP-Nonce",
            ));
        }
        None => made_at.plus(AGE + AHEAD).since(now),
        Some(nonce) if nonces.is_valid(nonce, now) => nonce::LONGEST,
        Some(_) => {
            return Err(Nonce(
                "the nonce of the DPoP proof is unknown or too old: use the one in DPoP-Nonce",
            ));
        }
    };
    Ok(Proof { key: embedded.key, id: id.to_owned(), seconds: seconds.max(1) })
}

/// RFC 9449 §4.3: compared without query and fragment, after the normalisation of RFC 3986 §6.2.2 and §6.2.3.
fn is_for(htu: &str, addresses: &[Url]) -> bool {
    let Ok(mut htu) = Url::parse(htu) else { return false };
    htu.set_query(None);
    htu.set_fragment(None);
    addresses.contains(&htu)
}

fn words(error: &ForeignError) -> &'static str {
    match error {
        ForeignError::TooLong => "the DPoP proof is too long",
        ForeignError::AlgorithmNotAllowed => "alg of the DPoP proof must be ES256, EdDSA or PS256",
        ForeignError::UnexpectedType => "typ of the DPoP proof must be dpop+jwt",
        ForeignError::Critical => "the DPoP proof has crit, and no critical extension is supported",
        ForeignError::NoEmbeddedKey => "the DPoP proof has no public key in jwk",
        ForeignError::PrivateKey => "jwk of the DPoP proof is a private or symmetric key",
        ForeignError::WrongUse => "jwk of the DPoP proof is no key for its alg",
        ForeignError::WrongSignature => "the signature of the DPoP proof is invalid",
        _ => "the DPoP proof is no compact JWS of a JSON object",
    }
}
