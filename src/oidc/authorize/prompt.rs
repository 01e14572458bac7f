//! `prompt`.

use std::collections::BTreeSet;

use super::AuthorizationRequest;
use super::input::Input;
use crate::oidc::error::{ErrorCode, OAuthError};

/// What the client wants the person to be asked (OpenID Connect Core §3.1.2.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Prompt {
    /// Nothing: answer at once or with an error.
    None,
    /// To prove themselves again.
    Login,
    /// To consent again.
    Consent,
    /// Which account to use.
    SelectAccount,
}

impl Prompt {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "none" => Some(Self::None),
            "login" => Some(Self::Login),
            "consent" => Some(Self::Consent),
            "select_account" => Some(Self::SelectAccount),
            _ => None,
        }
    }
}

/// OpenID Connect Core §3.1.2.1: `none` stands alone. Initiating User Registration §4.1: a person who is to be registered by
/// `create`, which is not done here, must not be taken for one who signs in.
pub(super) fn check(input: Input<'_>, request: &mut AuthorizationRequest) -> Result<(), OAuthError> {
    let words: Vec<&str> =
        input.params.get("prompt").unwrap_or_default().split(' ').filter(|word| !word.is_empty()).collect();
    let prompts: BTreeSet<Prompt> = words.iter().filter_map(|word| Prompt::parse(word)).collect();
    if prompts.contains(&Prompt::None) && words.len() > 1 {
        return Err(OAuthError::new(
            ErrorCode::InvalidRequest,
            "prompt=none cannot be combined with other values",
        ));
    }
    if words.contains(&"create") {
        return Err(OAuthError::new(
            ErrorCode::InvalidRequest,
            "prompt=create is not supported: people are enrolled elsewhere",
        ));
    }
    request.prompt = prompts;
    Ok(())
}
