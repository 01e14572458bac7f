//! What a desk began for somebody who came, and what registers say of it beside the page: short-lived state, sealed, of one member. A photo is
//! compared by the State Personalisation Centre as that of an identification is (R33); while the Centre does not answer, the walk waits and
//! nothing is lost.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use futures_util::future::join3;
use serde::{Deserialize, Serialize};

use super::account_form::Form;
use super::obstacle::{Obstacle, obstacles};
use super::shell::Shell;
use super::visit::{Right, Visit};
use super::{Desk, paths, words};
use crate::mobile_id::person_of;
use crate::people::{CivilDate, Person, Pinfl};
use crate::platform::clock::Timestamp;
use crate::platform::ephemeral::{EphemeralKey, KeySpace, Unavailable};
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::Frame;
use crate::platform::web::respond::{self, CspSources};
use crate::registries::{Asker, ErrorKind, FaceVerdict, PersonQuery, RegistryError, Why};
use crate::staff::{Acting, PlaceId, StaffId};

/// What desks began.
pub const DESK_WALKS: KeySpace = KeySpace::new(b'D', "what a desk began");

/// How long it lasts after its last step, in seconds.
const SECONDS: i64 = 1800;

/// Registers take at most so long; a check that says nothing for longer was lost with its node, in seconds.
const LOST: i64 = 60;

/// How often a page that waits asks again, in seconds.
const AGAIN: u32 = 2;

/// The name of a walk, in addresses; its paper is known by the reference that follows from it.
pub(super) type WalkId = crate::mobile_id::IdentificationId;

/// Something that was begun for somebody.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Walk {
    /// Where, and who began it: nobody else sees it.
    place: PlaceId,
    staff: StaffId,
    pinfl: String,
    /// The photo that was taken, by its name.
    pub(super) photo: String,
    /// What an account is opened on; none where a password is recovered.
    pub(super) form: Option<Form>,
    pub(super) state: State,
}

/// How far it got.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum State {
    /// Registers are being asked.
    Asking { since: Timestamp },
    /// One of them does not answer.
    Unanswered { register: String, since: Timestamp },
    /// They say that this cannot be.
    Stopped(Vec<Obstacle>),
    /// Nothing stands in the way.
    Clear(Box<Clear>),
    /// It was done.
    Done(Done),
}

/// What registers said, where nothing stands in the way.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Clear {
    /// By which name the Centre keeps its evidence; none where it has nothing to compare with.
    pub(super) compared: Option<String>,
    /// The member compared face and document by eye.
    pub(super) by_eye: bool,
    /// The record, of an account.
    pub(super) record: Option<Person>,
    /// The code that was sent to the number.
    pub(super) code: Option<Sent>,
}

/// What was done.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Done {
    /// An account was opened.
    Opened,
    /// An account was confirmed.
    Confirmed,
    /// Nothing: Mobile-ID confirms the person.
    Enrolled,
    /// Nothing: the account was closed because of a death.
    Closed,
    /// A temporary password was given on paper.
    Recovered,
}

/// A code that was sent to the number.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Sent {
    /// Its keyed digest, bound to its message, the number and the walk.
    pub(super) digest: String,
    pub(super) message_id: String,
    pub(super) sent_at: Timestamp,
    pub(super) expires_at: Timestamp,
}

/// Registers are asked, or say no.
#[derive(Template)]
#[template(path = "desk/check.html")]
struct CheckPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    title: &'static str,
    reference: String,
    running: bool,
    /// What does not answer, in words.
    failed: Option<String>,
    stopped: Vec<&'static str>,
    /// The form, where one begins anew.
    form: &'static str,
    again: String,
    here: String,
}

impl Walk {
    /// A new one, at the member's place.
    pub(super) fn new(acting: &Acting, pinfl: &Pinfl, photo: String, form: Option<Form>) -> Self {
        let state = State::Stopped(Vec::new());
        Self {
            place: acting.place.clone(),
            staff: acting.staff.clone(),
            pinfl: pinfl.digits().to_owned(),
            photo,
            form,
            state,
        }
    }

    /// The same, further on.
    pub(super) fn at(&self, state: State) -> Self {
        Self { state, ..self.clone() }
    }

    /// Whom it is about.
    pub(super) fn pinfl(&self) -> Result<Pinfl, ServiceError> {
        Pinfl::from_registry(&self.pinfl).map_err(|error| ServiceError::Internal(error.to_string()))
    }
}

impl Desk {
    /// What the member began under a name: an account, or a recovery.
    pub(super) async fn walk(
        &self,
        visit: &Visit<'_>,
        id: &str,
        account: bool,
    ) -> Result<Option<(WalkId, Walk)>, Unavailable> {
        let Some(id) = WalkId::parse(id) else { return Ok(None) };
        let found = self.openings.ephemeral.get::<Walk>(key(&id)).await?.map(|(walk, _)| walk);
        let acting = &visit.acting;
        let own = |walk: &Walk| walk.place == acting.place && walk.staff == acting.staff;
        let found = found.filter(|walk| own(walk) && walk.form.is_some() == account);
        Ok(found.map(|mut walk| {
            if let State::Asking { since } = walk.state
                && visit.now.since(since) > LOST
            {
                walk.state = State::Unanswered { register: String::new(), since };
            }
            (id, walk)
        }))
    }

    /// Keeps a walk as it is now.
    pub(super) async fn keep(&self, id: &WalkId, walk: &Walk) -> Result<(), Unavailable> {
        self.openings.ephemeral.put(key(id), walk, SECONDS).await
    }

    /// Keeps what the paper tells, until it is printed once.
    pub(super) async fn keep_for_paper(&self, id: &WalkId, secret: &str) -> Result<(), Unavailable> {
        self.openings.ephemeral.put(paper_key(id), &secret, SECONDS).await
    }

    /// What the paper tells, once.
    pub(super) async fn for_paper(&self, id: &WalkId) -> Result<Option<String>, Unavailable> {
        self.openings.ephemeral.take(paper_key(id)).await
    }

    /// Begins to ask registers beside the page, with the photo that was taken.
    ///
    /// # Errors
    /// [`Unavailable`] when that cannot be kept; then none is asked.
    pub(super) async fn start(
        &self,
        visit: &Visit<'_>,
        (id, mut walk): (WalkId, Walk),
        photo: Vec<u8>,
    ) -> Result<(), Unavailable> {
        walk.state = State::Asking { since: self.clock.now() };
        self.keep(&id, &walk).await?;
        let why = if walk.form.is_some() { Why::Registration } else { Why::Recovery };
        let asker = Asker::official(visit.acting.staff.as_str(), None, why).with_consent();
        let own = self.clone();
        tokio::spawn(async move {
            walk.state = own.asked(&walk, &photo, &asker).await;
            if let Err(error) = own.keep(&id, &walk).await {
                tracing::warn!(event = "desk.check_lost", %error, "what registers said was not kept");
            }
        });
        Ok(())
    }

    /// `POST …/{id}/check`: asks once more, after a register did not answer.
    pub(super) async fn ask_again(
        &self,
        request: &HttpRequest,
        (form, right): (&str, Right),
        (id, body): (&str, &[u8]),
    ) -> HttpResponse {
        let from = format!("{form}/{id}");
        self.posted(request, (&from, right, body), async |visit, _| {
            let Some(found) = self.walk(visit, id, form == paths::ACCOUNTS).await? else {
                return Ok(visit.nothing());
            };
            self.start_again(visit, found).await?;
            Ok(respond::see_other(&from))
        })
        .await
    }

    /// Asks once more, with the photo that is kept.
    async fn start_again(&self, visit: &Visit<'_>, (id, walk): (WalkId, Walk)) -> Result<(), ServiceError> {
        if let State::Unanswered { .. } = walk.state
            && let Some(photo) = self.staff.kept_photo(&walk.photo).await?
        {
            self.start(visit, (id, walk), photo).await?;
        }
        Ok(())
    }

    async fn asked(&self, walk: &Walk, photo: &[u8], asker: &Asker) -> State {
        self.ask(walk, photo, asker).await.unwrap_or_else(|error| {
            let register = match error {
                Unasked::Register(error) => error.register.name().to_owned(),
                Unasked::Own => "yagona".to_owned(),
            };
            State::Unanswered { register, since: self.clock.now() }
        })
    }

    async fn ask(&self, walk: &Walk, photo: &[u8], asker: &Asker) -> Result<State, Unasked> {
        let pinfl = walk.pinfl().map_err(|_| Unasked::Own)?;
        let Some(form) = &walk.form else {
            return Ok(match self.face(&pinfl, photo, asker).await? {
                Ok(compared) => clear(compared, None),
                Err(obstacle) => State::Stopped(vec![obstacle]),
            });
        };
        let registries = self.identifications.registries();
        let asked = form.asked().ok_or(Unasked::Own)?;
        let query = PersonQuery::PinflAndDocument(pinfl.clone(), asked);
        let subscriber = async {
            match form.number() {
                Some(number) => Some(registries.subscriber(&number, asker).await),
                None => None,
            }
        };
        let asked = join3(registries.person(&query, asker), subscriber, self.face(&pinfl, photo, asker));
        let (person, subscriber, face) = asked.await;
        let person = match person {
            Ok(answer) => Some((answer.value, answer.as_of)),
            Err(error) if error.is_nobody() => None,
            Err(error) => return Err(error.into()),
        };
        let subscriber = match subscriber {
            Some(Ok(answer)) => Some(answer.value),
            Some(Err(RegistryError { kind: ErrorKind::NotFound, .. })) | None => None,
            Some(Err(error)) => return Err(error.into()),
        };
        let mut found =
            obstacles(form, &pinfl, person.as_ref().map(|(record, _)| record), subscriber.as_ref());
        let people = &self.openings.life_events.people;
        if let Some(number) = form.number()
            && people.is_anothers(&number, &pinfl).await.map_err(|_| Unasked::Own)?
        {
            found.push(Obstacle::NumberElsewhere);
        }
        let Some((record, as_of)) = person.filter(|_| found.is_empty()) else {
            return Ok(State::Stopped(found));
        };
        Ok(match face? {
            Ok(compared) => clear(compared, Some(person_of(record, &pinfl, CivilDate::of(as_of)))),
            Err(obstacle) => State::Stopped(vec![obstacle]),
        })
    }

    /// Compares the face: by which name the Centre keeps its evidence, where it is the person's; nothing where it has none to compare with.
    async fn face(
        &self,
        pinfl: &Pinfl,
        photo: &[u8],
        asker: &Asker,
    ) -> Result<Result<Option<String>, Obstacle>, RegistryError> {
        let answer = match self.identifications.registries().face(pinfl, photo, asker).await {
            Ok(answer) => answer.value,
            Err(RegistryError { kind: ErrorKind::NotFound, .. }) => return Ok(Ok(None)),
            Err(error) => return Err(error),
        };
        Ok(match answer.verdict {
            FaceVerdict::Match => Ok(Some(answer.reference)),
            FaceVerdict::NoMatch => Err(Obstacle::OtherFace),
            FaceVerdict::NothingToCompare => Ok(None),
            FaceVerdict::NoFace
            | FaceVerdict::SeveralFaces
            | FaceVerdict::PoorPhoto
            | FaceVerdict::NotAPhoto => Err(Obstacle::NoFace),
        })
    }
}

/// What kept registers from being asked to the end.
enum Unasked {
    Register(RegistryError),
    Own,
}

impl From<RegistryError> for Unasked {
    fn from(error: RegistryError) -> Self {
        Self::Register(error)
    }
}

fn clear(compared: Option<String>, record: Option<Person>) -> State {
    State::Clear(Box::new(Clear { compared, by_eye: false, record, code: None }))
}

/// The page of a walk as long as registers are asked, or say no.
pub(super) fn check_page(
    visit: &Visit<'_>,
    (id, walk): (&WalkId, &Walk),
    (title, form): (&'static str, &'static str),
) -> HttpResponse {
    let text = visit.context.text();
    let running = matches!(walk.state, State::Asking { .. });
    let failed = match &walk.state {
        State::Unanswered { register, since } => {
            let since = words::moment(visit, *since);
            Some(text.with("desk.precheck_failed", &[("register", register), ("when", &since)]))
        }
        _ => None,
    };
    let stopped = match &walk.state {
        State::Stopped(obstacles) => obstacles.iter().map(|obstacle| obstacle.words(text)).collect(),
        _ => Vec::new(),
    };
    let shell = Shell::of(visit, form);
    let page = CheckPage {
        frame: visit.frame(),
        shell: if running { shell.again_in(AGAIN) } else { shell },
        title,
        reference: id.reference().to_string(),
        running,
        failed,
        stopped,
        form,
        again: format!("{}/check", walk_path(form, id)),
        here: walk_path(form, id),
    };
    respond::page(StatusCode::OK, &page, &CspSources::default())
}

/// Where a walk is.
pub(super) fn walk_path(form: &str, id: &WalkId) -> String {
    format!("{form}/{}", id.as_str())
}

/// Where the tries at a code are counted.
pub(super) fn tries(message: &str) -> EphemeralKey {
    EphemeralKey::of(DESK_WALKS, &format!("tries {message}"))
}

fn key(id: &WalkId) -> EphemeralKey {
    EphemeralKey::of(DESK_WALKS, &format!("walk {}", id.as_str()))
}

fn paper_key(id: &WalkId) -> EphemeralKey {
    EphemeralKey::of(DESK_WALKS, &format!("paper {}", id.as_str()))
}
