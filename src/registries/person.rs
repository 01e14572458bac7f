//! Persons and their documents: the State Personalisation Centre's services, and for foreigners without permit the Ministry of
//! Internal Affairs' (679 A3-1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::error::{Contradiction, ErrorKind, RegisterName, RegistryError};
use super::line::{Line, Repeat};
use super::query::{AskedDocument, PersonQuery};
use super::wire::{self, Flag, Heard};
use super::{Answer, Asker, Registries, countries, oddity::Oddity};
use crate::people::{
    BirthDate, BirthPlace, Category, CivilDate, Document, DocumentKind, DocumentNumber, PersonName,
    PersonNames, Photo, Pinfl, Sex,
};

/// A person as a register has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CivilRecord {
    /// The PINFL in force.
    pub pinfl: Pinfl,
    /// Others that the person has or had.
    pub other_pinfls: Vec<Pinfl>,
    /// Names in both scripts and as in travel documents. Where the register has not all of them, the Latin form stands in and
    /// [`Oddity`] says so.
    pub names: PersonNames,
    /// Birth date.
    pub birth_date: BirthDate,
    /// Place of birth, if its country is known.
    pub birth_place: Option<BirthPlace>,
    /// Sex.
    pub sex: Sex,
    /// Citizenship, ISO 3166-1 alpha-2; `XX` for none, `ZZ` for one that is not known here ([`Oddity::UnknownCitizenship`]).
    pub citizenship: String,
    /// How long a person who is no citizen may stay.
    pub residence: Residence,
    /// The document that was asked by, else the current one.
    pub document: Document,
    /// All documents that identification may accept, with whether they are in force.
    pub documents: Vec<KnownDocument>,
    /// The photo, if there is one that can be used.
    pub photo: Option<Photo>,
    /// Whether no death is recorded.
    pub alive: bool,
    /// What is odd about the record, each once.
    pub oddities: Vec<Oddity>,
}

/// For how long somebody may stay in the country (479 A2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Residence {
    /// For good: citizens, and who has a residence permit or an ID-card.
    Permanent,
    /// For a time.
    Temporary,
}

/// A document, and whether the register says that it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDocument {
    /// The document.
    pub document: Document,
    /// Whether it is in force; its dates are a matter of their own.
    pub in_force: bool,
}

/// What a document is to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShownBy {
    /// One by which they are known.
    Theirs,
    /// One that was theirs and is no longer in force.
    Ended,
    /// None of theirs.
    Another,
}

impl CivilRecord {
    /// The category that annex 2 of resolution 479 gives documents to.
    pub fn category(&self) -> Category {
        Category::of(&self.citizenship)
    }

    /// What a document proves of the person. Foreigners have another one by now than the one with which the PINFL was obtained (R116), so theirs
    /// need not be in force.
    pub fn shown_by(&self, kind: DocumentKind, number: &DocumentNumber) -> ShownBy {
        let named = self.documents.iter().find(|known| known.document.number == *number);
        let same = self.document.number == *number && self.document.kind == kind;
        if self.category() != Category::Citizen {
            return if same || named.is_some() { ShownBy::Theirs } else { ShownBy::Another };
        }
        match named {
            Some(named) if !named.in_force => ShownBy::Ended,
            _ if same => ShownBy::Theirs,
            _ => ShownBy::Another,
        }
    }

    /// Whether the record has this oddity.
    pub fn is_odd(&self, oddity: Oddity) -> bool {
        self.oddities.contains(&oddity)
    }
}

const FLAGS: [Flag; 1] = [Flag("result", &["1"])];
/// A citizenship that is not known here: a code that ISO 3166-1 leaves free.
const UNKNOWN: &str = "ZZ";
/// The longest photo in an answer, in characters of Base64.
const LONGEST_PHOTO: usize = 700_000;
/// A document in force.
const IN_FORCE: &str = "2";

impl Registries {
    /// A person, by what annex 3 lets one ask by (R109, R110). Foreigners and stateless persons without permit are asked for at the
    /// Ministry of Internal Affairs: at once where the document says it, else where the Personalisation Centre does not know them.
    ///
    /// # Errors
    /// [`RegistryError`]; a record of somebody else than was asked for is a contradiction.
    pub async fn person(
        &self,
        query: &PersonQuery,
        asker: &Asker,
    ) -> Result<Answer<CivilRecord>, RegistryError> {
        let interior = RegisterName::Interior;
        let foreign = query.document().map(|document| is_foreign(document.kind));
        if foreign == Some(true) {
            return self.person_at(interior, query, asker).await;
        }
        let found = self.person_at(RegisterName::Personalisation, query, asker).await;
        let unknown = matches!(&found, Err(RegistryError { kind: ErrorKind::NotFound, .. }));
        if unknown && foreign.is_none() && self.is_connected(interior) {
            return self.person_at(interior, query, asker).await;
        }
        found
    }

    /// [`Registries::person`] at the Personalisation Centre alone, for a check; what it answers is dropped.
    pub(super) async fn person_of_centre(
        &self,
        query: &PersonQuery,
        asker: &Asker,
    ) -> Result<(), RegistryError> {
        self.person_at(RegisterName::Personalisation, query, asker).await.map(drop)
    }

    async fn person_at(
        &self,
        register: RegisterName,
        query: &PersonQuery,
        asker: &Asker,
    ) -> Result<Answer<CivilRecord>, RegistryError> {
        let line = self.line(register)?;
        let (path, body) = self.question(register, query, asker)?;
        let read = |heard: &Heard| read(heard, query, register);
        let question = question_of(query);
        let question: Vec<&str> = question.iter().map(String::as_str).collect();
        self.ask(line, asker, &question, ask(line, path, body), read).await
    }

    /// Path and body of a question.
    fn question(
        &self,
        register: RegisterName,
        query: &PersonQuery,
        asker: &Asker,
    ) -> Result<(&'static str, Value), RegistryError> {
        let mut body = json!({
            "transaction_id": 1,
            "is_consent": asker.flag(),
            "sender_pinfl": self.sender(asker),
            "langId": 1,
            "is_photo": "Y",
            "Sender": "M",
        });
        let mut set = |name: &str, value: &str| body[name] = Value::from(value);
        let path = match query {
            PersonQuery::DocumentAndBirthDate(document, born) => {
                set("document", document.number.as_str());
                set("birth_date", &born.to_string());
                "/gcp/birthdaterest/v1"
            }
            PersonQuery::PinflAndDocument(pinfl, document) => {
                set("pinpp", pinfl.digits());
                set("document", document.number.as_str());
                "/gcp/docrest/v1"
            }
            PersonQuery::Pinfl(pinfl) => {
                set("pinpp", pinfl.digits());
                // The service wants the birth date as well, which a PINFL of the present rules carries.
                match (pinfl.birth_date(), register) {
                    (Some(born), _) => set("birth_date", &born.to_string()),
                    (None, RegisterName::Interior) => {}
                    (None, _) => return Err(RegistryError::new(register, ErrorKind::Refused)),
                }
                "/gcp/rest/v1"
            }
        };
        let path = if register == RegisterName::Interior { "/mvd/services/foreigner/v1" } else { path };
        Ok((path, body))
    }
}

async fn ask(line: &Line, path: &'static str, body: Value) -> Result<Heard, RegistryError> {
    line.post(path, body, Repeat::May).await
}

/// Whether only people without permit have such documents.
const fn is_foreign(kind: DocumentKind) -> bool {
    matches!(kind, DocumentKind::NationalPassport | DocumentKind::TravelDocument)
}

fn question_of(query: &PersonQuery) -> Vec<String> {
    let document =
        |document: &AskedDocument| [document.kind.name().to_owned(), document.number.as_str().to_owned()];
    let mut parts = vec!["person".to_owned()];
    match query {
        PersonQuery::Pinfl(pinfl) => parts.push(pinfl.digits().to_owned()),
        PersonQuery::PinflAndDocument(pinfl, asked) => {
            parts.push(pinfl.digits().to_owned());
            parts.extend(document(asked));
        }
        PersonQuery::DocumentAndBirthDate(asked, born) => {
            parts.push(born.to_string());
            parts.extend(document(asked));
        }
    }
    parts
}

/// Reads an answer about a person, and holds it against the question.
pub(super) fn read(
    heard: &Heard,
    query: &PersonQuery,
    register: RegisterName,
) -> Result<CivilRecord, ErrorKind> {
    let (data, flagged) = wire::judged(heard, &FLAGS, &["Data"])?;
    let entries: Vec<&Value> = match data {
        Value::Array(entries) => entries.iter().filter(|entry| entry.is_object()).collect(),
        one => vec![one],
    };
    let mut odd = Vec::new();
    if !flagged {
        odd.push(Oddity::NoFlag);
    }
    if entries.len() > 1 {
        odd.push(Oddity::SeveralRecords);
    }
    let mut wrong = ErrorKind::Contradiction(Contradiction::Form);
    for entry in entries {
        let mut found = odd.clone();
        match entry_of(entry, query, register, &mut found) {
            Ok(record) => return Ok(CivilRecord { oddities: each_once(found), ..record }),
            Err(kind) => wrong = kind,
        }
    }
    Err(wrong)
}

fn each_once(mut oddities: Vec<Oddity>) -> Vec<Oddity> {
    oddities.sort_unstable();
    oddities.dedup();
    oddities
}

/// The record of one entry; its oddities are added to `odd`.
fn entry_of(
    entry: &Value,
    query: &PersonQuery,
    register: RegisterName,
    odd: &mut Vec<Oddity>,
) -> Result<CivilRecord, ErrorKind> {
    const FORM: ErrorKind = ErrorKind::Contradiction(Contradiction::Form);
    let (pinfl, other_pinfls) = pinfls(entry, query, odd)?;
    let birth_date = wire::day(entry, "birth_date").ok_or(FORM)?;
    if let PersonQuery::DocumentAndBirthDate(_, asked) = query
        && *asked != birth_date
    {
        return Err(ErrorKind::Contradiction(Contradiction::BirthDate));
    }
    let sex = match wire::text(entry, "sex").as_deref() {
        Some("1" | "M" | "m") => Sex::Male,
        Some("2" | "F" | "f") => Sex::Female,
        _ => pinfl.sex().ok_or(FORM)?,
    };
    let names = names(entry, odd).ok_or(FORM)?;
    let country = |name: &str| {
        let number = wire::text(entry, &format!("{name}id"));
        countries::code(wire::text(entry, name).as_deref(), number.as_deref())
    };
    let citizenship = country("citizenship").unwrap_or_else(|| {
        odd.push(Oddity::UnknownCitizenship);
        UNKNOWN
    });
    let documents = documents(entry, odd);
    let document = document(entry, query, &documents, odd)?;
    let permanent = |known: &KnownDocument| {
        let kind = known.document.kind;
        known.in_force && matches!(kind, DocumentKind::ResidencePermit | DocumentKind::IdCard)
    };
    let residence = if Category::of(citizenship) == Category::Citizen || documents.iter().any(permanent) {
        Residence::Permanent
    } else {
        Residence::Temporary
    };
    if !pinfl.checksum_ok() {
        odd.push(Oddity::WrongCheckDigit);
    }
    if pinfl.birth_date().is_some_and(|date| date != birth_date) {
        odd.push(Oddity::OtherBirthDateInPinfl);
    }
    if pinfl.sex().is_some_and(|other| other != sex) {
        odd.push(Oddity::OtherSexInPinfl);
    }
    let alive = match wire::text(entry, "livestatus").as_deref() {
        Some("1") => true,
        Some(_) => false,
        // Annex 3 lists no death record for foreigners without permit.
        None => {
            if register == RegisterName::Personalisation {
                odd.push(Oddity::LifeUnsaid);
            }
            true
        }
    };
    let birth_place = country("birthcountry").map(|country| BirthPlace {
        country: country.to_owned(),
        region: None,
        locality: wire::text(entry, "birthplace"),
    });
    Ok(CivilRecord {
        other_pinfls,
        names,
        birth_date,
        birth_place,
        sex,
        citizenship: citizenship.to_owned(),
        residence,
        document,
        photo: photo(entry, odd),
        alive,
        oddities: Vec::new(),
        documents,
        pinfl,
    })
}

/// The PINFL in force and the others; the one that was asked by must be among them.
fn pinfls(
    entry: &Value,
    query: &PersonQuery,
    odd: &mut Vec<Oddity>,
) -> Result<(Pinfl, Vec<Pinfl>), ErrorKind> {
    let read = |text: String| Pinfl::from_registry(&text).ok();
    let mut all: Vec<Pinfl> = match wire::member(entry, "pinpps") {
        Some(Value::Array(items)) => items.iter().filter_map(wire::plain).filter_map(read).collect(),
        // One, or several with something between them.
        Some(one) => wire::plain(one)
            .unwrap_or_default()
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|part| Pinfl::from_registry(part).ok())
            .collect(),
        None => Vec::new(),
    };
    let current = ["current_pinpp", "pinpp"].iter().find_map(|name| wire::text(entry, name)).and_then(read);
    let current = current.or_else(|| all.first().cloned());
    let current = current.ok_or(ErrorKind::Contradiction(Contradiction::Form))?;
    let asked_is_known = query.pinfl().is_none_or(|asked| *asked == current || all.contains(asked));
    if !asked_is_known {
        return Err(ErrorKind::Contradiction(Contradiction::OtherPerson));
    }
    all.retain(|pinfl| *pinfl != current);
    if !all.is_empty() {
        odd.push(Oddity::SeveralPinfls);
    }
    Ok((current, all))
}

fn names(entry: &Value, odd: &mut Vec<Oddity>) -> Option<PersonNames> {
    let text = |names: &[&str]| names.iter().find_map(|name| wire::text(entry, name));
    let patronymic = text(&["patronymlat", "patronymlatin"]);
    let latin = PersonName::from_registry(
        &text(&["surnamelat", "surnamelatin"])?,
        &text(&["namelat", "namelatin"])?,
        patronymic.as_deref(),
    );
    if latin.family.is_empty() && latin.given.is_empty() {
        return None;
    }
    if latin.patronymic.is_none() {
        odd.push(Oddity::NoPatronymic);
    }
    let cyrillic = match (text(&["surnamecyr"]), text(&["namecyr"])) {
        (Some(family), Some(given)) => {
            PersonName::from_registry(&family, &given, text(&["patronymcyr"]).as_deref())
        }
        _ => {
            odd.push(Oddity::NoCyrillicName);
            latin.clone()
        }
    };
    let english = match (text(&["engsurname"]), text(&["engname"])) {
        (Some(family), Some(given)) => PersonName::from_registry(&family, &given, None),
        _ => {
            odd.push(Oddity::NoEnglishName);
            PersonName { patronymic: None, ..latin.clone() }
        }
    };
    Some(PersonNames { latin, cyrillic, english })
}

/// The kind of a document by the register's word for it; `Err` for kinds that identification does not accept.
fn kind(word: &str) -> Option<Result<DocumentKind, ()>> {
    Some(Ok(match word {
        "IDMS_RECV_CITIZ_DOCUMENTS" => DocumentKind::BiometricPassport,
        "IDMS_RECV_IP_DOCUMENTS" => DocumentKind::ForeignTravelPassport,
        "IDMS_RECV_MVD_IDCARD_CITIZEN" | "IDMS_RECV_MVD_IDCARD_FOREIGN" | "IDMS_RECV_MVD_IDCARD_LBG" => {
            DocumentKind::IdCard
        }
        "IDMS_RECV_LBG_DOCUMENTS" => DocumentKind::TravelDocument,
        // Words of our own, where none is known.
        "DRIVING_LICENCE" => DocumentKind::DrivingLicence,
        "RESIDENCE_PERMIT" => DocumentKind::ResidencePermit,
        "NATIONAL_PASSPORT" => DocumentKind::NationalPassport,
        "IDMS_RECV_MVD_IDCARD_NEWBORN" | "IDMS_RECV_MJ_BIRTH_CERTS" => return Some(Err(())),
        _ => return None,
    }))
}

fn documents(entry: &Value, odd: &mut Vec<Oddity>) -> Vec<KnownDocument> {
    let listed = wire::member(entry, "documents").and_then(Value::as_array);
    let mut known = Vec::new();
    for item in listed.into_iter().flatten().take(64) {
        let kind = match wire::text(item, "type").as_deref().map(kind) {
            Some(Some(Ok(kind))) => kind,
            Some(Some(Err(()))) => continue,
            _ => {
                odd.push(Oddity::UnknownDocument);
                continue;
            }
        };
        let number = ["document", "number"].iter().find_map(|name| wire::text(item, name));
        let number = number.and_then(|text| DocumentNumber::parse(kind, &text).ok());
        let (Some(number), Some(issued_on)) = (number, wire::day(item, "datebegin")) else {
            odd.push(Oddity::UnknownDocument);
            continue;
        };
        // A document without an end is one of before there were ends.
        let expires_on = wire::day(item, "dateend").or_else(|| CivilDate::new(9999, 12, 31));
        let Some(expires_on) = expires_on else { continue };
        let issuer = wire::text(item, "docgiveplace").unwrap_or_default();
        let in_force = wire::text(item, "status").is_none_or(|status| status == IN_FORCE);
        known.push(KnownDocument {
            document: Document { kind, number, issuer, issued_on, expires_on },
            in_force,
        });
    }
    known
}

/// The document that was asked by, else the current one, else one in force.
fn document(
    entry: &Value,
    query: &PersonQuery,
    known: &[KnownDocument],
    odd: &mut Vec<Oddity>,
) -> Result<Document, ErrorKind> {
    if let Some(asked) = query.document() {
        let found = known
            .iter()
            .find(|known| known.document.number == asked.number && known.document.kind == asked.kind);
        let found = found.ok_or(ErrorKind::Contradiction(Contradiction::OtherDocument))?;
        return Ok(found.document.clone());
    }
    let current = wire::text(entry, "current_document").map(|text| text.replace(' ', ""));
    let named = current.and_then(|text| known.iter().find(|known| known.document.number.as_str() == text));
    let found = named.or_else(|| {
        odd.push(Oddity::NoCurrentDocument);
        known.iter().find(|known| known.in_force).or(known.first())
    });
    let found = found.ok_or(ErrorKind::Contradiction(Contradiction::Form))?;
    Ok(found.document.clone())
}

fn photo(entry: &Value, odd: &mut Vec<Oddity>) -> Option<Photo> {
    let text = wire::member(entry, "photo")?.as_str()?;
    if text.is_empty() {
        return None;
    }
    let text = text.rsplit_once("base64,").map_or(text, |(_, text)| text);
    let bytes = (text.len() <= LONGEST_PHOTO).then(|| STANDARD.decode(text.trim()).ok()).flatten();
    let photo = bytes.and_then(|bytes| Photo::of(bytes).ok());
    if photo.is_none() {
        odd.push(Oddity::UnusablePhoto);
    }
    photo
}

#[cfg(test)]
mod tests;
