//! `grant_type=one_log_out`: the service gives back what it got in a session.

use serde::Serialize;

use super::OneId;
use super::client::Proven;
use super::error::Refusal;
use super::params::Params;
use super::uuid::Uuid;
use super::{identify, token};
use crate::audit::{Event, Kind};
use crate::grants;

/// The answer: `"0"` stands for success.
#[derive(Serialize)]
pub(super) struct LoggedOut {
    ret_cd: &'static str,
}

/// Ends the token, and all that the service got by other sign-ins in the same session. The person's session at their
/// browser goes on: other services rest on it, and none of them would be told. A token that has ended, or is none of this
/// service's, is answered alike (as RFC 7009 §2.2 has it).
pub(super) async fn answer(
    oneid: &OneId,
    proven: &Proven<'_>,
    params: &Params,
) -> Result<LoggedOut, Refusal> {
    let shown = Uuid::parse(identify::shown(params)?);
    if let Some(shown) = shown
        && let Some(grant) = oneid.grants.find(&grants::id_of(shown.as_str())).await?
        && grant.client_id == proven.client.id
        && !grant.revoked
    {
        oneid.grants.revoke_of_session(&grant).await?;
        let revoked = Event::new(Kind::TokenRevoked).grant_type("one_log_out");
        oneid.audit.record(token::described(revoked, &grant));
    }
    Ok(LoggedOut { ret_cd: "0" })
}
