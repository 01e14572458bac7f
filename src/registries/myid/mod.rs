//! MyID: whose face it is, by a comparison with the state's photo that MyID makes (`docs/registries.md`).
//!
//! Two ways. In a browser: it is sent to MyID's page ([`MyId::page`]) and comes back with a code, which tells once whose face it was
//! ([`MyId::by_code`]). In an app with MyID's program: a session is opened for a person ([`MyId::open_session`]), the program hands over a
//! code, and that tells the same ([`MyId::by_session_code`]). Of a profile only the PINFL and the name of MyID's evidence are read, and no
//! photo passes through here.

mod result;

use std::sync::Arc;
use std::time::Duration;

use reqwest::header;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use super::error::{Contradiction, ErrorKind, RegisterName, RegistryError};
use super::line::Repeat;
use super::settings::MyidSettings;
use super::wire::{self, Heard};
use super::{Asker, Registries};
use crate::people::{BirthDate, Pinfl};

pub use result::{Advice, FaceProblem};

const FORM: ErrorKind = ErrorKind::Contradiction(Contradiction::Form);
/// The longest code or session that is taken, in characters.
const LONGEST_CODE: usize = 512;
/// A token is not used in its last moments.
const MARGIN: Duration = Duration::from_secs(60);
/// No token is used for longer.
const LONGEST_TOKEN: u64 = 604_800;

/// MyID. Cheap to clone.
#[derive(Clone)]
pub struct MyId {
    registries: Registries,
}

/// The account at MyID, and the token of its session interface.
pub(super) struct Account {
    settings: MyidSettings,
    token: Mutex<Option<(Arc<SecretString>, Instant)>>,
}

impl Account {
    pub(super) fn new(settings: MyidSettings) -> Self {
        Self { settings, token: Mutex::default() }
    }
}

/// Whose face it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognised {
    /// The person.
    pub pinfl: Pinfl,
    /// By which name MyID keeps its evidence; empty where it says none.
    pub reference: String,
}

/// For whom a session is opened.
#[derive(Debug, Clone)]
pub struct Expected {
    /// The person.
    pub pinfl: Pinfl,
    /// Their birth date.
    pub birth_date: BirthDate,
    /// Whether they live in the country for good.
    pub is_resident: bool,
}

/// How far a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// MyID's program has not ended.
    InProgress,
    /// It has; why the last attempt failed, if it did.
    Closed(Option<FaceProblem>),
    /// Nobody came in time, or it is not known.
    Expired,
}

impl MyId {
    pub(super) const fn new(registries: Registries) -> Self {
        Self { registries }
    }

    fn account(&self) -> Result<&Account, RegistryError> {
        self.registries.0.myid.as_ref().ok_or(RegistryError::new(RegisterName::Myid, ErrorKind::NotConnected))
    }

    /// The page to which a browser is sent. It comes back to `redirect_uri` with `state` as it is given.
    ///
    /// # Errors
    /// [`ErrorKind::NotConnected`].
    pub fn page(&self, redirect_uri: &str, state: &str) -> Result<Url, RegistryError> {
        let settings = &self.account()?.settings;
        let mut url = settings.pages.clone().unwrap_or_else(|| settings.base_url.clone());
        let path = format!("{}/api/v1/oauth2/authorization", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url.query_pairs_mut()
            .append_pair("client_id", &settings.client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("response_type", "code")
            .append_pair("method", &settings.method)
            .append_pair("scope", "common_data")
            .append_pair("state", state);
        Ok(url)
    }

    /// Whose face it was, by the code with which a browser came back. MyID takes a code once.
    ///
    /// # Errors
    /// [`RegistryError`] when MyID does not say; the inner error when it did not recognise the person.
    pub async fn by_code(
        &self,
        code: &str,
        redirect_uri: &str,
        asker: &Asker,
    ) -> Result<Result<Recognised, FaceProblem>, RegistryError> {
        let line = self.registries.line(RegisterName::Myid)?;
        let settings = &self.account()?.settings;
        if code.is_empty() || code.len() > LONGEST_CODE {
            return Ok(Err(FaceProblem::Unknown));
        }
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("client_id", &settings.client_id),
            ("client_secret", settings.client_secret.expose_secret()),
        ];
        let call = line.call(Repeat::MustNot, |client, base| {
            client.post(format!("{base}/api/v1/oauth2/access-token")).form(&form)
        });
        let token = match self.registries.ask(line, asker, &[], call, read_token).await?.value {
            Ok((token, _)) => token,
            Err(problem) => return Ok(Err(problem)),
        };
        let call = line.call(Repeat::May, |client, base| {
            client.get(format!("{base}/api/v1/users/me")).bearer_auth(token.expose_secret())
        });
        self.registries.ask(line, asker, &[], call, read_profile).await.map(|answer| answer.value)
    }

    /// Opens a session for MyID's program: its name, which the program is given. It lasts some ten minutes.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn open_session(&self, whom: &Expected, asker: &Asker) -> Result<String, RegistryError> {
        let threshold = f64::from(self.account()?.settings.threshold_percent) / 100.0;
        let body = json!({
            "pinfl": whom.pinfl.digits(), "birth_date": whom.birth_date.to_string(),
            "is_resident": whom.is_resident, "threshold": threshold,
        });
        let heard = async {
            self.authorised(asker, Repeat::May, |client, base| {
                client.post(format!("{base}/api/v2/sdk/sessions")).json(&body)
            })
            .await
        };
        let line = self.registries.line(RegisterName::Myid)?;
        self.registries.ask(line, asker, &[], heard, read_opened).await.map(|answer| answer.value)
    }

    /// How far a session is.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn session(&self, id: &str, asker: &Asker) -> Result<Session, RegistryError> {
        if !is_name(id) {
            return Ok(Session::Expired);
        }
        let heard = async {
            self.authorised(asker, Repeat::May, |client, base| {
                client.get(format!("{base}/api/v1/sdk/sessions/{id}"))
            })
            .await
        };
        let line = self.registries.line(RegisterName::Myid)?;
        self.registries.ask(line, asker, &[], heard, read_session).await.map(|answer| answer.value)
    }

    /// Whose face it was, by the code that MyID's program handed over. MyID takes it once, within five minutes.
    ///
    /// # Errors
    /// As [`MyId::by_code`].
    pub async fn by_session_code(
        &self,
        code: &str,
        asker: &Asker,
    ) -> Result<Result<Recognised, FaceProblem>, RegistryError> {
        if code.is_empty() || code.len() > LONGEST_CODE {
            return Ok(Err(FaceProblem::Unknown));
        }
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("code", code).finish();
        let heard = async {
            self.authorised(asker, Repeat::MustNot, |client, base| {
                client.get(format!("{base}/api/v1/sdk/data?{query}"))
            })
            .await
        };
        let line = self.registries.line(RegisterName::Myid)?;
        self.registries.ask(line, asker, &[], heard, read_data).await.map(|answer| answer.value)
    }

    /// Fetches a token of the session interface, for a check.
    pub(super) async fn log_in(&self, asker: &Asker) -> Result<(), RegistryError> {
        self.token(None, asker).await.map(drop)
    }

    /// A request of the session interface, with a token; with a new one where it was refused.
    async fn authorised(
        &self,
        asker: &Asker,
        repeat: Repeat,
        request: impl Fn(&reqwest::Client, &str) -> reqwest::RequestBuilder,
    ) -> Result<Heard, RegistryError> {
        let line = self.registries.line(RegisterName::Myid)?;
        let token = self.token(None, asker).await?;
        let with = |token: Arc<SecretString>| {
            line.call(repeat, {
                let request = &request;
                move |client: &reqwest::Client, base: &str| {
                    request(client, base).bearer_auth(token.expose_secret())
                }
            })
        };
        let heard = with(Arc::clone(&token)).await?;
        if heard.status != reqwest::StatusCode::UNAUTHORIZED {
            return Ok(heard);
        }
        with(self.token(Some(&token), asker).await?).await
    }

    /// The token that is in force, other than `stale`, which was refused.
    async fn token(
        &self,
        stale: Option<&Arc<SecretString>>,
        asker: &Asker,
    ) -> Result<Arc<SecretString>, RegistryError> {
        let (line, account) = (self.registries.line(RegisterName::Myid)?, self.account()?);
        // Held meanwhile, so that many requests make one login.
        let mut kept = account.token.lock().await;
        if let Some((token, until)) = &*kept
            && Instant::now() < *until
            && stale.is_none_or(|stale| !Arc::ptr_eq(stale, token))
        {
            return Ok(Arc::clone(token));
        }
        *kept = None;
        let body = json!({
            "client_id": account.settings.client_id,
            "client_secret": account.settings.client_secret.expose_secret(),
        });
        let call = line.call(Repeat::May, |client, base| {
            let request = client.post(format!("{base}/api/v1/auth/clients/access-token"));
            request.header(header::ACCEPT, "application/json").json(&body)
        });
        let read = |heard: &Heard| read_token(heard)?.map_err(|_| ErrorKind::Refused);
        let (token, lasts) = self.registries.ask(line, asker, &[], call, read).await?.value;
        let token = Arc::new(token);
        *kept = Some((Arc::clone(&token), Instant::now() + lasts));
        Ok(token)
    }
}

/// What a browser came back with from MyID's page: a code, or why there is none.
///
/// # Errors
/// [`FaceProblem`].
pub fn came_back<'q>(code: Option<&'q str>, reason: Option<&str>) -> Result<&'q str, FaceProblem> {
    match code.filter(|code| !code.is_empty() && code.len() <= LONGEST_CODE) {
        Some(code) => Ok(code),
        None => Err(reason.and_then(|code| code.parse().ok()).map_or(FaceProblem::Left, FaceProblem::of)),
    }
}

fn is_name(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The code in an answer that says that somebody was not recognised: by any of the names that it has.
fn problem(body: &Value) -> Option<FaceProblem> {
    let names = ["result_code", "reason_code", "code", "err"];
    let detail = wire::member(body, "detail").filter(|detail| detail.is_object());
    let code = [Some(body), detail].into_iter().flatten().find_map(|of| {
        names.iter().find_map(|name| wire::text(of, name).and_then(|text| text.parse::<i64>().ok()))
    })?;
    // Success, none, or a status of HTTP, which says nothing of a face.
    (code != 1 && code != 0 && !(400..600).contains(&code)).then(|| FaceProblem::of(code))
}

/// A client's mistake is `4xx` without a code; what is about the person has one.
fn succeeded(heard: &Heard) -> Result<Result<(), FaceProblem>, ErrorKind> {
    if heard.status.is_success() {
        return Ok(Ok(()));
    }
    problem(&heard.body).map(Err).ok_or(ErrorKind::Refused)
}

fn read_token(heard: &Heard) -> Result<Result<(SecretString, Duration), FaceProblem>, ErrorKind> {
    if let Err(problem) = succeeded(heard)? {
        return Ok(Err(problem));
    }
    let token = wire::member(&heard.body, "access_token").and_then(Value::as_str);
    // The token becomes a header value, so it must be visible ASCII.
    let fits = |token: &&str| {
        !token.is_empty() && token.len() <= 8192 && token.bytes().all(|b| b.is_ascii_graphic())
    };
    let token = token.filter(fits).ok_or(FORM)?;
    let lasts =
        wire::text(&heard.body, "expires_in").and_then(|text| text.parse::<u64>().ok()).unwrap_or(600);
    let lasts = Duration::from_secs(lasts.min(LONGEST_TOKEN)).saturating_sub(MARGIN);
    Ok(Ok((SecretString::from(token.to_owned()), lasts.max(Duration::from_secs(1)))))
}

/// The profile of the web way. A success is told by its presence: codes of success differ.
fn read_profile(heard: &Heard) -> Result<Result<Recognised, FaceProblem>, ErrorKind> {
    if let Err(problem) = succeeded(heard)? {
        return Ok(Err(problem));
    }
    let profile = wire::member(&heard.body, "profile").filter(|profile| profile.is_object());
    recognised(profile.unwrap_or(&heard.body), &heard.body)
}

/// The data of the session way.
fn read_data(heard: &Heard) -> Result<Result<Recognised, FaceProblem>, ErrorKind> {
    if let Err(problem) = succeeded(heard)? {
        return Ok(Err(problem));
    }
    let data = wire::member(&heard.body, "data").unwrap_or(&heard.body);
    let profile = wire::member(data, "profile").filter(|profile| profile.is_object());
    recognised(profile.unwrap_or(data), data)
}

fn recognised(profile: &Value, around: &Value) -> Result<Result<Recognised, FaceProblem>, ErrorKind> {
    let Some(data) = wire::member(profile, "common_data").filter(|data| data.is_object()) else {
        return problem(around).map(Err).ok_or(FORM);
    };
    if let Some(problem) = problem(around) {
        // It says that it failed and who it was.
        tracing::debug!(code = problem.code(), "MyID's answer contradicts itself");
        return Err(ErrorKind::Contradiction(Contradiction::Flag));
    }
    let pinfl =
        wire::text(data, "pinfl").and_then(|digits| Pinfl::from_registry(&digits).ok()).ok_or(FORM)?;
    let reference = wire::text(around, "job_id").filter(|name| is_name(name)).unwrap_or_default();
    Ok(Ok(Recognised { pinfl, reference }))
}

fn read_opened(heard: &Heard) -> Result<String, ErrorKind> {
    if !heard.status.is_success() {
        return Err(ErrorKind::Refused);
    }
    wire::text(&heard.body, "session_id").filter(|id| is_name(id)).ok_or(FORM)
}

fn read_session(heard: &Heard) -> Result<Session, ErrorKind> {
    if heard.status == reqwest::StatusCode::NOT_FOUND {
        return Ok(Session::Expired);
    }
    if !heard.status.is_success() {
        return Err(ErrorKind::Refused);
    }
    match wire::text(&heard.body, "status").as_deref() {
        Some("in_progress") => Ok(Session::InProgress),
        Some("expired") => Ok(Session::Expired),
        Some("closed") => {
            let attempts = wire::member(&heard.body, "attempts").and_then(Value::as_array);
            let last = attempts.and_then(|attempts| attempts.last()).and_then(problem);
            Ok(Session::Closed(last))
        }
        _ => Err(FORM),
    }
}

/// Reads an answer of any kind, for tests and fuzzing.
#[cfg(any(test, fuzzing))]
pub(super) fn read_any(heard: &Heard) {
    let _ = (read_token(heard).is_ok(), read_profile(heard), read_data(heard));
    let _ = (read_opened(heard), read_session(heard));
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::StatusCode;

    fn heard(status: u16, body: Value) -> Heard {
        Heard { status: StatusCode::from_u16(status).unwrap(), body }
    }

    const PROFILE: &str = r#"{"common_data":{"first_name":"MALIKA","pinfl":"41405882050012","gender":"2"},"doc_data":{"pass_data":"AD7000001"}}"#;

    fn profile() -> Value {
        serde_json::from_str(PROFILE).unwrap()
    }

    #[test]
    fn a_profile_is_success_whatever_the_code_of_success_is() {
        for body in [
            json!({"profile": profile()}),
            json!({"profile": profile(), "code": 1, "job_id": "b-1"}),
            json!({"profile": profile(), "result_code": 0}),
            profile(),
        ] {
            let found = read_profile(&heard(200, body.clone())).unwrap().unwrap();
            assert_eq!(found.pinfl.digits(), "41405882050012", "{body}");
        }
        let data = json!({"data": {"comparison_value": 0.9, "job_id": "b-1", "profile": profile()}, "reuid": {"value": "x"}});
        assert_eq!(read_data(&heard(200, data)).unwrap().unwrap().reference, "b-1");
    }

    #[test]
    fn a_failure_is_its_code_and_what_says_both_is_not_believed() {
        let no_match = Ok(Err(FaceProblem::NoMatch));
        assert_eq!(read_profile(&heard(400, json!({"err": 4, "detail": "x"}))), no_match);
        assert_eq!(read_profile(&heard(403, json!({"detail": {"code": 4}}))), no_match);
        assert_eq!(read_data(&heard(200, json!({"data": {"result_code": 4}}))), no_match);
        assert_eq!(read_profile(&heard(422, json!({"detail": [{"msg": "x"}]}))), Err(ErrorKind::Refused));
        let flag = ErrorKind::Contradiction(Contradiction::Flag);
        assert_eq!(read_profile(&heard(200, json!({"profile": profile(), "code": 4}))), Err(flag));
        assert_eq!(read_profile(&heard(200, json!({"profile": {"common_data": {}}}))), Err(FORM));
        assert_eq!(read_profile(&heard(200, json!({}))), Err(FORM));
    }

    #[test]
    fn a_session_is_open_closed_or_over() {
        let read = |body: Value| read_session(&heard(200, body));
        assert_eq!(
            read(json!({"code": 0, "status": "in_progress", "attempts": []})),
            Ok(Session::InProgress)
        );
        assert_eq!(read(json!({"status": "expired"})), Ok(Session::Expired));
        let attempts =
            json!([{"job_id": "a", "reason_code": 20}, {"job_id": "b", "reason": "x", "reason_code": 4}]);
        let closed = Ok(Session::Closed(Some(FaceProblem::NoMatch)));
        assert_eq!(read(json!({"status": "closed", "attempts": attempts})), closed);
        let good = json!([{"job_id": "a", "reason_code": 1}]);
        assert_eq!(read(json!({"status": "closed", "attempts": good})), Ok(Session::Closed(None)));
        assert_eq!(read(json!({"status": "odd"})), Err(FORM));
        assert_eq!(read_session(&heard(404, json!({"err": "x"}))), Ok(Session::Expired));
    }

    #[test]
    fn a_browser_comes_back_with_a_code_or_with_the_reason() {
        assert_eq!(came_back(Some("abc"), None), Ok("abc"));
        assert_eq!(came_back(None, Some("26")), Err(FaceProblem::EyesClosed));
        assert_eq!(came_back(Some(""), None), Err(FaceProblem::Left));
        assert_eq!(came_back(Some(&"a".repeat(600)), Some("no number")), Err(FaceProblem::Left));
    }
}
