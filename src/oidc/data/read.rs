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
use super::{Asking, location};
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
        let release = Release::find(tokens, &token, &client, set)?;
        let account = tokens.people.find(release.person).await?.ok_or_else(gone)?;
        let form = Form::of(&tokens.provider, &client, request).await?;
        let content = release.content(tokens, &account).await?;
        release.leave(tokens, &form, content).await
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
    /// The detail of a token that gives a data set here, if its client may still have it. What the registration allows today counts, not
    /// what it did when the token was issued.
    fn find(
        tokens: &Tokens,
        token: &'a AccessToken,
        client: &'a Arc<Client>,
        set: DataSet,
    ) -> Result<Self, TokenError> {
        let insufficient = |words| Err(TokenError::new(ErrorCode::InsufficientScope, words));
        if !client.data.data_api {
            return insufficient("the registration does not have data_api = true");
        }
        let (person, details) = match (&token.person, &token.about) {
            (Some(person), _) => (&person.person_id, person.details.as_slice()),
            (None, Some(about)) => (&about.person_id, std::slice::from_ref(&about.detail)),
            (None, None) => return insufficient("the access token is about no person"),
        };
        let (now, here) = (tokens.provider.clock.now(), location(&tokens.provider.issuer));
        let named = details.iter().filter(|detail| detail.asked.locations.contains(&here));
        let detail =
            named.clone().find(|detail| detail.is_live(now) && detail.asked.data_sets.contains(&set));
        let Some(detail) = detail else {
            return insufficient(
                "the token gives no such data here: ask by authorization_details that name the data set, and the data API in locations, and whose term has not ended",
            );
        };
        if client.data_set(set).is_none() || client.data.basis != detail.asked.basis {
            return insufficient("the registration does not allow this data set on this basis any more");
        }
        if token.about.is_some() && !client.data.statutory_purposes.contains(&detail.asked.purpose) {
            return insufficient(
                "the registration does not have this purpose in statutory_purposes any more",
            );
        }
        Ok(Self { token, client, person, set, detail })
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

    /// Writes the release down, and lets it go only then.
    async fn leave(
        &self,
        tokens: &Tokens,
        form: &Form,
        Content { told, mut body }: Content,
    ) -> Result<HttpResponse, TokenError> {
        let (client, detail, set) = (self.client, self.detail, self.set.name());
        // The grant as it is now, and not as this node remembers it: what it rests on may have ended in this moment.
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
        let (id, is_new) = tokens.data.commit(&entry, notice.as_ref()).await?;
        if single && !is_new {
            return Err(TokenError::new(
                ErrorCode::InsufficientScope,
                "these data were to be read once, and were: ask again",
            ));
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
        form.answer(&tokens.provider, client, ("data", body))
    }
}

/// What an answer has.
struct Content {
    told: Map<String, Value>,
    body: Value,
}
