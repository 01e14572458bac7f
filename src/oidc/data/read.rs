//! `GET /data/{set}`: one data set of the person whom a token is about, for one purpose that the person agreed to or a law gives.

use std::sync::Arc;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};

use super::super::access_token::AccessToken;
use super::super::error::{ErrorCode, TokenError};
use super::super::presented::{self, Scheme};
use super::super::{Tokens, claims};
use super::answer::Form;
use super::{Asking, Written, location};
use crate::audit::{Event, Kind};
use crate::clients::{Basis, Client};
use crate::ledger::{Channel, Entry};
use crate::notices::inbox::{NewNotice, NoticeKind};
use crate::people::{Account, CivilDate, DataSet, PersonId};
use crate::release::AgreedData;

/// Answers with a data set.
pub(in super::super) async fn get(
    tokens: Data<Tokens>,
    request: HttpRequest,
    set: Path<String>,
) -> HttpResponse {
    let audit = &tokens.provider.audit;
    let (scheme, token) = match presented::in_header(&request) {
        Ok(Some(presented)) => presented,
        Ok(None) => return presented::wanted(),
        Err(error) => {
            error.record(audit, Kind::DataRefused, None);
            return presented::challenge(Scheme::Bearer, &error);
        }
    };
    match read(&tokens, &request, (scheme, &token), &set).await {
        Ok(response) => response,
        Err(error) => super::rejected(audit, scheme, &error),
    }
}

fn invalid(words: &'static str) -> TokenError {
    TokenError::new(ErrorCode::InvalidToken, words)
}

/// The purpose that a request names, if it does: needed where a token gives the same data for several.
fn asked_for(request: &HttpRequest) -> Result<Option<String>, TokenError> {
    let query = url::form_urlencoded::parse(request.query_string().as_bytes());
    let mut named = query.filter(|(name, _)| name == "purpose").map(|(_, value)| value.into_owned());
    match (named.next(), named.next()) {
        (_, Some(_)) => Err(TokenError::new(ErrorCode::InvalidRequest, "purpose is repeated")),
        (named, None) => Ok(named),
    }
}

async fn read(
    tokens: &Tokens,
    request: &HttpRequest,
    (scheme, text): (Scheme, &str),
    set: &str,
) -> Result<HttpResponse, TokenError> {
    let gone = || invalid("the access token is invalid, expired or revoked");
    let token = tokens.access_tokens.resolve(text).await?.ok_or_else(gone)?;
    let answered = async {
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
        tokens.data.admit(&client, Asking::Data).await?;
        let set = DataSet::parse(set).ok_or_else(|| {
            TokenError::new(ErrorCode::InvalidRequest, "there is no data set of that name: see docs/data.md")
        })?;
        let releases = Release::find(tokens, &token, &client, (set, asked_for(request)?.as_deref()))?;
        let form = Form::of(&tokens.provider, &client, request).await?;
        // Of several for the same purpose each that may be read once is read once.
        for release in &releases {
            let account = tokens.people.find(release.person).await?.ok_or_else(gone)?;
            if let Some(why) = client.unsuited(&account, CivilDate::of(tokens.provider.clock.now())) {
                return Err(TokenError::new(ErrorCode::InsufficientScope, why.description()));
            }
            let consented = release.detail.asked.basis == Basis::Consent;
            let account = tokens.data.live(account, release.set, (&client, consented)).await;
            let content = release.content(tokens, &account).await?;
            if let Some(response) = release.leave(tokens, &form, content).await? {
                return Ok(response);
            }
        }
        Err(TokenError::new(
            ErrorCode::InsufficientScope,
            "these data were to be read once, and were: ask again",
        ))
    };
    let response = answered.await.map_err(|error: TokenError| error.of(&token.client_id))?;
    Ok(match tokens.provider.clients.find(&token.client_id) {
        Some(client) => tokens.provider.proofs.renewed(response, &client),
        None => response,
    })
}

/// What is about to leave.
struct Release<'a> {
    token: &'a AccessToken,
    client: &'a Arc<Client>,
    person: &'a PersonId,
    set: DataSet,
    detail: &'a AgreedData,
}

impl<'a> Release<'a> {
    /// The details of a token that give a data set here, for one purpose, if its client may still have it; never none. What the
    /// registration allows today counts, not what it did when the token was issued.
    fn find(
        tokens: &Tokens,
        token: &'a AccessToken,
        client: &'a Arc<Client>,
        (set, purpose): (DataSet, Option<&str>),
    ) -> Result<Vec<Self>, TokenError> {
        let insufficient = |words| Err(TokenError::new(ErrorCode::InsufficientScope, words));
        if !client.data.data_api {
            return insufficient(
                "the registration does not have data_api = true, or the contract of the client does not allow data_api",
            );
        }
        let (person, details) = match (&token.person, &token.about) {
            (Some(person), _) => (&person.person_id, person.details.as_slice()),
            (None, Some(about)) => (&about.person_id, std::slice::from_ref(&about.detail)),
            (None, None) => return insufficient("the access token is about no person"),
        };
        let (now, here) = (tokens.provider.clock.now(), location(&tokens.provider.issuer));
        let here = details.iter().filter(|detail| detail.asked.locations.contains(&here));
        let giving: Vec<&AgreedData> = here
            .filter(|detail| detail.is_live(now) && detail.asked.data_sets.contains(&set))
            .filter(|detail| purpose.is_none_or(|purpose| detail.asked.purpose == purpose))
            .collect();
        let Some(detail) = giving.first() else {
            return insufficient(if purpose.is_none() {
                "the token gives no such data here: ask by authorization_details that name the data set, and the data API in locations, and whose term has not ended"
            } else {
                "the token gives no such data here for this purpose: purpose must be as authorization_details has it, word for word, and its term must not have ended"
            });
        };
        // The ledger says what for: that is not this provider's to choose.
        if giving.iter().any(|other| other.asked.purpose != detail.asked.purpose) {
            return Err(TokenError::new(
                ErrorCode::InvalidRequest,
                "the token gives these data for several purposes: name one by the query parameter purpose, word for word",
            ));
        }
        if client.data_set(set).is_none() || client.data.basis != detail.asked.basis {
            return insufficient("the registration does not allow this data set on this basis any more");
        }
        if client.contract.as_ref().is_some_and(|contract| !contract.allows_purpose(&detail.asked.purpose)) {
            return insufficient("the contract of the client does not allow this purpose any more");
        }
        // Whoever named the person themselves has a law for it, today as well, or nothing (R70, D-i).
        let lawful = detail.asked.basis == Basis::Statutory
            && client.data.statutory_purposes.contains(&detail.asked.purpose);
        if token.about.is_some() && !lawful {
            return insufficient(
                "no law gives this client data for this purpose any more: see basis and statutory_purposes of the registration, and its contract",
            );
        }
        Ok(giving.into_iter().map(|detail| Self { token, client, person, set, detail }).collect())
    }

    /// The values with where they are from, as the answer has them, and the names of the fields.
    async fn content(&self, tokens: &Tokens, account: &Account) -> Result<Content, TokenError> {
        let today = CivilDate::of(tokens.provider.clock.now());
        let mut told = claims::of_set(account, self.set, today);
        if self.set == DataSet::Photo
            && account.person.has_photo
            && let Some(photo) = tokens.people.photo(self.person).await?
        {
            told.insert(claims::PHOTO.to_owned(), claims::photo(&photo));
        }
        let (definition, origin) = (self.set.definition(), account.person.origin(self.set));
        let mut body = json!({
            "sub": tokens.provider.subject_ids.of(self.client, self.person),
            "data_set": self.set.name(),
            "available": !told.is_empty(),
            "source": origin.source.name(),
            "register": definition.register.name(),
            "purpose": self.detail.asked.purpose,
            "basis": match self.detail.asked.basis {
                Basis::Consent => "consent",
                Basis::Statutory => "statutory",
            },
            "until": self.detail.until,
            "use": self.detail.asked.how_often.name(),
        });
        if let Some(as_of) = origin.as_of {
            body["as_of"] = as_of.to_string().into();
        }
        Ok(Content { told, body })
    }

    /// Writes the release down, and lets it go only then; nothing where it was to be read once, and was.
    async fn leave(
        &self,
        tokens: &Tokens,
        form: &Form,
        Content { told, mut body }: Content,
    ) -> Result<Option<HttpResponse>, TokenError> {
        let (client, detail, set) = (self.client, self.detail, self.set.name());
        // The grant as it is now, and not as this node remembers it. Whether it still lives decides when the entry is written.
        let grant = match &self.token.person {
            Some(_) => tokens.grants.find(&self.token.grant).await?,
            None => None,
        };
        if self.token.person.is_some() && grant.as_ref().is_none_or(|grant| grant.revoked) {
            return Err(invalid("the access token is invalid, expired or revoked"));
        }
        let key = detail.key().encode();
        let single = detail.asked.is_single();
        // What may be read once is one release of its grant, whatever token it is read by.
        let once = if single {
            vec!["single", &self.token.grant, &key, set]
        } else {
            vec!["token", &self.token.id, &key, set]
        };
        let entry = Entry {
            data_sets: vec![set],
            fields: told.keys().map(String::as_str).collect(),
            purpose: Some(&detail.asked.purpose),
            basis: detail.asked.basis.into(),
            consent: grant.as_ref().and_then(|grant| grant.details.consent_id.as_deref()),
            once,
            ..Entry::to(self.person, client, Channel::DataApi)
        };
        let notice = NewNotice::new(NoticeKind::DataReleased)
            .service(client.id.as_str())
            .data_sets([set])
            .purpose(&detail.asked.purpose);
        // R70, R71, D-i: without a consent, the person is told in the same transaction.
        let notice = (detail.asked.basis == Basis::Statutory).then_some(notice);
        let under = grant.as_ref().map(|grant| (&tokens.grants, grant.id.as_str()));
        let (id, is_new) = match tokens.data.commit(&entry, notice.as_ref(), under).await? {
            Written::Now(id) => (id, true),
            Written::Before(id) => (id, false),
            Written::Ended => return Err(invalid("the access token is invalid, expired or revoked")),
        };
        if single && !is_new {
            return Ok(None);
        }
        tokens.data.count(id.clone());
        if is_new {
            let event = Event::new(Kind::DataReleased)
                .client(client.id.as_str())
                .person(self.person.as_str())
                .grant(self.token.grant.as_str())
                .basis(match detail.asked.basis {
                    Basis::Consent => "consent",
                    Basis::Statutory => "statutory",
                })
                .data_sets(std::iter::once(set));
            tokens.provider.audit.record(event);
        }
        body["claims"] = told.into();
        body["entry"] = id.as_str().into();
        form.answer(&tokens.provider, client, ("data", body)).map(Some)
    }
}

/// What an answer has.
struct Content {
    told: Map<String, Value>,
    body: Value,
}
