//! A person who approves or refuses what services ask of them, for automatic runs: the hook answers as somebody with the phone
//! would, through the provider's own page. The SMS says nothing of the service's request, so it answers the newest message that
//! asks for an approval and was not answered yet.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::rt::time::{Instant, sleep};
use actix_web::web::{self, Data, Query, ServiceConfig};
use serde::Deserialize;
use serde_json::json;

use super::Sandbox;
use super::messages::KEPT;

/// How long a message is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// `POST /ciba`.
pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(web::resource("/ciba").route(web::post().to(answer)));
}

/// The messages that were answered.
#[derive(Default)]
pub(super) struct Answered(Mutex<HashSet<String>>);

impl Answered {
    /// Notes a message; whether it was not answered before.
    fn takes(&self, message: &str) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > 2 * KEPT {
            known.clear();
        }
        known.insert(message.to_owned())
    }
}

#[derive(Deserialize)]
struct Wanted {
    /// The service's `auth_req_id`, as certification suites send it; any will do.
    #[serde(default)]
    token: String,
    /// `allow` or `deny`.
    #[serde(rename = "type", default)]
    kind: String,
}

/// Answers `POST /ciba?token={auth_req_id}&type=allow|deny`.
async fn answer(sandbox: Data<Sandbox>, wanted: Query<Wanted>) -> HttpResponse {
    let refused = |why: &str| HttpResponse::BadRequest().json(json!({ "error": why }));
    if wanted.token.is_empty() || !["allow", "deny"].contains(&wanted.kind.as_str()) {
        return refused("send token={auth_req_id} and type=allow or type=deny");
    }
    let Some(provider) = sandbox.settings.provider.clone() else {
        return refused("this sandbox knows no provider");
    };
    let until = Instant::now() + PATIENCE;
    let request = loop {
        match newest(&sandbox) {
            Some(request) => break request,
            None if Instant::now() >= until => {
                let why = "no message asks for an approval that was not answered";
                return HttpResponse::NotFound().json(json!({ "error": why }));
            }
            None => sleep(LOOK).await,
        }
    };
    match decide(&sandbox, &request.url(&provider), &request.code, &wanted.kind).await {
        Ok(()) => HttpResponse::Ok().json(json!({ "answered": request.to, "type": wanted.kind })),
        Err(why) => HttpResponse::BadGateway().json(json!({ "error": why })),
    }
}

/// What a message says: the address of the page and the code.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    to: String,
    address: String,
    code: String,
}

impl Request {
    /// The page. Where the message says no scheme: by `https`, unless it is the provider's own that this sandbox belongs to.
    fn url(&self, provider: &str) -> String {
        if self.address.contains("://") {
            return self.address.clone();
        }
        let own =
            provider.split_once("://").is_some_and(|(_, host)| self.address.starts_with(&format!("{host}/")));
        let scheme = if own { provider.split("://").next().unwrap_or_default() } else { "https" };
        format!("{scheme}://{}", self.address)
    }
}

/// The newest request that was not answered; it is by that.
fn newest(sandbox: &Sandbox) -> Option<Request> {
    let arrived = sandbox.messages().arrived(None, None, KEPT);
    arrived.iter().rev().find_map(|arrival| {
        let (address, code) = read(&arrival.text)?;
        sandbox.answered.takes(&arrival.id).then(|| Request { to: arrival.to.clone(), address, code })
    })
}

/// The address and the code in a message that asks for an approval.
fn read(text: &str) -> Option<(String, String)> {
    let (before, rest) = text.split_once("/a/")?;
    let host = before.rsplit(' ').next().filter(|host| !host.is_empty())?;
    let reference: String = rest.chars().take_while(char::is_ascii_uppercase).collect();
    let code = text.rsplit_once('#')?.1.trim();
    let fits = reference.len() == 8 && code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| (format!("{host}/a/{reference}"), code.to_owned()))
}

/// Opens the page and sends its form, with every box ticked.
async fn decide(sandbox: &Sandbox, url: &str, code: &str, kind: &str) -> Result<(), String> {
    let page = sandbox.courier.page(sandbox.courier.client().get(url)).await?;
    let mut fields = vec![("code", code.to_owned()), ("decision", kind.to_owned())];
    fields.extend(values(&page, "shown").map(|shown| ("shown", shown.to_owned())));
    fields.extend(values(&page, "datum").map(|datum| ("datum", datum.to_owned())));
    let done = sandbox.courier.page(sandbox.courier.client().post(url).form(&fields)).await?;
    let expected = if kind == "allow" { "approval-done" } else { "approval-refused" };
    if done.contains(&format!("id=\"{expected}\"")) {
        Ok(())
    } else {
        Err("the page did not take the answer".to_owned())
    }
}

/// The values of the fields of that name.
fn values<'a>(page: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    let start = format!("name=\"{name}\" value=\"");
    page.match_indices(&start)
        .map(|(at, found)| &page[at + found.len()..])
        .filter_map(|rest| rest.split('"').next())
        .collect::<Vec<_>>()
        .into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_asks_for_an_approval_is_told_from_others() {
        let text = "Soliq: tasdiqlash kodi 123456. Kiritish manzili: localhost:8080/a/WDJBMJHT. Uni hech kimga aytmang.\n@localhost #123456";
        let (address, code) = read(text).unwrap();
        assert_eq!((address.as_str(), code.as_str()), ("localhost:8080/a/WDJBMJHT", "123456"));
        let request = Request { to: String::new(), address, code };
        assert_eq!(request.url("http://localhost:8080"), "http://localhost:8080/a/WDJBMJHT");
        assert_eq!(request.url("http://localhost:80"), "https://localhost:8080/a/WDJBMJHT");
        let text = "Soliq: tasdiq 123456, https://id.example.uz/a/WDJBMJHT. Hech kimga aytmang\n@id.example.uz #123456";
        let (address, code) = read(text).unwrap();
        let request = Request { to: String::new(), address, code };
        assert_eq!(request.url("http://localhost:8080"), "https://id.example.uz/a/WDJBMJHT");
        for other in [
            "Soliq uchun kod: 123456.\n@localhost #123456",
            "see /a/short\n@localhost #123456",
            "/a/WDJBMJHT",
            "",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn fields_are_read_from_the_page() {
        let page = r#"<input type="hidden" name="shown" value="x_-1"><input name="datum" value="name"><input name="datum" value="phone">"#;
        assert_eq!(values(page, "shown").collect::<Vec<_>>(), ["x_-1"]);
        assert_eq!(values(page, "datum").collect::<Vec<_>>(), ["name", "phone"]);
        assert_eq!(values(page, "code").count(), 0);
    }

    #[test]
    fn a_message_is_answered_once() {
        let answered = Answered::default();
        assert!(answered.takes("1") && !answered.takes("1") && answered.takes("2"));
    }
}
