//! What registers are asked beside the page: the pre-check (clauses 14, 24; R34, R59) and the comparison of biometrics (R33, R57). Each
//! is a job of its own; its progress and its result are short-lived state, sealed, so that a page answers at once and any node can show
//! it. The material of biometrics stays in the memory of the job: kept is what was found, and under which reference.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::join4;
use serde::{Deserialize, Serialize};

use super::door::{Channel, Door};
use super::id::IdentificationId;
use super::identification::{Compared, Findings, Identification, Obstacle, Oddity};
use super::questionnaire::Questionnaire;
use super::{Discount, Identifications};
use crate::people::names;
use crate::people::{CivilDate, DataSet, Origin, Person, PersonName, PhoneNumber, Pinfl, Register};
use crate::platform::clock::Timestamp;
use crate::platform::ephemeral::{EphemeralKey, KeySpace, Unavailable};
use crate::registries::{
    self, AskedDocument, Asker, CivilRecord, DisabilityGroup, ErrorKind, FaceVerdict, FingerprintVerdict,
    PersonQuery, RegistryError, Residence, Subscriber, SubscriberState, Why,
};
use crate::staff::PlaceKind;

/// Seconds after which a job that says nothing is taken for lost with its node, and may be begun again: longer than registers take.
pub(super) const LOST: i64 = 60;

/// Progress and results of pre-checks and comparisons, and tries at codes.
pub const PRECHECKS: KeySpace = KeySpace::new(b'm', "pre-check of an identification");

/// How far a pre-check got.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precheck {
    /// It goes on.
    Running {
        /// Since when.
        since: Timestamp,
        /// How many answers came.
        done: u32,
        /// Of how many.
        of: u32,
    },
    /// All answers are there.
    Done(Box<Findings>),
    /// A register does not answer: it may be started again.
    Failed {
        /// Which one.
        register: String,
        /// When it failed.
        since: Timestamp,
    },
}

/// How far the comparison of biometrics got.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// It goes on.
    Running {
        /// Since when.
        since: Timestamp,
    },
    /// What was given was compared; what was not given is not there.
    Done {
        /// The face.
        face: Option<Compared>,
        /// The fingerprint.
        fingerprint: Option<Compared>,
    },
    /// The image shows no face that can be compared, or the template is none: another one may be taken.
    Unusable {
        /// Whether it is the face; otherwise the fingerprint.
        face: bool,
    },
    /// The register does not answer: it may be started again.
    Failed {
        /// When it failed.
        since: Timestamp,
    },
}

/// What is to be compared.
#[derive(Default)]
pub struct Material {
    /// An image of the face, as it was taken.
    pub face: Option<Vec<u8>>,
    /// A fingerprint: an image or a template of the reader.
    pub fingerprint: Option<Vec<u8>>,
}

impl Identifications {
    /// Begins to ask registers about an application, beside the page. One that goes on is not begun again.
    ///
    /// # Errors
    /// [`Unavailable`] when its progress cannot be kept.
    pub async fn start_precheck(&self, application: &Identification) -> Result<(), Unavailable> {
        let now = self.clock.now();
        if matches!(self.precheck(&application.id).await?, Some(Precheck::Running { .. })) {
            return Ok(());
        }
        let running = Precheck::Running { since: now, done: 0, of: asked(application) };
        self.keep(precheck_key(&application.id), &running).await?;
        let (own, application) = (self.clone(), application.clone());
        tokio::spawn(async move {
            let found = own.ask_registers(&application, now).await;
            if let Err(error) = own.keep(precheck_key(&application.id), &found).await {
                tracing::warn!(event = "identification.precheck_lost", %error, "what registers said was not kept");
            }
        });
        Ok(())
    }

    /// Begins to compare biometrics with those of the State Personalisation Centre, beside the page. The material is not stored.
    ///
    /// # Errors
    /// [`Unavailable`] when its progress cannot be kept.
    pub async fn start_comparison(
        &self,
        application: &Identification,
        material: Material,
    ) -> Result<(), Unavailable> {
        let running = Comparison::Running { since: self.clock.now() };
        self.keep(comparison_key(&application.id), &running).await?;
        let (own, application) = (self.clone(), application.clone());
        tokio::spawn(async move {
            let found = own.compare(&application, &material).await;
            if let Err(error) = own.keep(comparison_key(&application.id), &found).await {
                tracing::warn!(event = "identification.comparison_lost", %error, "a comparison was not kept");
            }
        });
        Ok(())
    }

    async fn keep<T: Serialize>(&self, key: EphemeralKey, value: &T) -> Result<(), Unavailable> {
        self.ephemeral.put(key, value, self.rules().precheck).await
    }

    /// Asks all of them at once, and tells how many have answered.
    async fn ask_registers(&self, application: &Identification, since: Timestamp) -> Precheck {
        let (asker, form) = (asker(application), &application.form);
        let (answered, of) = (Arc::new(AtomicU32::new(0)), asked(application));
        let progress = async || {
            let done = answered.fetch_add(1, Ordering::Relaxed) + 1;
            // Where it is not kept, the page shows less progress, and the same result.
            let _ = self.keep(precheck_key(&application.id), &Precheck::Running { since, done, of }).await;
        };
        let document = AskedDocument { kind: form.document, number: form.document_number.clone() };
        let query = PersonQuery::PinflAndDocument(form.pinfl.clone(), document.clone());
        let person = async {
            let answer = self.registries.person(&query, &asker).await;
            progress().await;
            answer
        };
        let subscriber = async {
            let answer = self.registries.subscriber(&form.number, &asker).await;
            progress().await;
            answer
        };
        let discount = async {
            if !has_discount(application) {
                return Ok(None);
            }
            let answer = discount(&self.registries, form, &document, &asker).await;
            progress().await;
            answer
        };
        let own = async {
            let standing = self.standing(application).await;
            progress().await;
            standing
        };
        let (person, subscriber, discount, own) = join4(person, subscriber, discount, own).await;
        let failed =
            |register: &str| Precheck::Failed { register: register.to_owned(), since: self.clock.now() };
        let record = match person {
            Ok(answer) => Some((answer.value, answer.as_of)),
            Err(error) if is_nobody(&error) => None,
            Err(error) => return failed(error.register.name()),
        };
        let subscriber = match subscriber {
            Ok(answer) => Some(answer.value),
            Err(RegistryError { kind: ErrorKind::NotFound, .. }) => None,
            Err(error) => return failed(error.register.name()),
        };
        let discount = match discount {
            Ok(discount) => discount,
            Err(error) => return failed(error.register.name()),
        };
        let Ok(own) = own else { return failed("yagona") };
        let now = self.clock.now();
        let (mut obstacles, mut oddities) = (Vec::new(), Vec::new());
        match &record {
            None => obstacles.push(Obstacle::NobodyFound),
            Some((record, _)) => look_at(record, form, CivilDate::of(now), (&mut obstacles, &mut oddities)),
        }
        obstacles.extend(of_number(subscriber.as_ref(), application));
        Precheck::Done(Box::new(Findings {
            record: record.map(|(record, as_of)| person_of(record, &form.pinfl, CivilDate::of(as_of))),
            obstacles,
            oddities,
            other_number: own.own.as_ref().filter(|_| own.changes_number()).map(PhoneNumber::masked),
            // Whoever has the number enrolled has it in their cabinet, too.
            other_cabinets: own.other_cabinets + u32::from(own.holder.is_some()),
            discount,
            operator: subscriber.map(|subscriber| subscriber.operator),
            at: now,
        }))
    }

    async fn compare(&self, application: &Identification, material: &Material) -> Comparison {
        let (asker, pinfl) = (asker(application), &application.form.pinfl);
        let failed = || Comparison::Failed { since: self.clock.now() };
        let at = self.clock.now();
        let mut face = None;
        if let Some(photo) = &material.face {
            let Ok(answer) = self.registries.face(pinfl, photo, &asker).await else { return failed() };
            let compared = |matched| Compared { matched, reference: answer.value.reference.clone(), at };
            face = match answer.value.verdict {
                FaceVerdict::Match => Some(compared(true)),
                FaceVerdict::NoMatch => Some(compared(false)),
                FaceVerdict::NoFace
                | FaceVerdict::SeveralFaces
                | FaceVerdict::PoorPhoto
                | FaceVerdict::NotAPhoto
                | FaceVerdict::NothingToCompare => return Comparison::Unusable { face: true },
            };
        }
        let mut fingerprint = None;
        if let Some(template) = &material.fingerprint {
            let Ok(answer) = self.registries.fingerprint(pinfl, template, &asker).await else {
                return failed();
            };
            let compared = |matched| Compared { matched, reference: answer.value.reference.clone(), at };
            fingerprint = match answer.value.verdict {
                FingerprintVerdict::Match => Some(compared(true)),
                FingerprintVerdict::NoMatch => Some(compared(false)),
                FingerprintVerdict::Poor
                | FingerprintVerdict::NotAFingerprint
                | FingerprintVerdict::NothingToCompare => return Comparison::Unusable { face: false },
            };
        }
        Comparison::Done { face, fingerprint }
    }
}

/// Where the result of a pre-check is kept.
pub(super) fn precheck_key(id: &IdentificationId) -> EphemeralKey {
    EphemeralKey::of(PRECHECKS, &format!("precheck {}", id.as_str()))
}

/// Where it is noted that billing knows the invoice.
pub(super) fn registered_key(id: &IdentificationId) -> EphemeralKey {
    EphemeralKey::of(PRECHECKS, &format!("registered {}", id.as_str()))
}

/// Where the result of a comparison is kept.
pub(super) fn comparison_key(id: &IdentificationId) -> EphemeralKey {
    EphemeralKey::of(PRECHECKS, &format!("comparison {}", id.as_str()))
}

/// A discount counts at a service centre alone (R14): nobody else's business is asked for.
const fn has_discount(application: &Identification) -> bool {
    matches!(application.channel(), Channel::Place(PlaceKind::ServiceCentre))
}

/// How many answers there are to be.
const fn asked(application: &Identification) -> u32 {
    if has_discount(application) { 4 } else { 3 }
}

/// Who asks: the member of staff, the app, or this provider for the person at their own pages.
fn asker(application: &Identification) -> Asker {
    let why = Why::Identification;
    let asker = match &application.door {
        Door::Place { staff, .. } => Asker::official(staff.as_str(), None, why),
        Door::App { client } => Asker::client(client.as_str(), why),
        Door::Web { .. } => Asker::provider(why),
    };
    if application.consents.is_empty() { asker } else { asker.with_consent() }
}

/// Whether a register says that there is nobody with this PINFL and this document.
const fn is_nobody(error: &RegistryError) -> bool {
    use registries::{Contradiction as C, ErrorKind as E};
    matches!(error.kind, E::NotFound | E::Contradiction(C::OtherPerson | C::OtherDocument))
}

async fn discount(
    registries: &registries::Registries,
    form: &Questionnaire,
    document: &AskedDocument,
    asker: &Asker,
) -> Result<Option<Discount>, RegistryError> {
    let found = registries.discount(&form.pinfl, Some(document), asker).await;
    if !found.applies()? {
        return Ok(None);
    }
    Ok(match (found.social_register, found.disability) {
        (Ok(true), _) => Some(Discount::SocialRegister),
        (_, Ok(Some(DisabilityGroup::First))) => Some(Discount::DisabilityFirst),
        (_, Ok(Some(DisabilityGroup::Second))) => Some(Discount::DisabilitySecond),
        _ => None,
    })
}

/// Holds a register's record against the form (R45, R47).
fn look_at(
    record: &CivilRecord,
    form: &Questionnaire,
    today: CivilDate,
    (obstacles, oddities): (&mut Vec<Obstacle>, &mut Vec<Oddity>),
) {
    if record.pinfl != form.pinfl {
        obstacles.push(Obstacle::NobodyFound);
    }
    if !record.alive {
        obstacles.push(Obstacle::Deceased);
    }
    let all = [&record.names.latin, &record.names.cyrillic, &record.names.english];
    if !all.into_iter().any(|name| same_name(name, &form.names)) {
        obstacles.push(Obstacle::OtherName);
    }
    let temporary = matches!(record.residence, Residence::Temporary);
    let citizen = form.category == super::PersonCategory::Citizen;
    let fits = citizen || temporary == form.category.is_temporary();
    if record.category() != form.category.citizenship() || !fits {
        obstacles.push(Obstacle::OtherCategory);
    }
    let known = record.documents.iter().find(|known| known.document.number == form.document_number);
    let in_force = known.is_none_or(|known| known.in_force);
    if record.document.number != form.document_number || record.document.kind != form.document || !in_force {
        obstacles.push(Obstacle::OtherDocument);
    } else if !record.document.is_valid_on(today) {
        oddities.push(Oddity::DocumentExpired);
    }
    for (odd, told) in [
        (registries::Oddity::SeveralPinfls, Oddity::SeveralPinfls),
        (registries::Oddity::WrongCheckDigit, Oddity::CheckDigit),
        (registries::Oddity::NoPatronymic, Oddity::NoPatronymic),
    ] {
        if record.is_odd(odd) {
            oddities.push(told);
        }
    }
}

/// Whether a name is the one of the form: in any script and spelling. A patronymic counts where both have one.
fn same_name(known: &PersonName, typed: &PersonName) -> bool {
    let same = |one: &str, other: &str| {
        !one.is_empty() && names::comparison_key(one) == names::comparison_key(other)
    };
    let patronymic = match (&known.patronymic, &typed.patronymic) {
        (Some(known), Some(typed)) => same(known, typed),
        _ => true,
    };
    same(&known.family, &typed.family) && same(&known.given, &typed.given) && patronymic
}

/// What the operator says of the number (R6, R54): whose it is, is no obstacle at a place (R30).
fn of_number(subscriber: Option<&Subscriber>, application: &Identification) -> Vec<Obstacle> {
    let Some(subscriber) = subscriber else { return vec![Obstacle::NumberUnknown] };
    let mut obstacles = match subscriber.state {
        SubscriberState::Active => Vec::new(),
        SubscriberState::NoBalance => vec![Obstacle::NoBalance],
        SubscriberState::Frozen => vec![Obstacle::NumberFrozen],
        SubscriberState::Returned => vec![Obstacle::NumberUnknown],
    };
    let own = subscriber.owner.as_ref() == Some(&application.form.pinfl);
    if application.channel() == Channel::Remote && !own {
        obstacles.push(Obstacle::OtherOwner);
    }
    obstacles
}

/// The record that an account is made of, of somebody who was asked for by this PINFL.
pub fn person_of(record: CivilRecord, pinfl: &Pinfl, day: CivilDate) -> Person {
    let source = match record.residence {
        Residence::Temporary => Register::InternalAffairs,
        Residence::Permanent => Register::PersonalisationCentre,
    };
    let origin = Origin { source, as_of: Some(day) };
    let mut sets = vec![
        DataSet::Name,
        DataSet::BirthDate,
        DataSet::Sex,
        DataSet::Citizenship,
        DataSet::Pinfl,
        DataSet::Document,
    ];
    sets.extend(record.birth_place.as_ref().map(|_| DataSet::BirthPlace));
    Person {
        pinfl: pinfl.clone(),
        names: record.names,
        birth_date: record.birth_date,
        sex: record.sex,
        citizenship: record.citizenship,
        document: record.document,
        address: None,
        birth_place: record.birth_place,
        temporary_address: None,
        tin: None,
        employment: None,
        identified_at: None,
        has_photo: false,
        origins: sets.into_iter().map(|set| (set, origin)).collect(),
    }
}

#[cfg(test)]
mod tests;
