//! The details of a signed access token (RFC 9396 §9.1). Whoever gets the token can read it: those that all of them are told of
//! stand in it, the others by sealed names, for UserInfo and introspection.

use serde_json::Value;

use super::audience::on_the_wire;
use super::authorization_details::NAME;
use crate::platform::seal::Sealer;
use crate::platform::service_error::ServiceError;
use crate::release::AgreedData;

/// The claim that names what not all are told of, and what it is sealed for.
const UNTOLD: &str = "sealed_authorization_details";
const PLACE: &[u8] = b"untold-details";

/// Writes the details of a token into its claims, of which all who read it are told of the `legible` ones.
///
/// # Errors
/// [`ServiceError`] when they cannot be written.
pub(super) fn tell(
    sealer: &Sealer,
    (details, legible): (&[AgreedData], &[&AgreedData]),
    claims: &mut Value,
) -> Result<(), ServiceError> {
    let rest = details.iter().filter(|detail| !legible.contains(detail));
    let rest: Vec<String> = rest.map(|detail| detail.key().encode()).collect();
    if !legible.is_empty() {
        claims[NAME] = on_the_wire(legible.iter().copied());
    }
    if !rest.is_empty() {
        let plain = serde_json::to_vec(&rest).map_err(|error| ServiceError::Internal(error.to_string()))?;
        claims[UNTOLD] = sealer.seal_text(PLACE, &plain).into();
    }
    Ok(())
}

/// Which details the claims of a token name, openly or sealed.
pub(super) fn named(sealer: &Sealer, claims: &Value) -> impl Fn(&AgreedData) -> bool {
    let told = claims[NAME].as_array().cloned().unwrap_or_default();
    let plain = claims[UNTOLD].as_str().and_then(|sealed| sealer.open_text(PLACE, sealed).ok());
    let untold: Vec<String> = plain.and_then(|plain| serde_json::from_slice(&plain).ok()).unwrap_or_default();
    move |detail| told.contains(&detail.on_the_wire()) || untold.contains(&detail.key().encode())
}
