//! Signatures by a secret that both sides have (HMAC, RFC 7518 §3.2), and what a token says of itself before anything is
//! verified.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::super::provider;
use super::{ForeignError, is_encrypted};
use crate::platform::bytes;
use crate::platform::clock::Timestamp;

/// The claims of a compact JWS with HS256 and this secret.
///
/// # Errors
/// [`ForeignError`].
pub fn verify_shared(
    token: &str,
    secret: &[u8],
    max_bytes: usize,
) -> Result<Map<String, Value>, ForeignError> {
    if token.len() > max_bytes {
        return Err(ForeignError::TooLong);
    }
    if is_encrypted(token) {
        return Err(ForeignError::Encrypted);
    }
    provider::install();
    let header = decode_header(token).map_err(ForeignError::Malformed)?;
    if header.alg != Algorithm::HS256 {
        return Err(ForeignError::AlgorithmNotAllowed);
    }
    if header.crit.is_some() {
        return Err(ForeignError::Critical);
    }
    let mut validation = Validation::new(Algorithm::HS256);
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_aud) = (false, false);
    match decode(token, &DecodingKey::from_secret(secret), &validation) {
        Ok(token) => Ok(token.claims),
        Err(error) if *error.kind() == ErrorKind::InvalidSignature => Err(ForeignError::WrongSignature),
        Err(error) => Err(ForeignError::Malformed(error)),
    }
}

/// Header and claims of a compact JWS as they stand there: nobody has verified them. `None` if it is none.
pub fn unverified(token: &str) -> Option<(Map<String, Value>, Map<String, Value>)> {
    let mut parts = token.split('.');
    let mut next = || serde_json::from_slice(&bytes::decode(parts.next()?)?).ok();
    let read = (next()?, next()?);
    (parts.next().is_some() && parts.next().is_none()).then_some(read)
}

/// RFC 7519 §2: seconds since the epoch, perhaps with a fraction, which is dropped.
pub fn numeric_date(value: &Value) -> Option<Timestamp> {
    let fraction = || value.as_f64().filter(|number| number.abs() < 1e15).map(|number| number.floor() as i64);
    value.as_i64().or_else(fraction).map(Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::json;

    const SECRET: &[u8] = b"a secret of more than thirty-two bytes";

    fn signed(header: &Header) -> String {
        provider::install();
        encode(header, &json!({"iss": "a"}), &EncodingKey::from_secret(SECRET)).unwrap()
    }

    #[test]
    fn hs256_of_the_secret_verifies_and_nothing_else() {
        let token = signed(&Header::new(Algorithm::HS256));
        assert_eq!(verify_shared(&token, SECRET, 4096).unwrap()["iss"], "a");
        assert!(matches!(verify_shared(&token, b"other", 4096), Err(ForeignError::WrongSignature)));
        assert!(matches!(verify_shared(&token, SECRET, 10), Err(ForeignError::TooLong)));
        assert!(matches!(verify_shared("a.b.c", SECRET, 4096), Err(ForeignError::Malformed(_))));
        assert!(matches!(verify_shared("a.b.c.d.e", SECRET, 4096), Err(ForeignError::Encrypted)));
        let other = signed(&Header::new(Algorithm::HS384));
        assert!(matches!(verify_shared(&other, SECRET, 4096), Err(ForeignError::AlgorithmNotAllowed)));
        let critical = Header { crit: Some(vec!["b64".to_owned()]), ..Header::new(Algorithm::HS256) };
        assert!(matches!(verify_shared(&signed(&critical), SECRET, 4096), Err(ForeignError::Critical)));
    }

    #[test]
    fn rfc7519_2_a_time_is_a_number() {
        for (value, time) in [(json!(5), Some(5)), (json!(5.9), Some(5)), (json!(-0.5), Some(-1))] {
            assert_eq!(numeric_date(&value), time.map(Timestamp));
        }
        for value in [json!("5"), json!(null), json!(1e300), json!([5])] {
            assert_eq!(numeric_date(&value), None, "{value}");
        }
    }

    #[test]
    fn what_is_read_before_it_is_verified_has_three_parts() {
        let token = signed(&Header::new(Algorithm::HS256));
        let (header, claims) = unverified(&token).unwrap();
        assert_eq!((&header["alg"], &claims["iss"]), (&json!("HS256"), &json!("a")));
        for odd in ["", "a", "e30.e30", "e30.e30.a.b", "e30.W10.a", "é.e30.a"] {
            assert!(unverified(odd).is_none(), "{odd}");
        }
    }
}
