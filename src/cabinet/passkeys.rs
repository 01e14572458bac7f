//! `/cabinet/passkeys`: the passkeys of a person, adding one, its name, and removing it.
//!
//! Adding wants a proof within the last five minutes by something stronger than a code by SMS. Whoever has nothing stronger may add one
//! all the same; it works after a while, and its person is told before (`accounts.new_means_wait_hours`). Removing wants a proof as
//! recent, and ends the person's other sessions: whatever was opened with the passkey ends with it.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::paths::{ADD_PASSKEY, PASSKEYS as PATH};
use super::sessions::Others;
use super::shell::{Shell, frame};
use super::visit::{Proof, Visit};
use super::{Cabinet, words};
use crate::accounts::MeansId;
use crate::accounts::passkeys::{Added, Adding, MOST, Passkey};
use crate::notices::inbox::{NewNotice, NoticeKind};
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::Frame;
use crate::platform::web::params::Params;
use crate::platform::web::respond::{self, CspSources};
use crate::platform::webauthn::Given;
use crate::release::person_name;
use crate::sign_in::{Acr, classes};

/// The classes that are stronger than a code by SMS.
const STRONGER: [Acr; 4] = [Acr::MobileIdPlus, Acr::Passkey, Acr::Eri, Acr::Face];

/// The list.
#[derive(Template)]
#[template(path = "cabinet/passkeys.html")]
struct PasskeysPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    passkeys: Vec<Shown>,
    /// None of them may be removed: there is one, and nothing else.
    last: bool,
    /// That there is no room for another one, in words.
    full: Option<String>,
}

/// A passkey as it is shown.
struct Shown {
    id: String,
    label: String,
    added: String,
    /// From when on it works, where it does not yet.
    counts_from: Option<String>,
    used: Option<String>,
    kept: &'static str,
}

/// Lets a passkey be made.
#[derive(Template)]
#[template(path = "cabinet/passkey_add.html")]
struct AddPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    asked: String,
    /// That it works later, in words.
    waits: Option<String>,
}

/// Asks for a further factor first.
#[derive(Template)]
#[template(path = "cabinet/passkey_step_up.html")]
struct StepUpPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
}

/// On what the session of somebody rests who adds a passkey.
enum Standing {
    /// On more than a code.
    Stronger,
    /// On a code alone, and the person has nothing else.
    CodeAlone,
    /// On a code alone, and the person has more.
    CouldDoMore,
}

/// Shows the list.
pub(super) async fn get(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    cabinet
        .show(&request, Proof::Session, async |visit| {
            let text = visit.context.text();
            let passkeys = cabinet.passkeys.of_person(visit.person()).await?;
            let last = passkeys.len() == 1 && cabinet.passkeys.is_last(visit.person()).await?;
            let count = passkeys.len().to_string();
            let full = (passkeys.len() >= MOST)
                .then(|| text.with("own_passkeys.full", &[("count", count.as_str())]));
            let shown = |one: Passkey| Shown {
                added: words::moment(visit, one.added_at),
                counts_from: (one.counts_from > visit.now).then(|| words::moment(visit, one.counts_from)),
                used: one.used_at.map(|at| words::moment(visit, at)),
                kept: text.get(if one.may_be_copied {
                    "own_passkeys.on_several"
                } else {
                    "own_passkeys.on_one_device"
                }),
                id: one.id.as_str().to_owned(),
                label: one.label,
            };
            let passkeys = passkeys.into_iter().map(shown).collect();
            let page =
                PasskeysPage { frame: frame(visit), shell: Shell::of(visit, PATH), passkeys, last, full };
            Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
        })
        .await
}

/// Lets a passkey be made, or asks for a further factor first.
pub(super) async fn add(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    cabinet
        .show(&request, Proof::Fresh, async |visit| {
            let waits = match standing(&cabinet, visit).await? {
                Standing::Stronger => None,
                Standing::CodeAlone => {
                    let until = cabinet.passkeys.would_count_from(true);
                    let until = visit.context.text().date_for_suffix(until.0);
                    Some(visit.context.text().with("own_passkeys.add_waits", &[("until", until.as_str())]))
                }
                Standing::CouldDoMore => {
                    let page = StepUpPage { frame: frame(visit), shell: Shell::of(visit, PATH) };
                    return Ok(respond::page(StatusCode::OK, &page, &CspSources::default()));
                }
            };
            let session = visit.open.session.sid_key;
            let name = person_name(&visit.account, visit.context.language);
            let asked = cabinet.passkeys.begin_adding(session, visit.person(), &name).await?;
            let asked =
                serde_json::to_string(&asked).map_err(|error| ServiceError::Internal(error.to_string()))?;
            let page = AddPage { frame: frame(visit), shell: Shell::of(visit, PATH), asked, waits };
            Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
        })
        .await
}

/// `POST /cabinet/passkeys/step-up`: the way to a further factor, and back to the page that adds a passkey.
pub(super) async fn step_up(cabinet: Data<Cabinet>, request: HttpRequest, body: Bytes) -> HttpResponse {
    cabinet
        .posted(&request, (ADD_PASSKEY, Proof::Session, &body), async |visit, _| {
            cabinet.first_party.step_up(&visit.context, ADD_PASSKEY, &visit.open, &STRONGER)
        })
        .await
}

/// `POST /cabinet/passkeys/add`: stores the passkey that was made.
pub(super) async fn added(cabinet: Data<Cabinet>, request: HttpRequest, body: Bytes) -> HttpResponse {
    cabinet
        .posted(&request, (ADD_PASSKEY, Proof::Fresh, &body), async |visit, form| {
            let on_a_code_alone = match standing(&cabinet, visit).await? {
                Standing::Stronger => false,
                Standing::CodeAlone => true,
                Standing::CouldDoMore => return Ok(respond::see_other(ADD_PASSKEY)),
            };
            let told = if on_a_code_alone {
                NewNotice::new(NoticeKind::PasskeyWaits).until(cabinet.passkeys.would_count_from(true))
            } else {
                NewNotice::new(NoticeKind::PasskeyAdded)
            };
            let session = &visit.open.session;
            let rests_on: Vec<&str> = classes(&visit.proved()).into_iter().map(Acr::name).collect();
            let adding = Adding {
                label: form.get("label").unwrap_or_default(),
                transports: form.get("transports").unwrap_or_default(),
                rests_on: &rests_on,
                on_a_code_alone,
                also: cabinet.inbox.rows(visit.person(), &told),
            };
            let who = (session.sid_key, visit.person());
            Ok(match cabinet.passkeys.added(who, adding, &Given::of(form)).await? {
                Added::Done => visit.done(PATH, "passkey_added"),
                Added::Refused | Added::TooMany => visit.done(PATH, "passkey_not_added"),
            })
        })
        .await
}

/// `POST /cabinet/passkeys/rename`: gives a passkey another name.
pub(super) async fn rename(cabinet: Data<Cabinet>, request: HttpRequest, body: Bytes) -> HttpResponse {
    cabinet
        .posted(&request, (PATH, Proof::Session, &body), async |visit, form| {
            let label = form.get("label").unwrap_or_default();
            let renamed = cabinet.passkeys.rename(visit.person(), &named(form), label).await?;
            Ok(visit.done(PATH, if renamed { "passkey_renamed" } else { "nothing" }))
        })
        .await
}

/// `POST /cabinet/passkeys/remove`: takes a passkey away, and ends the person's other sessions.
pub(super) async fn remove(cabinet: Data<Cabinet>, request: HttpRequest, body: Bytes) -> HttpResponse {
    cabinet
        .posted(&request, (PATH, Proof::Fresh, &body), async |visit, form| {
            if cabinet.passkeys.is_last(visit.person()).await? {
                return Ok(visit.done(PATH, "last_means"));
            }
            if cabinet.recoveries.passwords.open_recovery(visit.person()).await?.is_some() {
                return Ok(visit.done(PATH, "waits"));
            }
            let told = NewNotice::new(NoticeKind::PasskeyRemoved);
            let mut also = cabinet.inbox.rows(visit.person(), &told);
            let mut others = Others::of_former_means(&cabinet, visit).await?;
            also.extend(others.take_rows());
            if !cabinet.passkeys.remove(visit.person(), &named(form), also).await? {
                return Ok(visit.done(PATH, "nothing"));
            }
            others.have_ended(&cabinet).await;
            Ok(visit.done(PATH, "passkey_removed"))
        })
        .await
}

async fn standing(cabinet: &Cabinet, visit: &Visit<'_>) -> Result<Standing, ServiceError> {
    let reached = classes(&visit.proved());
    if reached.iter().any(|class| STRONGER.contains(class)) {
        return Ok(Standing::Stronger);
    }
    let more = cabinet.passkeys.has_stronger(visit.person()).await?;
    Ok(if more { Standing::CouldDoMore } else { Standing::CodeAlone })
}

fn named(form: &Params) -> MeansId {
    MeansId::stored(form.get("passkey").unwrap_or_default().to_owned())
}
