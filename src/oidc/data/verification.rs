//! `POST /data/verification`: whether a number is the Mobile-ID of the person with a PINFL, and since when (R67). The same "no" for
//! everybody and everything that is not so: whoever may ask learns of a number without an owner as little as of another's.

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::super::error::{ErrorCode, TokenError};
use super::super::{Tokens, authorization_details, client_auth};
use super::answer::Form;
use super::{Asking, DataApi, Written};
use crate::audit::{Event, Kind};
use crate::clients::Client;
use crate::ledger::{Channel, Entry, Ground};
use crate::notices::inbox::{NewNotice, NoticeKind};
use crate::people::{CivilDate, DataSet, PersonId, PhoneNumber, Pinfl};
use crate::platform::web::params::Params;

/// What fuzz targets reach of the parsers in here: the body of a request.
#[cfg(fuzzing)]
pub(super) fn fuzz(body: &[u8]) {
    if let Ok(params) = Params::parse_body(body) {
        let _ = named(&params, true);
    }
}

/// Answers whether a number is a person's.
pub(in super::super) async fn post(tokens: Data<Tokens>, request: HttpRequest, body: Bytes) -> HttpResponse {
    match verify(&tokens, &request, &body).await {
        Ok(response) => response,
        Err(error) => super::refused(&tokens.provider.audit, &error, Kind::VerificationRefused),
    }
}

async fn verify(tokens: &Tokens, request: &HttpRequest, body: &[u8]) -> Result<HttpResponse, TokenError> {
    let params = client_auth::form(request, body)?;
    let client = client_auth::authenticate(&tokens.provider, request, &params).await?;
    let answered = async {
        if !client.data.verification {
            let words = "the registration does not have verification = true, or the contract of the client does not allow verification";
            return Err(TokenError::new(ErrorCode::UnauthorizedClient, words));
        }
        tokens.data.admit(&client, Asking::Verification).await?;
        if let Some(spent) = tokens.provider.clients.spent(&client) {
            return Err(TokenError::quota(spent, tokens.provider.clock.now()));
        }
        let (number, pinfl, purpose) = asked(tokens, &client, &params)?;
        let about = vec![tokens.people.pinfl_index(&pinfl), tokens.people.number_index(&number)];
        let tries = DataApi::tries(&client, about, false);
        tokens.data.may_try(&tries).await?;
        let form = Form::of(&tokens.provider, &client, request).await?;
        let found = tokens.people.enrolment(&number, &pinfl).await?;
        // Nothing is told of whoever the contract excludes (D-s, D-t), and not that it does.
        let found = match found {
            Some((person, _)) if super::unsuited(tokens, &client, &person).await?.is_some() => None,
            found => found,
        };
        let whose = found.as_ref().map(|(person, _)| person.clone());
        let told = match found {
            None => {
                tokens.data.was_wrong(&tries).await?;
                if let Some(person) = tokens.people.with_pinfl(&pinfl).await? {
                    write_down(tokens, &client, (&person, &purpose), None).await?;
                }
                json!({"verified": false})
            }
            Some((person, since)) => {
                let mut told = json!({"verified": true});
                if let Some(since) = since {
                    told["since"] = CivilDate::of(since).to_string().into();
                }
                write_down(tokens, &client, (&person, &purpose), Some(&told)).await?;
                // A release like any other (R99).
                tokens.provider.clients.released(&client);
                told
            }
        };
        let event = Event::new(Kind::NumberVerified).client(client.id.as_str());
        let event = match &whose {
            Some(person) => event.person(person.as_str()).reason("yes"),
            None => event.reason("no"),
        };
        tokens.provider.audit.record(event);
        form.answer(&tokens.provider, &client, ("verification", told))
    };
    answered.await.map_err(|error: TokenError| error.of(&client.id))
}

fn asked(
    tokens: &Tokens,
    client: &Client,
    params: &Params,
) -> Result<(PhoneNumber, Pinfl, String), TokenError> {
    let (number, pinfl) = named(params, tokens.data.takes_test_numbers())?;
    // R67: each transaction says what for.
    let purpose = params.get("purpose").map(Into::into);
    let purpose = authorization_details::purpose_of(purpose.as_ref(), client)
        .map_err(|error| TokenError::new(ErrorCode::InvalidRequest, error.description))?;
    Ok((number, pinfl, purpose))
}

fn named(params: &Params, test_numbers: bool) -> Result<(PhoneNumber, Pinfl), TokenError> {
    let invalid = |words| TokenError::new(ErrorCode::InvalidRequest, words);
    let number = params.get("phone_number").ok_or_else(|| invalid("phone_number is missing"))?;
    let number = PhoneNumber::parse_typed(number, test_numbers)
        .map_err(|_| invalid("phone_number is no mobile number of Uzbekistan: +998 and nine digits"))?;
    let pinfl = params.get("pinfl").ok_or_else(|| invalid("pinfl is missing"))?;
    let pinfl = Pinfl::parse(pinfl)
        .map_err(|_| invalid("pinfl is no PINFL: 14 digits, of which the last one is the check digit"))?;
    Ok((number, pinfl))
}

/// What the person whose PINFL it is can see: a "yes" in the ledger and in a notice, a "no" in the ledger alone, without a field, each once
/// for each service and day, with the purpose of the first: another purpose must not bring another SMS.
async fn write_down(
    tokens: &Tokens,
    client: &Client,
    (person, purpose): (&PersonId, &str),
    told: Option<&Value>,
) -> Result<(), TokenError> {
    let day = CivilDate::of(tokens.provider.clock.now()).to_string();
    let set = DataSet::Phone.name();
    let entry = Entry {
        data_sets: vec![set],
        fields: told
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(|told| told.keys().map(String::as_str))
            .collect(),
        // R67: nobody is asked; the contract lets the service check.
        basis: Ground::Contract,
        purpose: Some(purpose),
        once: match told {
            Some(_) => vec![client.id.as_str(), person.as_str(), &day],
            None => vec![client.id.as_str(), person.as_str(), &day, "no"],
        },
        ..Entry::to(person, client, Channel::Verification)
    };
    let notice = NewNotice::new(NoticeKind::NumberVerified).service(client.id.as_str()).purpose(purpose);
    if let Written::Now(id) | Written::Before(id) =
        tokens.data.commit(&entry, told.map(|_| &notice), None).await?
    {
        tokens.data.count(id);
    }
    Ok(())
}
