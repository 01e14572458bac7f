//! `/cabinet/means`: everything by which a person signs in, each with when and by what it was added and when it was last used; a password and
//! a login are set and changed here, and a means is removed as long as another one is left.
//!
//! All of it wants a fresh proof. A password that is set by somebody who did not prove the one before is a recovery: everything ends, all
//! channels are told, and what is dangerous waits (`docs/passwords.md`).

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::paths::{MEANS as PATH, MEANS_LOGIN, MEANS_PASSWORD};
use super::safety::stay;
use super::sessions::Others;
use super::shell::{Shell, frame};
use super::visit::{Proof, Visit};
use super::{Cabinet, words};
use crate::accounts::passwords::{
    BUSY_SECONDS, Busy, ChosenLogin, LOGIN_LENGTH, LONGEST, LoginError, NewPassword, Own, Passwords, Rests,
    Stored, TypedPassword, Weak,
};
use crate::accounts::{AddedBy, Held, Kind as MeansKind, MeansId, Representation};
use crate::audit::{Event, Kind};
use crate::notices::inbox::{NewNotice, NoticeKind};
use crate::platform::web::frame::Frame;
use crate::platform::web::params::Params;
use crate::platform::web::respond::{self, CspSources};
use crate::platform::web::text::Text;
use crate::sign_in::{Acr, Means, classes, is_single_factor};

/// What reaches more than a code by SMS or a password alone.
const MORE_THAN_A_CODE: [Acr; 4] = [Acr::MobileIdPlus, Acr::Passkey, Acr::Eri, Acr::Face];

/// The page of all means.
#[derive(Template)]
#[template(path = "cabinet/means.html")]
struct MeansPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    /// The enrolled number and since when, if there is one.
    number: Option<(String, Option<String>)>,
    held: Vec<Card>,
    /// Whether people sign in by password here.
    passwords: bool,
    /// The login, in words; shown beside a password.
    login: String,
    has_password: bool,
    /// Until when a recovery can be stopped.
    recovery: Option<String>,
    organisations: Vec<Representation>,
}

/// A means that was added.
struct Card {
    id: String,
    name: &'static str,
    label: String,
    added: String,
    by: &'static str,
    used: Option<String>,
    /// From when on it is a second factor, where that is to come.
    counts: Option<String>,
    /// A temporary password, and its end.
    temporary: Option<String>,
    removable: bool,
}

/// Sets a password.
#[derive(Template)]
#[template(path = "cabinet/means_password.html")]
struct PasswordPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    rules: String,
    /// One is set already.
    change: bool,
    /// The present one was not proved: everything ends with the change.
    recovers: bool,
    error: Option<String>,
}

/// Chooses a login.
#[derive(Template)]
#[template(path = "cabinet/means_login.html")]
struct LoginPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    login: String,
    error: Option<String>,
}

/// Shows all means.
pub(super) async fn get(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    cabinet
        .show(&request, Proof::Session, async |visit| {
            let text = visit.context.text();
            let person = visit.person();
            let held = cabinet.sign_in.accounts.means_of(person).await?;
            let stored = cabinet.recoveries.passwords.of_person(person).await?;
            let login = cabinet.recoveries.passwords.login_of(person).await?;
            let open = cabinet.recoveries.passwords.open_recovery(person).await?;
            let people = &cabinet.sign_in.people;
            let number = match &visit.account.phone {
                Some(phone) => {
                    let holding = people.holding(&people.number_index(phone)).await?;
                    let since = holding.and_then(|holding| holding.since);
                    Some((phone.masked(), since.map(|since| text.date(since.0))))
                }
                None => None,
            };
            let left = held.len() + usize::from(number.is_some());
            let page = MeansPage {
                frame: frame(visit),
                shell: Shell::of(visit, PATH),
                number,
                passwords: cabinet.offers_passwords(),
                has_password: stored.is_some(),
                login: login.unwrap_or_else(|| text.get("own_means.login_pinfl").to_owned()),
                organisations: cabinet.representations.of(person).await?,
                recovery: open.as_ref().map(|open| words::moment(visit, open.quiet_until)),
                held: held
                    .into_iter()
                    .map(|held| card(visit, held, stored.as_ref(), left > 1 && open.is_none()))
                    .collect(),
            };
            Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
        })
        .await
}

fn card(visit: &Visit<'_>, held: Held, stored: Option<&Stored>, removable: bool) -> Card {
    let text = visit.context.text();
    let password = held.kind == MeansKind::Password;
    let until = stored.filter(|_| password).and_then(|stored| stored.temporary_until);
    Card {
        id: held.id.as_str().to_owned(),
        name: name(held.kind, text),
        label: held.label,
        added: words::moment(visit, held.added_at),
        by: by(held.added_by, text),
        used: held.used_at.map(|at| words::moment(visit, at)),
        counts: Some(held.counts_from).filter(|from| *from > visit.now).map(|at| words::moment(visit, at)),
        temporary: until.map(|at| words::moment(visit, at)),
        removable,
    }
}

fn name(kind: MeansKind, text: Text) -> &'static str {
    text.get(match kind {
        MeansKind::Password => "own_means.password",
        MeansKind::Passkey => "own_means.passkey",
    })
}

fn by(by: AddedBy, text: Text) -> &'static str {
    text.get(match by {
        AddedBy::Enrolment => "own_means.by_enrolment",
        AddedBy::Registration => "own_means.by_registration",
        AddedBy::Person => "own_means.by_person",
        AddedBy::Staff => "own_means.by_staff",
        AddedBy::Recovery => "own_means.by_recovery",
    })
}

/// Shows the form of a password.
pub(super) async fn password(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    cabinet
        .show(&request, Proof::Fresh, async |visit| {
            if !cabinet.offers_passwords() {
                return Ok(visit.done(PATH, "nothing"));
            }
            let stored = cabinet.recoveries.passwords.of_person(visit.person()).await?;
            Ok(password_page(&cabinet, visit, stored.is_some(), None))
        })
        .await
}

fn password_page(
    cabinet: &Cabinet,
    visit: &Visit<'_>,
    change: bool,
    error: Option<(StatusCode, String)>,
) -> HttpResponse {
    let (text, rules) = (visit.context.text(), cabinet.recoveries.passwords.rules);
    let (status, error) = error.map_or((StatusCode::OK, None), |(status, error)| (status, Some(error)));
    let busy = status == StatusCode::SERVICE_UNAVAILABLE;
    let page = PasswordPage {
        frame: frame(visit),
        shell: Shell::of(visit, PATH),
        rules: text.with("password.rules", &[("count", &rules.shortest.to_string())]),
        change,
        recovers: change && !proved_password(visit),
        error,
    };
    let response = respond::page(status, &page, &CspSources::default());
    if busy { respond::retry_after(response, BUSY_SECONDS) } else { response }
}

/// Too many passwords wait to be hashed.
fn busy(visit: &Visit<'_>) -> (StatusCode, String) {
    (StatusCode::SERVICE_UNAVAILABLE, visit.context.text().get("password.error_busy").to_owned())
}

/// Whether the session rests on the present password.
fn proved_password(visit: &Visit<'_>) -> bool {
    visit.proved().contains(&Means::Password)
}

/// `POST /cabinet/means/password`: sets or changes the password. Other sessions end; where the one before was not proved, everything does.
pub(super) async fn set_password(cabinet: Data<Cabinet>, request: HttpRequest, body: Bytes) -> HttpResponse {
    cabinet
        .posted(&request, (MEANS_PASSWORD, Proof::Fresh, &body), async |visit, form| {
            if !cabinet.offers_passwords() {
                return Ok(visit.done(PATH, "nothing"));
            }
            let (passwords, person) = (&cabinet.recoveries.passwords, visit.person());
            let stored = passwords.of_person(person).await?;
            let refused = |error| Ok(password_page(&cabinet, visit, stored.is_some(), Some(error)));
            let login = passwords.login_of(person).await?;
            let new = match checked(&cabinet, visit, form, &Own::of(&visit.account, login.as_deref())) {
                Ok(new) => new,
                Err(error) => return refused((StatusCode::UNPROCESSABLE_ENTITY, error)),
            };
            let hashed = match passwords.hash(new).await? {
                Ok(hashed) => hashed,
                Err(Busy) => return refused(busy(visit)),
            };
            if stored.is_some() {
                let typed = TypedPassword::read(form.get("new").unwrap_or_default());
                match passwords.is_present(person, typed).await? {
                    Ok(false) => {}
                    Ok(true) => {
                        let present = visit.context.text().get("password.error_present").to_owned();
                        return refused((StatusCode::UNPROCESSABLE_ENTITY, present));
                    }
                    Err(Busy) => return refused(busy(visit)),
                }
            }
            let proved = visit.proved();
            let names: Vec<&str> = classes(&proved).into_iter().map(Acr::name).collect();
            let on_a_code_alone = is_single_factor(&proved);
            let rests = Rests { classes: &names, on_a_code_alone };
            if stored.is_some() && !proved_password(visit) {
                // Whoever knew the former one is out everywhere, and the owner can stop it.
                let (_, told) = super::safety::tell_everybody(&cabinet, visit).await?;
                let recovered = cabinet.recoveries.by_stronger_means(&visit.account, (&hashed, rests), told);
                let Some(epoch) = recovered.await? else { return Ok(visit.done(PATH, "nothing")) };
                cabinet.logout.notifier.wake();
                return stay(&cabinet, visit, epoch, visit.done(PATH, "password")).await;
            }
            let mut then = vec![Passwords::forgive(person)];
            let guard = match &stored {
                Some(stored) => passwords.replace(person, stored.generation, &hashed, AddedBy::Person),
                None => passwords.set(person, &hashed, AddedBy::Person),
            };
            if stored.is_none() {
                let added = (AddedBy::Person, rests);
                then.extend(cabinet.sign_in.accounts.password_added(person, added, visit.now));
            }
            then.extend(cabinet.inbox.rows(person, &NewNotice::new(NoticeKind::CredentialChanged)));
            // Nobody can have signed in by a password that there was not.
            let mut others =
                if stored.is_some() { Some(Others::of_former_means(&cabinet, visit).await?) } else { None };
            then.extend(others.iter_mut().flat_map(Others::take_rows));
            if !passwords.change(guard, then).await? {
                return Ok(visit.done(PATH, "untaken"));
            }
            record(&cabinet, visit, "password");
            if let Some(others) = others {
                others.have_ended(&cabinet).await;
            }
            Ok(visit.done(PATH, "password"))
        })
        .await
}

/// The password that was typed twice, if it keeps the rules.
fn checked(cabinet: &Cabinet, visit: &Visit<'_>, form: &Params, own: &Own) -> Result<NewPassword, String> {
    let (text, rules) = (visit.context.text(), cabinet.recoveries.passwords.rules);
    let typed = |name| form.get(name).unwrap_or_default();
    let new = rules.check(typed("new"), own).map_err(|weak| match weak {
        Weak::TooShort => text.with("password.error_short", &[("count", &rules.shortest.to_string())]),
        Weak::TooLong => text.with("password.error_long", &[("count", &LONGEST.to_string())]),
        Weak::Common => text.get("password.error_common").to_owned(),
        Weak::Own => text.get("password.error_own").to_owned(),
    })?;
    if typed("new") != typed("repeat") {
        return Err(text.get("password.error_repeat").to_owned());
    }
    Ok(new)
}

fn record(cabinet: &Cabinet, visit: &Visit<'_>, what: &'static str) {
    let event = Event::new(Kind::CredentialChanged).person(visit.person().as_str());
    cabinet.sign_in.audit.record(event.reason(what));
}

/// Shows the form of a login.
pub(super) async fn login(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    cabinet
        .show(&request, Proof::Fresh, async |visit| {
            if !cabinet.offers_passwords() {
                return Ok(visit.done(PATH, "nothing"));
            }
            let login = cabinet.recoveries.passwords.login_of(visit.person()).await?.unwrap_or_default();
            Ok(login_page(visit, login, None))
        })
        .await
}

fn login_page(visit: &Visit<'_>, login: String, error: Option<String>) -> HttpResponse {
    let status = if error.is_none() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = LoginPage { frame: frame(visit), shell: Shell::of(visit, PATH), login, error };
    respond::page(status, &page, &CspSources::default())
}

/// `POST /cabinet/means/login`: the login is another one from now on (R113). Whoever asks which logins are taken learns it by having one
/// refused; each form wants a fresh proof of who asks.
pub(super) async fn set_login(cabinet: Data<Cabinet>, request: HttpRequest, body: Bytes) -> HttpResponse {
    cabinet
        .posted(&request, (MEANS_LOGIN, Proof::Fresh, &body), async |visit, form| {
            if !cabinet.offers_passwords() {
                return Ok(visit.done(PATH, "nothing"));
            }
            let (text, typed) = (visit.context.text(), form.get("login").unwrap_or_default());
            let chosen = match ChosenLogin::parse(typed) {
                Ok(chosen) => chosen,
                Err(error) => {
                    let (least, most) = (LOGIN_LENGTH.start().to_string(), LOGIN_LENGTH.end().to_string());
                    let error = match error {
                        LoginError::Length => {
                            text.with("own_means.login_length", &[("least", &least), ("most", &most)])
                        }
                        LoginError::Characters => text.get("own_means.login_characters").to_owned(),
                        LoginError::NoLetter => text.get("own_means.login_letter").to_owned(),
                    };
                    return Ok(login_page(visit, typed.to_owned(), Some(error)));
                }
            };
            let mut then = cabinet.inbox.rows(visit.person(), &NewNotice::new(NoticeKind::CredentialChanged));
            let mut others = Others::of_former_means(&cabinet, visit).await?;
            then.extend(others.take_rows());
            let passwords = &cabinet.recoveries.passwords;
            if !passwords.choose_login(visit.person(), &chosen, then).await? {
                let taken = text.get("own_means.login_taken").to_owned();
                return Ok(login_page(visit, typed.to_owned(), Some(taken)));
            }
            record(&cabinet, visit, "login");
            others.have_ended(&cabinet).await;
            Ok(visit.done(PATH, "login"))
        })
        .await
}

/// `POST /cabinet/means/remove`: a means is taken away, as long as another one is left and no recovery can be stopped.
pub(super) async fn remove(cabinet: Data<Cabinet>, request: HttpRequest, body: Bytes) -> HttpResponse {
    cabinet
        .posted(&request, (PATH, Proof::Fresh, &body), async |visit, form| {
            let (person, wanted) = (visit.person(), form.get("means").unwrap_or_default());
            let held = cabinet.sign_in.accounts.means_of(person).await?;
            let Some(one) = held.iter().find(|one| one.id.as_str() == wanted) else {
                return Ok(visit.done(PATH, "nothing"));
            };
            if held.len() == 1 && visit.account.phone.is_none() {
                return Ok(visit.done(PATH, "last_means"));
            }
            if cabinet.recoveries.passwords.open_recovery(person).await?.is_some() {
                return Ok(visit.done(PATH, "waits"));
            }
            // Whoever holds no more than a code does not take the owner's password away: without it they would set another one as the first.
            if one.kind == MeansKind::Password && !proved_password(visit) && is_single_factor(&visit.proved())
            {
                return cabinet.first_party.step_up(&visit.context, PATH, &visit.open, &MORE_THAN_A_CODE);
            }
            let id = MeansId::stored(wanted.to_owned());
            let mut then = cabinet.inbox.rows(person, &NewNotice::new(NoticeKind::CredentialChanged));
            if one.kind == MeansKind::Password {
                then.push(Passwords::remove(person));
            }
            let mut others = Others::of_former_means(&cabinet, visit).await?;
            then.extend(others.take_rows());
            let accounts = &cabinet.sign_in.accounts;
            if !accounts.remove_own((&id, one.kind, person), then, visit.now).await? {
                return Ok(visit.done(PATH, "nothing"));
            }
            record(&cabinet, visit, one.kind.name());
            others.have_ended(&cabinet).await;
            Ok(visit.done(PATH, "removed_means"))
        })
        .await
}

/// `POST /cabinet/means/stop`: a recovery is stopped. It is harmless, so any session will do: a thief who stops it gains nothing.
pub(super) async fn stop(cabinet: Data<Cabinet>, request: HttpRequest, body: Bytes) -> HttpResponse {
    cabinet
        .posted(&request, (PATH, Proof::Session, &body), async |visit, _| {
            let recoveries = &cabinet.recoveries;
            let Some(open) = recoveries.passwords.open_recovery(visit.person()).await? else {
                return Ok(visit.done(PATH, "nothing"));
            };
            if !recoveries.stop(&open, "session").await? {
                return Ok(visit.done(PATH, "nothing"));
            }
            // This browser is signed out, too: what signed it in may have been the recovery.
            Ok(respond::with_cookies(
                respond::see_other(super::recover::STOPPED),
                cabinet.cookies.remove(crate::sign_in::SessionId::COOKIE),
            ))
        })
        .await
}
