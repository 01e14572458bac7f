//! A contract: what services of an institution may have.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::institution::{Institution, InstitutionKind};
use super::suspension::Suspension;
use super::words::Words;
use crate::clients::{Basis, ClientId, Localized, Permission};
use crate::people::{CivilDate, DataSet};
use crate::platform::clock::Timestamp;

/// Ways to data that only a contract that names them opens: a closed list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Right {
    /// To ask people who are not at the service's site (CIBA).
    Ciba,
    /// To ask for data by the back-office interface.
    DataApi,
    /// To ask whether a number is a person's Mobile-ID.
    Verification,
    /// To have applications confirmed.
    Applications,
}

impl Right {
    /// All that there are.
    pub const ALL: [Self; 4] = [Self::Ciba, Self::DataApi, Self::Verification, Self::Applications];

    /// Its word in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ciba => "ciba",
            Self::DataApi => "data_api",
            Self::Verification => "verification",
            Self::Applications => "applications",
        }
    }
}

/// Whether the institution pays (R99).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Payment {
    /// A state body: nothing.
    Free,
    /// Anybody else: by use.
    Paid,
}

impl Payment {
    /// What institutions of a kind pay.
    pub const fn of(kind: InstitutionKind) -> Self {
        match kind {
            InstitutionKind::State => Self::Free,
            _ => Self::Paid,
        }
    }

    /// Its word in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Paid => "paid",
        }
    }
}

/// A purpose that data may be asked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Purpose(pub Words);

/// A contract, as a file has it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractDocument {
    /// Its identifier: as that of a client.
    pub id: String,
    /// Whose it is.
    pub institution: String,
    /// The law or agreement with its number and date, as people read it.
    pub reference: Words,
    /// The article of law, for the basis `statutory`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub article: Option<Words>,
    /// `consent`, or `statutory` where a law lets a state body have the data.
    #[serde(default = "by_consent")]
    pub basis: Basis,
    /// What data may be asked for; whatever services say when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub purposes: Vec<Purpose>,
    /// Data that may be asked for.
    pub data_sets: BTreeSet<DataSet>,
    /// The first day, in Tashkent.
    pub from: CivilDate,
    /// The last day; without one it has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<CivilDate>,
    /// The most releases of data in a day, for all services under it together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub releases_per_day: Option<u32>,
    /// The most in a month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub releases_per_month: Option<u32>,
    /// Whether its services are in lending (R3, D-a).
    #[serde(default)]
    pub lending: bool,
    /// `code`, or `click` where a button is enough for a release (D-p).
    #[serde(default = "by_code")]
    pub permission: Permission,
    /// The least age in whole years (D-s).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_age: Option<u8>,
    /// Whether the person's document must be valid (D-t).
    #[serde(default)]
    pub valid_document: bool,
    /// What it opens besides signing in.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub allows: BTreeSet<Right>,
    /// `free` or `paid`; follows from the institution's kind when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<Payment>,
}

const fn by_consent() -> Basis {
    Basis::Consent
}

const fn by_code() -> Permission {
    Permission::Code
}

/// The first moment of a day in Uzbekistan (UTC+5 all year).
fn begin_of(day: CivilDate) -> Timestamp {
    Timestamp(day.to_date().midnight().as_utc().unix_timestamp() - 5 * 3600)
}

impl ContractDocument {
    /// Everything that is wrong with it, as `member: what is wrong`.
    pub(super) fn faults(&self, institution: Option<&Institution>) -> Vec<String> {
        let mut faults = Vec::new();
        let mut add = |member: &str, why: &str| faults.push(format!("{member}: {why}"));
        if ClientId::parse(&self.id).is_none() {
            add("id", "1 to 64 letters, digits, `-`, `.`, `_` or `~`");
        }
        if let Some(why) = self.reference.fault() {
            add("reference", why);
        }
        if let Some(why) = self.article.as_ref().and_then(Words::fault) {
            add("article", why);
        }
        if let Some(why) = self.purposes.iter().find_map(|purpose| purpose.0.fault()) {
            add("purposes", why);
        }
        if self.until.is_some_and(|until| until < self.from) {
            add("until", "the last day is before the first one");
        }
        if self.minimum_age.is_some_and(|years| !(1..=100).contains(&years)) {
            add("minimum_age", "1 to 100 years");
        }
        for (member, quota) in
            [("releases_per_day", self.releases_per_day), ("releases_per_month", self.releases_per_month)]
        {
            if quota == Some(0) {
                add(member, "a positive whole number; without one there is no limit");
            }
        }
        match institution {
            None => add("institution", "there is no such institution: `yagona institution list` shows them"),
            Some(institution) => {
                if self.basis == Basis::Statutory && institution.kind != InstitutionKind::State {
                    add("basis", "`statutory` is for state bodies: others ask people (`consent`)");
                }
                if self.payment.is_some_and(|payment| payment != Payment::of(institution.kind)) {
                    add(
                        "payment",
                        "`free` is for state bodies, and only for them (resolution 679, clause 3)",
                    );
                }
            }
        }
        if self.basis == Basis::Statutory && self.article.is_none() {
            add("article", "`statutory` needs the article of the law that lets the body have the data");
        }
        faults
    }
}

/// A contract on record, with its institution.
#[derive(Clone, Debug)]
pub struct Contract {
    /// What it says.
    pub document: ContractDocument,
    /// Whose it is.
    pub institution: Institution,
    /// Since when it is over because an operator ended it.
    pub ended_at: Option<Timestamp>,
    /// When this version was recorded.
    pub recorded_at: Timestamp,
    /// Its version, counted from 1.
    pub version: i64,
    /// What was ended of that which people had agreed to (the table's column).
    pub(super) cleared: i64,
    /// Whether the words of a registration stand where it has none: the built-in one of the sandbox.
    pub(super) built_in: bool,
}

impl Contract {
    /// Its identifier.
    pub fn id(&self) -> &str {
        &self.document.id
    }

    /// When its period begins.
    pub fn begins(&self) -> Timestamp {
        begin_of(self.document.from)
    }

    /// When it is over (exclusive), if that is known.
    pub fn ends(&self) -> Option<Timestamp> {
        let expires = self.document.until.map(|day| begin_of(day).plus(86_400));
        [expires, self.ended_at].into_iter().flatten().min()
    }

    /// Why it is not in force at `now`; nothing when it is.
    pub fn suspension(&self, now: Timestamp) -> Option<Suspension> {
        if self.ended_at.is_some_and(|ended| ended <= now) {
            return Some(Suspension::Ended);
        }
        if now < self.begins() {
            return Some(Suspension::NotBegun);
        }
        self.ends().is_some_and(|end| end <= now).then_some(Suspension::Expired)
    }

    /// Whether it is over for good at `now`, so that what people agreed to under it ends.
    pub fn is_over(&self, now: Timestamp) -> bool {
        matches!(self.suspension(now), Some(Suspension::Expired | Suspension::Ended))
    }

    /// Whether what people agreed to was not yet held against this version, or its end.
    pub fn is_uncleared(&self, now: Timestamp) -> bool {
        !self.built_in && self.cleared < if self.is_over(now) { 2 } else { 1 }
    }

    /// Whether a law lets its services have data.
    pub(super) fn allows_statutory(&self) -> bool {
        self.document.basis == Basis::Statutory && self.institution.kind == InstitutionKind::State
    }

    /// Whether data may be asked for `purpose`.
    pub fn allows_purpose(&self, purpose: &str) -> bool {
        let purposes = &self.document.purposes;
        purposes.is_empty() || purposes.iter().any(|own| own.0.says(purpose))
    }

    /// Whether data may be asked for a registration's purpose: each of its texts is one of the same purpose.
    pub fn allows_purposes(&self, purpose: &Localized) -> bool {
        let purposes = &self.document.purposes;
        purposes.is_empty() || purposes.iter().any(|own| purpose.texts().all(|text| own.0.says(text)))
    }

    /// Whether it says what data may be asked for at all; otherwise that is for services to say.
    pub fn names_purposes(&self) -> bool {
        !self.document.purposes.is_empty()
    }

    /// The law or agreement that data rest on, as people read it.
    pub(super) fn words(&self, basis: Basis) -> Option<Localized> {
        if self.built_in {
            return None;
        }
        let article = self.document.article.as_ref().filter(|_| basis == Basis::Statutory);
        Some(article.unwrap_or(&self.document.reference).localized())
    }

    /// Whether it opens one of the ways besides signing in.
    pub fn allows(&self, right: Right) -> bool {
        self.document.allows.contains(&right)
    }

    /// Whether it lets a service keep what a person once agreed to: these data sets, for these purposes of their own, by that
    /// basis and permission.
    pub fn covers(
        &self,
        sets: &BTreeSet<DataSet>,
        mut purposes: impl Iterator<Item = impl AsRef<str>>,
        (statutory, by_click): (bool, bool),
    ) -> bool {
        let own = &self.document;
        sets.is_subset(&own.data_sets)
            && purposes.all(|purpose| self.allows_purpose(purpose.as_ref()))
            && (!statutory || self.allows_statutory())
            && (!by_click || sets.is_empty() || own.permission == Permission::Click)
    }
}
