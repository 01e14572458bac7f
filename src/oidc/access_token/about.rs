//! Tokens by which a law gives a client data of somebody whom it named.

use serde::{Deserialize, Serialize};

use super::{AccessToken, AccessTokens};
use crate::clients::Client;
use crate::grants::Confirmation;
use crate::oidc::error::TokenError;
use crate::people::PersonId;
use crate::platform::bytes;
use crate::release::AgreedData;

/// What a law lets a client have of somebody who did not sign in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::oidc) struct About {
    /// Who.
    #[serde(rename = "p")]
    pub person_id: PersonId,
    /// What, for what and until when.
    #[serde(rename = "x")]
    pub detail: AgreedData,
}

impl AccessTokens {
    /// Issues the token by which a law gives data of somebody whom the client named, and says for how many seconds it is valid. It is
    /// sealed whatever format the client's tokens have: no other server is to read it.
    ///
    /// # Errors
    /// [`TokenError`] when it cannot be sealed.
    pub(in crate::oidc) fn about(
        &self,
        client: &Client,
        about: About,
        bound_to: Confirmation,
    ) -> Result<(String, i64), TokenError> {
        let now = self.provider.clock.now();
        let left = about.detail.until.since(now).min(self.seconds);
        let id = bytes::random_text::<16>();
        let token = AccessToken {
            grant: id.clone(),
            id,
            client_id: client.id.clone(),
            resource_servers: Vec::new(),
            resources: Vec::new(),
            elsewhere: false,
            scope: String::new(),
            issued_at: now,
            expires_at: now.plus(left),
            bound_to: Some(bound_to),
            act: Vec::new(),
            origin: None,
            person: None,
            about: Some(about),
        };
        Ok((self.seal(&token)?, left))
    }
}
