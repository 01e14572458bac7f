//! `POST /data/verification`: whether a number is the Mobile-ID of the person with a PINFL, and since when (R67). The same "no" for
//! everybody and everything that is not so: whoever may ask learns of a number without an owner as little as of another's.

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::super::error::{ErrorCode, TokenError};
use super::super::{Tokens, client_auth};
use super::Asking;
use super::answer::Form;
use crate::audit::{Event, Kind};
use crate::clients::Client;
use crate::ledger::{Channel, Entry, Ground};
use crate::notices::inbox::{NewNotice, NoticeKind};
use crate::people::{CivilDate, DataSet, PersonId, PhoneNumber, Pinfl};
use crate::platform::web::params::Params;

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
            let words = "the registration does not have verification = true";
            return Err(TokenError::new(ErrorCode::UnauthorizedClient, words));
        }
        tokens.data.admit(&client, Asking::Verification).await?;
        let (number, pinfl) = asked(tokens, &params)?;
        let form = Form::of(&tokens.provider, &client, request).await?;
        let found = tokens.people.enrolment(&number, &pinfl).await?;
        let whose = found.as_ref().map(|(person, _)| person.clone());
        let told = match found {
            None => json!({"verified": false}),
            Some((person, since)) => {
                let mut told = json!({"verified": true});
                if let Some(since) = since {
                    told["since"] = CivilDate::of(since).to_string().into();
                }
                write_down(tokens, &client, &person, &told).await?;
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

fn asked(tokens: &Tokens, params: &Params) -> Result<(PhoneNumber, Pinfl), TokenError> {
    let invalid = |words| TokenError::new(ErrorCode::InvalidRequest, words);
    let number = params.get("phone_number").ok_or_else(|| invalid("phone_number is missing"))?;
    let number = PhoneNumber::parse_typed(number, tokens.data.takes_test_numbers())
        .map_err(|_| invalid("phone_number is no mobile number of Uzbekistan: +998 and nine digits"))?;
    let pinfl = params.get("pinfl").ok_or_else(|| invalid("pinfl is missing"))?;
    let pinfl = Pinfl::parse(pinfl)
        .map_err(|_| invalid("pinfl is no PINFL: 14 digits, of which the last one is the check digit"))?;
    Ok((number, pinfl))
}

/// A "yes" tells something of the person: it stands in the ledger, and in a notice, once for each service and day. A "no" tells nothing
/// of anybody.
async fn write_down(
    tokens: &Tokens,
    client: &Client,
    person: &PersonId,
    told: &Value,
) -> Result<(), TokenError> {
    let day = CivilDate::of(tokens.provider.clock.now()).to_string();
    let set = DataSet::Phone.name();
    let entry = Entry {
        data_sets: vec![set],
        fields: told.as_object().into_iter().flat_map(|told| told.keys().map(String::as_str)).collect(),
        // R67: nobody is asked; the contract lets the service check.
        basis: Ground::Contract,
        purpose: None,
        once: vec![client.id.as_str(), person.as_str(), &day],
        ..Entry::to(person, client, Channel::Verification)
    };
    let notice = NewNotice::new(NoticeKind::NumberVerified).service(client.id.as_str());
    let (id, _) = tokens.data.commit(&entry, Some(&notice)).await?;
    tokens.data.count(id);
    Ok(())
}
