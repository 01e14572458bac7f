//! The screen of a phone, with its messages, and what is sent from it.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Data, Form, Query, ServiceConfig};
use askama::Template;
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::{format_description, offset};

use super::inbox::digits;
use super::messages::Arrival;
use super::pages::{self, page};
use super::{Sandbox, TestPerson};

/// Maximum number of messages on a screen.
const SHOWN: usize = 100;

/// Local time in Tashkent.
const CLOCK: &[BorrowedFormatItem<'static>] = format_description!("[hour]:[minute]:[second]");

/// `/phone`.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/phone").route(web::get().to(show)))
        .service(web::resource("/phone/send").route(web::post().to(send)));
}

/// An SMS from the phone to the provider's short number.
#[derive(Deserialize)]
struct Written {
    number: String,
    text: String,
}

/// `POST /phone/send`: the broker passes on what a phone sent, as XML.
async fn send(sandbox: Data<Sandbox>, written: Form<Written>) -> HttpResponse {
    let number = digits(&written.number).unwrap_or_default();
    let Some(callback) = &sandbox.settings.playmobile_callback else { return pages::not_found().await };
    let now = OffsetDateTime::now_utc();
    let xml = sms_request(&number, &written.text, now);
    let request = sandbox.courier.client().post(format!("{callback}/incoming"));
    let answer = request.header("Content-Type", "text/xml; charset=utf-8").body(xml).send().await;
    if answer.is_ok_and(|answer| answer.status().is_success()) {
        let back = format!("/phone?number={number}");
        return HttpResponse::SeeOther().insert_header((header::LOCATION, back)).finish();
    }
    HttpResponse::BadGateway().body("The provider did not take the SMS.")
}

/// An incoming SMS as PlayMobile's broker writes it.
fn sms_request(number: &str, text: &str, at: OffsetDateTime) -> String {
    let escaped: String = text
        .chars()
        .take(500)
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            other => other.to_string(),
        })
        .collect();
    let (id, at) = (at.unix_timestamp_nanos(), at.format(SUBMITTED).unwrap_or_default());
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<sms-request version=\"1.0\">\n\
         <message id=\"{id}\" msisdn=\"{number}\" submit-date=\"{at}\">\n\
         <content type=\"text/plain\">{escaped}</content>\n</message>\n</sms-request>\n"
    )
}

/// When an incoming SMS was sent, in the broker's writing.
const SUBMITTED: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

#[derive(Deserialize)]
struct Wanted {
    number: Option<String>,
}

#[derive(Template)]
#[template(path = "sandbox/phone.html")]
struct Page {
    people: Vec<Person>,
    number: String,
    shown_number: String,
    name: String,
    /// The number belongs to no test person.
    stranger: bool,
    bubbles: Vec<Bubble>,
    latest: String,
}

struct Person {
    number: String,
    shown: String,
    name: String,
    about: String,
    chosen: bool,
}

struct Bubble {
    id: String,
    from: String,
    text: String,
    code: Option<String>,
    at: String,
    clock: String,
    about: String,
}

async fn show(sandbox: Data<Sandbox>, wanted: Query<Wanted>) -> HttpResponse {
    let people = &sandbox.settings.people;
    let asked = wanted.number.as_deref().and_then(digits);
    let number = asked.or_else(|| people.first().map(|person| person.phone.clone())).unwrap_or_default();
    let arrived = sandbox.messages().arrived(Some(&number), None, SHOWN);
    let owner = people.iter().find(|person| person.phone == number);
    let page_of_phone = Page {
        people: people.iter().map(|person| listed(person, &number)).collect(),
        shown_number: spaced(&number),
        name: owner.map_or("Nobody among the test people", |person| &person.name).to_owned(),
        stranger: owner.is_none() && !number.is_empty(),
        latest: arrived.last().map(|arrival| arrival.at.clone()).unwrap_or_default(),
        bubbles: arrived.into_iter().map(bubble).collect(),
        number,
    };
    page(StatusCode::OK, &page_of_phone)
}

fn listed(person: &TestPerson, number: &str) -> Person {
    Person {
        number: person.phone.clone(),
        shown: spaced(&person.phone),
        name: person.name.clone(),
        about: person.about.clone(),
        chosen: person.phone == number,
    }
}

fn bubble(arrival: Arrival) -> Bubble {
    let parts = if arrival.parts == 1 { "1 part".to_owned() } else { format!("{} parts", arrival.parts) };
    Bubble {
        code: code_in(&arrival.text).map(str::to_owned),
        clock: arrival.arrived_at.to_offset(offset!(+5)).format(CLOCK).unwrap_or_default(),
        about: format!("{} · {parts}", arrival.gateway),
        id: arrival.id,
        from: arrival.from,
        text: arrival.text,
        at: arrival.at,
    }
}

/// The code of a message: the one for autofill (`@host #123456`, at the end), else the first separate run of five
/// to eight digits; four digits may be a year or a short number.
fn code_in(text: &str) -> Option<&str> {
    let digits = |word: &&str| word.len() <= 8 && word.bytes().all(|byte| byte.is_ascii_digit());
    let bound = text.rsplit_once('#').map(|(_, rest)| rest.trim()).filter(digits);
    let bound = bound.filter(|word| word.len() >= 4);
    bound.or_else(|| text.split(|c: char| !c.is_alphanumeric()).filter(digits).find(|word| word.len() >= 5))
}

/// `+998 00 123 45 67`; other numbers are not grouped.
fn spaced(number: &str) -> String {
    let groups = |rest: &str| {
        let group = |from: usize, to: usize| rest.get(from..to).map(str::to_owned);
        Some(["+998".to_owned(), group(0, 2)?, group(2, 5)?, group(5, 7)?, group(7, 9)?].join(" "))
    };
    match number.strip_prefix("998").filter(|rest| rest.len() == 9).and_then(groups) {
        Some(spaced) => spaced,
        None if number.is_empty() => String::new(),
        None => format!("+{number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_found_where_phones_look_for_it_else_where_people_do() {
        assert_eq!(code_in("Kod: 111111 emas\n@id.example.uz #123456"), Some("123456"));
        assert_eq!(code_in("#123456 is your code"), Some("123456"));
        assert_eq!(code_in("Код 48213. Никому не сообщайте"), Some("48213"));
        assert_eq!(code_in("Call 1148 or 998001234567 about AB12345"), None);
        assert_eq!(code_in("No. #"), None);
    }

    #[test]
    fn what_a_phone_sends_is_passed_on_as_the_broker_writes_it() {
        let xml = sms_request("998901234567", "<БЛОК> & more", OffsetDateTime::UNIX_EPOCH);
        for part in [
            "<sms-request version=\"1.0\">",
            "msisdn=\"998901234567\" submit-date=\"1970-01-01 00:00:00\"",
            "<content type=\"text/plain\">&lt;БЛОК&gt; &amp; more</content>",
        ] {
            assert!(xml.contains(part), "{part}: {xml}");
        }
    }

    #[test]
    fn uzbek_numbers_are_spaced_as_people_write_them() {
        assert_eq!(spaced("998001234567"), "+998 00 123 45 67");
        assert_eq!(spaced("4915112345678"), "+4915112345678");
        assert_eq!(spaced(""), "");
    }
}
