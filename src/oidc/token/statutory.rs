//! `grant_type=client_credentials` with `authorization_details`: data of a person whom the client names, because a law lets it have them
//! (D-i). The token is for the data API alone, where each release is written down and the person is told (R70, R71).

use std::sync::Arc;

use serde_json::{Value, json};

use super::TokenRequest;
use super::issue::{TokenResponse, token_type};
use crate::audit::{Event, Kind};
use crate::clients::{Basis, Client, PersonalData};
use crate::ledger::{Channel, Entry};
use crate::oidc::access_token::About;
use crate::oidc::audience::on_the_wire;
use crate::oidc::authorization_details::{self, Bounds};
use crate::oidc::data::{Asking, DataApi, location};
use crate::oidc::error::{ErrorCode, OAuthError, TokenError};
use crate::oidc::{Tokens, resource};
use crate::people::{Account, CivilDate, DataSet, DocumentNumber, PersonId, Pinfl};
use crate::platform::bytes;
use crate::release::AgreedData;

/// Answers it. That there is no such person is told in the words for one without an enrolled number, and for one whose document is
/// another: how often a client may be wrong is bounded, and whoever is on record has an entry in their ledger.
pub(super) async fn issue(request: TokenRequest<'_>, text: &str) -> Result<TokenResponse, TokenError> {
    let TokenRequest { tokens, client, params, bound_to, .. } = request;
    let error = |code, words| Err(TokenError::new(code, words));
    if client.data.basis != Basis::Statutory || client.data.statutory_purposes.is_empty() {
        return error(
            ErrorCode::InvalidAuthorizationDetails,
            "authorization_details asks for data of a person, and client_credentials has none: ask the person, or have statutory_purposes registered, which the contract of the client allows",
        );
    }
    let Some(bound_to) = bound_to else {
        return error(
            ErrorCode::InvalidRequest,
            "a token for data that a law gives is bound to a key: send a DPoP proof or show a certificate",
        );
    };
    if params.get(resource::NAME).is_some() {
        return error(
            ErrorCode::InvalidTarget,
            "a token for data that a law gives is for the data API alone: leave resource out",
        );
    }
    tokens.data.admit(client, Asking::Data).await?;
    if let Some(spent) = tokens.provider.clients.spent(client) {
        return Err(TokenError::quota(spent, tokens.provider.clock.now()));
    }
    let (asked, named) = asked(tokens, client, text)?;
    let tries = DataApi::tries(client, vec![tokens.people.pinfl_index(&named.pinfl)], true);
    tokens.data.may_try(&tries).await?;
    let account = tokens.people.find_by_pinfl(&named.pinfl).await?;
    // That somebody is on record, and whether a document is theirs, is told by either answer: so either leaves a trace for them.
    if let Some(account) = &account {
        write_down(tokens, client, &account.account_state.person_id, &asked).await?;
    }
    let today = CivilDate::of(tokens.provider.clock.now());
    // That somebody is too young, or their document not valid, is told of nobody whom the client did not meet (D-s, D-t).
    let suits = |account: &Arc<Account>| named.fits(account) && client.unsuited(account, today).is_none();
    let Some(account) = account.filter(suits) else {
        tokens.data.was_wrong(&tries).await?;
        return error(
            ErrorCode::UnknownUserId,
            "person names nobody whose data can be released: there is none, or without an enrolled number, or the document is not theirs, or the contract of the client excludes them",
        );
    };
    let person = account.account_state.person_id.clone();
    let detail = AgreedData::to(&asked, tokens.provider.clock.now());
    let told = on_the_wire([&detail]);
    let about = About { person_id: person.clone(), detail };
    let (access_token, expires_in) = tokens.access_tokens.about(client, about, bound_to)?;
    // A release like any other (R99): it counts towards quotas, and is paid for.
    tokens.provider.clients.released(client);
    let event = Event::new(Kind::TokenIssued).client(client.id.as_str()).grant_type("client_credentials");
    let event = event.person(person.as_str()).basis("statutory");
    tokens.provider.audit.record(event.data_sets(asked.data_sets.iter().copied().map(DataSet::name)));
    Ok(TokenResponse {
        access_token,
        token_type: token_type(Some(bound_to)),
        expires_in,
        id_token: None,
        refresh_token: None,
        scope: String::new(),
        issued_token_type: None,
        grant_id: None,
        authorization_details: Some(told),
    })
}

/// Writes down that a client asked for data of a person: once for each purpose and day. What it reads then is an entry by itself, with a
/// notice.
async fn write_down(
    tokens: &Tokens,
    client: &Client,
    person: &PersonId,
    asked: &PersonalData,
) -> Result<(), TokenError> {
    let day = CivilDate::of(tokens.provider.clock.now()).to_string();
    let sets = asked.data_sets.iter().copied().map(DataSet::name);
    let entry = Entry {
        data_sets: sets.collect(),
        purpose: Some(&asked.purpose),
        once: vec!["named", client.id.as_str(), person.as_str(), &asked.purpose, &day],
        ..Entry::to(person, client, Channel::Naming)
    };
    tokens.data.commit(&entry, None, None).await?;
    Ok(())
}

/// Whom a client names: by PINFL, and to be sure by a document as well (R109, R112).
#[derive(Debug)]
struct Named {
    pinfl: Pinfl,
    document: Option<String>,
}

impl Named {
    fn read(value: Option<&Value>) -> Result<Self, OAuthError> {
        let invalid = |words| OAuthError::new(ErrorCode::InvalidAuthorizationDetails, words);
        let shape = invalid(
            "person must be an object with pinfl, and document_number if you like: by nothing else is anybody found",
        );
        let person = value.and_then(Value::as_object).ok_or(shape)?;
        if person.keys().any(|name| !["pinfl", "document_number"].contains(&name.as_str())) {
            return Err(shape);
        }
        let text = |name: &str| match person.get(name) {
            None => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or(shape),
        };
        let pinfl = Pinfl::parse(text("pinfl")?.ok_or(shape)?)
            .map_err(|_| invalid("pinfl is no PINFL: 14 digits, of which the last one is the check digit"))?;
        let document = text("document_number")?;
        if document.is_some_and(|number| !(1..=40).contains(&number.chars().count())) {
            return Err(shape);
        }
        Ok(Self { pinfl, document: document.map(str::to_owned) })
    }

    /// Whether the document is the person's, if one is named.
    fn fits(&self, account: &Account) -> bool {
        let Some(document) = &self.document else { return true };
        let own = &account.person.document;
        let named = DocumentNumber::parse(own.kind, document);
        named.is_ok_and(|named| bytes::same(named.as_str().as_bytes(), own.number.as_str().as_bytes()))
    }
}

/// What is asked for, of whom: one object, of one person, for one purpose.
fn asked(tokens: &Tokens, client: &Client, text: &str) -> Result<(PersonalData, Named), OAuthError> {
    let invalid = |words| OAuthError::new(ErrorCode::InvalidAuthorizationDetails, words);
    let issuer = &*tokens.provider.issuer;
    let here = location(issuer);
    let mut objects = authorization_details::objects(text)?;
    let [object] = &mut objects[..] else {
        return Err(invalid(
            "authorization_details of client_credentials must be one object: one person, one purpose",
        ));
    };
    let named = Named::read(object.remove("person").as_ref())?;
    object.entry("locations").or_insert_with(|| json!([here]));
    let general = std::collections::BTreeSet::new();
    let bounds = Bounds {
        client,
        general: &general,
        servers: &[],
        resources: &[],
        issuer,
        now: tokens.provider.clock.now(),
    };
    let detail = authorization_details::personal_data_of(object, &bounds)?;
    if detail.locations != [here] {
        return Err(invalid("locations of data that a law gives names the data API alone: leave it out"));
    }
    if !client.data.statutory_purposes.contains(&detail.purpose) {
        return Err(invalid(
            "purpose must be one of the statutory_purposes of the registration, word for word",
        ));
    }
    Ok((detail, named))
}

/// What fuzz targets reach of the parser in here.
#[cfg(fuzzing)]
pub(super) fn fuzz(text: &str) {
    for object in authorization_details::objects(text).unwrap_or_default() {
        let _ = Named::read(object.get("person"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r112_nobody_is_searched_by_what_annex_3_does_not_name() {
        let good = json!({"pinfl": "41204902040015"});
        assert!(Named::read(Some(&good)).is_ok());
        assert!(
            Named::read(Some(&json!({"pinfl": "41204902040015", "document_number": "AD 1234567"}))).is_ok()
        );
        for bad in [
            json!(null),
            json!("41204902040015"),
            json!({}),
            json!({"document_number": "AD1234567"}),
            json!({"document_number": "AD1234567", "birth_date": "1990-04-12"}),
            json!({"pinfl": "41204902040015", "phone_number": "+998001112233"}),
            json!({"pinfl": "41204902040016"}),
            json!({"pinfl": 41_204_902_040_015_i64}),
            json!({"pinfl": "41204902040015", "document_number": ""}),
            json!({"pinfl": "41204902040015", "document_number": "A".repeat(41)}),
        ] {
            let error = Named::read(Some(&bad)).expect_err(&bad.to_string());
            assert_eq!(error.code, ErrorCode::InvalidAuthorizationDetails);
            assert!(error.description.is_ascii() && !error.description.contains(['"', '\\']));
        }
        assert!(Named::read(None).is_err());
    }
}
