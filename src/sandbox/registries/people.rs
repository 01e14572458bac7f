//! People and numbers as the played registers know them: one file says for each person what every register has.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What the file holds, and what `POST /registry-people` takes.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryFile {
    /// People.
    #[serde(default)]
    pub person: Vec<RegistryPerson>,
    /// Numbers that are nobody's of these, such as a company's.
    #[serde(default)]
    pub number: Vec<RegistryNumber>,
    /// Keys for electronic signatures, in files on computers.
    #[serde(default)]
    pub key: Vec<RegistryKey>,
}

/// A person.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryPerson {
    /// What the person is for.
    #[serde(default)]
    pub about: String,
    /// The PINFL in force.
    pub pinfl: String,
    /// Others that the person has.
    #[serde(default)]
    pub other_pinfls: Vec<String>,
    /// Family name, given name and patronymic in Latin script.
    pub latin: [String; 3],
    /// In Cyrillic script; empty where the register has none.
    #[serde(default)]
    pub cyrillic: [String; 3],
    /// Family and given name as in travel documents; empty where the register has none.
    #[serde(default)]
    pub english: [String; 2],
    /// `YYYY-MM-DD`.
    pub birth_date: String,
    /// The place, as the register writes it.
    #[serde(default)]
    pub birth_place: String,
    /// 1 male, 2 female.
    pub sex: u8,
    /// The country, as the register writes it, and its number.
    #[serde(default = "uzbekistan")]
    pub citizenship: (String, u32),
    /// When the person died.
    #[serde(default)]
    pub died: Option<String>,
    /// A photo, Base64.
    #[serde(default)]
    pub photo: Option<String>,
    /// Whether a face that is compared is never the person's.
    #[serde(default)]
    pub other_face: bool,
    /// Whether the Centre has fingerprints.
    #[serde(default = "yes")]
    pub fingerprints: bool,
    /// Documents, the current one first.
    #[serde(default)]
    pub documents: Vec<RegistryDocument>,
    /// Whether only the Ministry of Internal Affairs knows the person: no permit.
    #[serde(default)]
    pub without_permit: bool,
    /// The permanent address: region, district, address, since when.
    #[serde(default)]
    pub address: Option<[String; 4]>,
    /// The temporary address: region, district, address, since when.
    #[serde(default)]
    pub temporary_address: Option<[String; 4]>,
    /// Taxpayer number.
    #[serde(default)]
    pub tin: Option<String>,
    /// Employer, its taxpayer number, position, since when.
    #[serde(default)]
    pub job: Option<[String; 4]>,
    /// Whether the person is in the register of social protection.
    #[serde(default)]
    pub social: bool,
    /// The group of disability, 1 to 3.
    #[serde(default)]
    pub disability: Option<u8>,
    /// Numbers in the person's name.
    #[serde(default)]
    pub numbers: Vec<OwnNumber>,
    /// The serial number of the certificate on the person's ID-card.
    #[serde(default)]
    pub certificate: Option<String>,
    /// Whether the Tax Committee has another PINFL for that certificate.
    #[serde(default)]
    pub foreign_certificate: bool,
}

/// A document.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryDocument {
    /// The register's word for its kind.
    pub kind: String,
    /// Series and number.
    pub number: String,
    /// Who issued it.
    pub issuer: String,
    /// `YYYY-MM-DD`.
    pub from: String,
    /// `YYYY-MM-DD`.
    pub until: String,
    /// Whether it is in force.
    #[serde(default = "yes")]
    pub in_force: bool,
}

/// A number in somebody's name.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OwnNumber {
    /// Digits, `998…`.
    pub msisdn: String,
    /// `active`, `no_balance`, `frozen` or `returned`.
    #[serde(default = "active")]
    pub state: String,
    /// The operator.
    #[serde(default = "operator")]
    pub operator: String,
    /// Since when it is in that state.
    #[serde(default)]
    pub since: Option<String>,
}

/// A key that somebody has.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryKey {
    /// Whose it is: a PINFL.
    pub pinfl: String,
    /// The serial number of its certificate, hexadecimal.
    pub serial: String,
    /// The organisation for which it signs: taxpayer number, name, position.
    #[serde(default)]
    pub organisation: Option<[String; 3]>,
    /// Surname, name and patronymic on its certificate, where they are not the person's present ones.
    #[serde(default)]
    pub latin: Option<[String; 3]>,
    /// From when it is valid, `YYYY-MM-DD`.
    #[serde(default = "begun")]
    pub from: String,
    /// Until when.
    #[serde(default = "not_ended")]
    pub until: String,
    /// Whether its certificate was revoked.
    #[serde(default)]
    pub revoked: bool,
}

/// A name of three parts, of which some are missing.
pub(super) fn joined(name: &[String; 3]) -> String {
    name.iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" ")
}

fn begun() -> String {
    "2026-01-01".to_owned()
}

fn not_ended() -> String {
    "2029-01-01".to_owned()
}

/// A number of nobody in the file.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryNumber {
    /// What the number is for.
    #[serde(default)]
    pub about: String,
    /// Digits, `998…`.
    pub msisdn: String,
    /// As of [`OwnNumber`].
    #[serde(default = "active")]
    pub state: String,
    /// The operator.
    #[serde(default = "operator")]
    pub operator: String,
    /// Since when it is in that state.
    #[serde(default)]
    pub since: Option<String>,
}

fn uzbekistan() -> (String, u32) {
    ("УЗБЕКИСТАН".to_owned(), 182)
}

const fn yes() -> bool {
    true
}

fn active() -> String {
    "active".to_owned()
}

fn operator() -> String {
    "Namuna Mobile".to_owned()
}

impl RegistryFile {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong, with its place.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        file.objection().map_or(Ok(file.clone()), Err)
    }

    /// What is wrong with it, if anything.
    pub(super) fn objection(&self) -> Option<String> {
        let digits =
            |text: &str, length: usize| text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
        let states = ["active", "no_balance", "frozen", "returned"];
        let bad_number = |msisdn: &str, state: &str| {
            let problem = format!("the number {msisdn} is no 998 and nine digits, or is {state}");
            (!digits(msisdn, 12) || !msisdn.starts_with("998") || !states.contains(&state)).then_some(problem)
        };
        self.person
            .iter()
            .find_map(|person| {
                if !digits(&person.pinfl, 14) || !(1..=2).contains(&person.sex) {
                    return Some(format!("{} has no 14 digits, or the sex {}", person.pinfl, person.sex));
                }
                person.numbers.iter().find_map(|number| bad_number(&number.msisdn, &number.state))
            })
            .or_else(|| self.number.iter().find_map(|number| bad_number(&number.msisdn, &number.state)))
            .or_else(|| {
                let hex = |serial: &str| {
                    (1..=40).contains(&serial.len()) && serial.bytes().all(|b| b.is_ascii_hexdigit())
                };
                let bad = self.key.iter().find(|key| !digits(&key.pinfl, 14) || !hex(&key.serial))?;
                Some(format!("the key {} has no hexadecimal serial number, or no PINFL", bad.serial))
            })
    }
}

impl RegistryPerson {
    /// Whether a PINFL is one of the person's.
    pub(super) fn has_pinfl(&self, pinfl: &str) -> bool {
        self.pinfl == pinfl || self.other_pinfls.iter().any(|other| other == pinfl)
    }

    /// Whether the person has a document of this number.
    pub(super) fn has_document(&self, number: &str) -> bool {
        self.documents.iter().any(|document| document.number == number)
    }

    /// Full name, for pages.
    pub(super) fn name(&self) -> String {
        joined(&self.latin)
    }

    /// The entry of the Personalisation Centre and, for who has no permit, of the Ministry of Internal Affairs.
    pub(super) fn entry(&self, with_photo: bool) -> Value {
        let documents: Vec<Value> = self
            .documents
            .iter()
            .map(|document| {
                json!({
                    "document": document.number, "type": document.kind, "docgiveplace": document.issuer,
                    "docgiveplaceid": 26294, "datebegin": document.from, "dateend": document.until,
                    "status": if document.in_force { 2 } else { 4 },
                })
            })
            .collect();
        let pinpps: Vec<&String> = std::iter::once(&self.pinfl).chain(&self.other_pinfls).collect();
        let text = |text: &String| if text.is_empty() { Value::Null } else { Value::from(text.as_str()) };
        let mut entry = json!({
            "transaction_id": 1, "current_pinpp": self.pinfl, "pinpps": pinpps,
            "current_document": self.documents.first().map(|document| document.number.as_str()),
            "documents": documents,
            "surnamelat": text(&self.latin[0]), "namelat": text(&self.latin[1]), "patronymlat": text(&self.latin[2]),
            "surnamecyr": text(&self.cyrillic[0]), "namecyr": text(&self.cyrillic[1]), "patronymcyr": text(&self.cyrillic[2]),
            "engsurname": text(&self.english[0]), "engname": text(&self.english[1]),
            "birth_date": self.birth_date, "birthplace": text(&self.birth_place),
            "birthcountry": self.citizenship.0, "birthcountryid": self.citizenship.1,
            "nationality": "УЗБЕК/УЗБЕЧКА", "nationalityid": 44,
            "citizenship": self.citizenship.0, "citizenshipid": self.citizenship.1, "sex": self.sex,
        });
        if !self.without_permit {
            entry["livestatus"] = Value::from(u8::from(self.died.is_none()));
            entry["photo"] = match &self.photo {
                Some(photo) if with_photo => Value::from(photo.split_whitespace().collect::<String>()),
                _ => Value::Null,
            };
        }
        entry
    }
}

/// Everybody and every number. In memory; tests add to it.
#[derive(Debug, Default)]
pub(super) struct Everybody {
    pub people: Vec<RegistryPerson>,
    pub numbers: Vec<RegistryNumber>,
    pub keys: Vec<RegistryKey>,
}

impl Everybody {
    /// Adds or replaces people, by PINFL, numbers, and keys, by serial number. A number that somebody has now is nobody else's.
    pub(super) fn add(&mut self, file: RegistryFile) {
        let taken: Vec<String> =
            (file.person.iter().flat_map(|person| &person.numbers).map(|number| &number.msisdn))
                .chain(file.number.iter().map(|number| &number.msisdn))
                .cloned()
                .collect();
        self.people.retain(|old| !file.person.iter().any(|new| new.pinfl == old.pinfl));
        for person in &mut self.people {
            person.numbers.retain(|number| !taken.contains(&number.msisdn));
        }
        self.numbers.retain(|number| !taken.contains(&number.msisdn));
        self.people.extend(file.person);
        self.numbers.extend(file.number);
        self.keys.retain(|old| !file.key.iter().any(|new| new.serial == old.serial));
        self.keys.extend(file.key);
    }

    /// The entries of the operators about a number.
    pub(super) fn by_number(&self, msisdn: &str) -> Vec<Value> {
        let owned =
            self.people.iter().flat_map(|person| person.numbers.iter().map(move |number| (person, number)));
        let owned = owned.filter(|(_, number)| number.msisdn == msisdn).map(|(person, number)| {
            // A number that was given back is nobody's.
            let owner = (number.state != "returned").then_some(person.pinfl.as_str());
            subscriber((&number.msisdn, &number.state, &number.operator), number.since.as_deref(), owner)
        });
        let others = self.numbers.iter().filter(|number| number.msisdn == msisdn);
        let others = others.map(|number| {
            subscriber((&number.msisdn, &number.state, &number.operator), number.since.as_deref(), None)
        });
        owned.chain(others).collect()
    }

    /// The entries of the operators about a person.
    pub(super) fn by_owner(&self, pinfl: &str) -> Vec<Value> {
        let person = self.people.iter().find(|person| person.has_pinfl(pinfl));
        let numbers = person.into_iter().flat_map(|person| &person.numbers);
        let numbers = numbers.filter(|number| number.state != "returned");
        numbers
            .map(|number| {
                let parts = (number.msisdn.as_str(), number.state.as_str(), number.operator.as_str());
                subscriber(parts, number.since.as_deref(), Some(pinfl))
            })
            .collect()
    }
}

fn subscriber(
    (msisdn, state, operator): (&str, &str, &str),
    since: Option<&str>,
    owner: Option<&str>,
) -> Value {
    json!({ "msisdn": msisdn, "pinfl": owner, "operator": operator, "state": state, "since": since })
}
