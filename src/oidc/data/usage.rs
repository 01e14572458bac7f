//! `GET /data/usage`: who got data of a person, for portals that show it to them: the person's own list, by a token with the scope
//! `data_usage`. Its shape follows Estonia's data tracker: time, action in words, receiver.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_LANGUAGE, HeaderValue, LINK};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::super::error::{ErrorCode, TokenError};
use super::super::presented::{self, Scheme};
use super::super::{Tokens, paths};
use super::{Asking, Written};
use crate::audit::{Event, Kind};
use crate::clients::{Client, ClientId};
use crate::ledger::{Channel, Entry, EntryId, Filter, Ground, Listed, Place};
use crate::people::DataSet;
use crate::platform::clock::Timestamp;
use crate::platform::web::locale::{Language, negotiate};
use crate::platform::web::respond;
use crate::platform::web::text::Text;

/// Entries of a page: as many as there are by default, and at most.
const USUAL: i64 = 50;
const MOST: i64 = 100;

/// Answers with a page of the list.
pub(in super::super) async fn get(tokens: Data<Tokens>, request: HttpRequest) -> HttpResponse {
    let audit = &tokens.provider.audit;
    let (scheme, token) = match presented::in_header(&request) {
        Ok(Some(presented)) => presented,
        Ok(None) => return presented::wanted(),
        Err(error) => {
            error.record(audit, Kind::DataRefused, None);
            return presented::challenge(Scheme::Bearer, &error);
        }
    };
    match list(&tokens, &request, (scheme, &token)).await {
        Ok(response) => response,
        Err(error) => super::rejected(audit, scheme, &error),
    }
}

/// What a page is asked for.
struct Asked {
    before: Place,
    filter: Filter,
    most: i64,
    language: Language,
}

impl Asked {
    fn read(request: &HttpRequest) -> Result<Self, TokenError> {
        let invalid = |words| TokenError::new(ErrorCode::InvalidRequest, words);
        let mut asked = Self {
            before: Place::newest(),
            filter: Filter::default(),
            most: USUAL,
            language: Language::UzLatn,
        };
        let mut wanted = None;
        for (name, value) in url::form_urlencoded::parse(request.query_string().as_bytes()) {
            match &*name {
                "before" => {
                    asked.before = place(&value)
                        .ok_or_else(|| invalid("before must be as the link to the next page has it"))?;
                }
                "limit" => {
                    let most = value.parse().ok().filter(|most| (1..=MOST).contains(most));
                    asked.most = most.ok_or_else(|| invalid("limit must be a number from 1 to 100"))?;
                }
                "from" => asked.filter.since_ms = Some(moment(&value).ok_or_else(|| invalid(MOMENT))?),
                "to" => asked.filter.until_ms = Some(moment(&value).ok_or_else(|| invalid(MOMENT))?),
                "lang" => wanted = Some(value.into_owned()),
                _ => {}
            }
        }
        let accepted = request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        asked.language = negotiate(wanted.as_deref(), None, accepted);
        Ok(asked)
    }
}

const MOMENT: &str = "from and to must be seconds since 1970";

fn moment(text: &str) -> Option<i64> {
    text.parse::<i64>().ok().filter(|seconds| *seconds >= 0)?.checked_mul(1000)
}

/// The place after which a page begins, as [`written`] has it.
fn place(text: &str) -> Option<Place> {
    let (at_ms, id) = text.split_once('.')?;
    let id = EntryId::parse(id)?;
    Some(Place { at_ms: at_ms.parse().ok()?, id: id.as_str().to_owned() })
}

fn written(place: &Place) -> String {
    format!("{}.{}", place.at_ms, place.id)
}

async fn list(
    tokens: &Tokens,
    request: &HttpRequest,
    (scheme, text): (Scheme, &str),
) -> Result<HttpResponse, TokenError> {
    let invalid = |words| TokenError::new(ErrorCode::InvalidToken, words);
    let gone = || invalid("the access token is invalid, expired or revoked");
    let token = tokens.access_tokens.resolve(text).await?.ok_or_else(gone)?;
    let answered = async {
        // Nothing tells more of a person than this list: a token that was copied must not open it.
        if token.bound_to.is_none() {
            return Err(invalid(
                "the data API takes tokens that are bound to a key or a certificate alone: get one with a DPoP proof or by mutual TLS",
            ));
        }
        presented::proven(&tokens.provider, request, (scheme, text), &token).await?;
        if token.elsewhere || !token.act.is_empty() {
            return Err(invalid("the access token is for other resource servers"));
        }
        let client = tokens.provider.clients.find(&token.client_id).ok_or_else(gone)?;
        let set = DataSet::DataUsage;
        let person = token.person.as_ref().filter(|person| {
            let scoped = token.scope.split(' ').any(|scope| scope == set.scope());
            scoped && person.released.contains(&set) && client.data_set(set).is_some()
        });
        let person = person.ok_or_else(|| {
            let words = "a token with the scope data_usage is needed, to which the person agreed";
            TokenError::new(ErrorCode::InsufficientScope, words)
        })?;
        tokens.data.admit(&client, Asking::Data).await?;
        if let Some(why) = super::unsuited(tokens, &client, &person.person_id).await? {
            return Err(TokenError::new(ErrorCode::InsufficientScope, why.description()));
        }
        let asked = Asked::read(request)?;
        // The grant as it is now, and not as this node remembers it.
        let grant = tokens.grants.find(&token.grant).await?.filter(|grant| !grant.revoked);
        let grant = grant.ok_or_else(gone)?;
        let read =
            tokens.data.0.ledger.of_person(&person.person_id, &asked.filter, &asked.before, asked.most);
        let entries = read.await?;
        // That it was read is an entry as well: once for each token.
        let entry = Entry {
            data_sets: vec![set.name()],
            fields: vec![set.name()],
            consent: grant.details.consent_id.as_deref(),
            once: vec!["usage", &token.id],
            ..Entry::to(&person.person_id, &client, Channel::DataApi)
        };
        let (id, is_new) = match tokens.data.commit(&entry, None, Some((&tokens.grants, &grant.id))).await? {
            Written::Now(id) => (id, true),
            Written::Before(id) => (id, false),
            Written::Ended => return Err(gone()),
        };
        tokens.data.count(id);
        if is_new {
            let event = Event::new(Kind::DataReleased).client(client.id.as_str());
            let event = event.person(person.person_id.as_str()).grant(token.grant.as_str());
            tokens.provider.audit.record(event.data_sets(std::iter::once(set.name())));
        }
        let text = Text::new(asked.language);
        let told: Vec<Value> = entries.iter().map(|listed| told(tokens, listed, text)).collect();
        let mut response = respond::json(StatusCode::OK, &told);
        let full = i64::try_from(entries.len()).is_ok_and(|count| count == asked.most);
        if let (true, Some(last)) = (full, entries.last()) {
            let next = next_page(&tokens.provider.issuer, request, &Place::after(last));
            if let Ok(value) = HeaderValue::from_str(&format!("<{next}>; rel=\"next\"")) {
                response.headers_mut().insert(LINK, value);
            }
        }
        Ok((response, client))
    };
    let answered: Result<(HttpResponse, Arc<Client>), TokenError> = answered.await;
    let (response, client) = answered.map_err(|error| error.of(&token.client_id))?;
    Ok(tokens.provider.proofs.renewed(response, &client))
}

/// The address of the page that begins after a place, with everything else that was asked for (RFC 8288).
fn next_page(issuer: &str, request: &HttpRequest, after: &Place) -> String {
    let asked = url::form_urlencoded::parse(request.query_string().as_bytes());
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(asked.filter(|(name, _)| name != "before"));
    query.append_pair("before", &written(after));
    format!("{issuer}{}?{}", paths::USAGE, query.finish())
}

/// An entry: `logtime`, `action` and `receiver` after Estonia's data tracker, and what else is known.
fn told(tokens: &Tokens, listed: &Listed, text: Text) -> Value {
    let (leaf, tag) = (&listed.leaf, text.language().tag());
    let client = ClientId::parse(&leaf.client).and_then(|id| tokens.provider.clients.find(&id));
    let name = |pick: fn(&Client) -> &crate::clients::Localized| {
        let known = client.as_ref().map(|client| pick(client).get(tag)).filter(|name| !name.is_empty());
        known.unwrap_or(&leaf.client).to_owned()
    };
    let purpose = leaf.purpose.as_deref().map(|purpose| match &client {
        Some(client) if client.data.purpose.says(purpose) => client.data.purpose.get(tag),
        _ => purpose,
    });
    json!({
        "logtime": Timestamp(leaf.at_ms.div_euclid(1000)).to_rfc3339(),
        "action": action(listed, purpose, text),
        "receiver": name(|client| &client.identity.owner),
        "service": name(|client| &client.identity.name),
        "data_sets": leaf.data_sets,
        "purpose": purpose,
        "basis": leaf.basis.name(),
        "entry": leaf.id.as_str(),
    })
}

/// What was done, in words.
fn action(listed: &Listed, purpose: Option<&str>, text: Text) -> String {
    let leaf = &listed.leaf;
    match leaf.channel {
        // A "no" told no field.
        Channel::Verification if leaf.fields.is_empty() => {
            return text.get("usage.verified_no").to_owned();
        }
        Channel::Verification => return text.get("usage.verified").to_owned(),
        Channel::Application => return text.get("usage.application").to_owned(),
        _ => {}
    }
    let tag = text.language().tag();
    let named = |name: &String| match DataSet::parse(name) {
        Some(set) => set.definition().plain_name(tag).to_owned(),
        None => name.clone(),
    };
    let data = leaf.data_sets.iter().map(named).collect::<Vec<_>>().join(", ");
    if leaf.channel == Channel::Naming {
        let purpose = purpose.unwrap_or_default();
        return text.with("usage.named", &[("data", &data), ("purpose", purpose)]);
    }
    if leaf.data_sets.is_empty() {
        return text.get("usage.agreed_told").to_owned();
    }
    if listed.is_unread() {
        return text.with("usage.may_fetch", &[("data", &data)]);
    }
    match (purpose, leaf.basis) {
        (Some(purpose), Ground::Consent | Ground::Contract) => {
            text.with("usage.received_for", &[("data", &data), ("purpose", purpose)])
        }
        (None, Ground::Consent | Ground::Contract) => text.with("usage.received", &[("data", &data)]),
        (Some(purpose), Ground::Statutory) => {
            text.with("usage.by_law_for", &[("data", &data), ("purpose", purpose)])
        }
        (None, Ground::Statutory) => text.with("usage.by_law", &[("data", &data)]),
    }
}

/// What fuzz targets reach of the parser in here.
#[cfg(fuzzing)]
pub(super) fn fuzz_place(text: &str) {
    if let Some(place) = place(text) {
        assert_eq!(self::place(&written(&place)), Some(place));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written_and_nothing_else() {
        let there = Place { at_ms: 1_795_244_400_123, id: "AAAAAAAAAAAAAAAAAAAA-_".to_owned() };
        assert_eq!(place(&written(&there)), Some(there));
        for bad in ["", ".", "1", "1.", "x.AAAAAAAAAAAAAAAAAAAA-_", "1.AAAA", "1.AAAAAAAAAAAAAAAAAAAA'_"] {
            assert_eq!(place(bad), None, "{bad}");
        }
        assert_eq!((moment("5"), moment("-5"), moment("soon")), (Some(5000), None, None));
        assert_eq!(moment("9223372036854775807"), None);
    }
}
