//! A person's data by OneID's names. What was not released is left out, or empty where clients fail without it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::accounts::Ground;
use crate::clients::{OneIdDates, OneIdPolicy, OneIdProfile};
use crate::people::{Account, CivilDate, ConfirmedBy, DataSet, Organisation, Sex, names};
use crate::sign_in::Acr;

/// What the answer says of the sign-in itself.
pub(super) struct Signed<'a> {
    /// The login: the subject identifier for this client, which tells nothing else.
    pub(super) login: &'a str,
    /// The session, which has the same name as the access token.
    pub(super) session: &'a str,
    /// What was done to sign in.
    pub(super) acr: Acr,
    /// On what it rests that the person is who the account says.
    pub(super) confirmed: Option<Ground>,
}

/// OneID's word for what was done to sign in; `None` where it has none: then nobody signs in by it.
pub(super) const fn auth_method(acr: Acr) -> Option<&'static str> {
    match acr {
        Acr::Password => Some("LOGINPASSMETHOD"),
        Acr::MobileId | Acr::MobileIdPlus => Some("MOBILEMETHOD"),
        Acr::Eri => Some("PKCSMETHOD"),
        Acr::Passkey | Acr::Face => None,
    }
}

/// OneID's word for a signature by which somebody acts for an organisation.
pub(super) const FOR_ORGANISATION: &str = "LEPKCSMETHOD";

/// OneID's word for how a person proved to the provider who they are, once; none where it has none.
const fn confirmed_by(ground: Ground) -> Option<&'static str> {
    match ground {
        Ground::MobileId => Some("MOBILEMETHOD"),
        Ground::Other(ConfirmedBy::Eri, _) => Some("PKCSMETHOD"),
        Ground::Other(_, _) => None,
    }
}

/// What is there in every answer, since some clients fail without: empty where it was not released.
const EXPECTED: [&str; 7] =
    ["pin", "full_name", "pport_no", "birth_date", "sur_name", "first_name", "mid_name"];

/// The answer with a person's data.
pub(super) fn of(
    account: &Account,
    released: &BTreeSet<DataSet>,
    policy: &OneIdPolicy,
    signed: &Signed<'_>,
) -> Map<String, Value> {
    let full = policy.profile == OneIdProfile::Full;
    let mut told = Map::new();
    let mut tell = |name: &str, value: Value| drop(told.insert(name.to_owned(), value));
    tell("ret_cd", "0".into());
    tell("user_id", signed.login.into());
    // Mobile-ID never makes somebody an organisation (R4): only the signature of this session does.
    let organisation = account.organisation.as_deref().filter(|_| released.contains(&DataSet::LegalEntity));
    let organisation = organisation.filter(|_| signed.acr == Acr::Eri);
    tell("user_type", if organisation.is_some() { "L" } else { "I" }.into());
    tell("sess_id", signed.session.into());
    let method = organisation.map_or_else(|| auth_method(signed.acr), |_| Some(FOR_ORGANISATION));
    tell("auth_method", method.unwrap_or_default().into());
    // Without a method some clients take any text for true.
    let methods: Vec<&str> = signed.confirmed.and_then(confirmed_by).into_iter().collect();
    tell("valid", if signed.confirmed.is_some() { "true" } else { "false" }.into());
    tell("valid_methods", json!(methods));
    if full {
        tell("validation_method", json!(methods));
    }
    if let (true, Some(one)) = (full, organisation) {
        tell("pkcs_legal_tin", one.tin.digits().into());
    }
    // Some clients fail at a list of objects, others at none.
    tell("legal_info", if full { legal_info(organisation) } else { Value::Null });
    for name in EXPECTED {
        tell(name, "".into());
    }
    for set in released {
        for (name, value) in values(account, *set, policy) {
            tell(name, value.into());
        }
    }
    told
}

/// The organisation for which a person acts. Others for which they may act are not told: the page of consent showed this one.
fn legal_info(basic: Option<&Organisation>) -> Value {
    let Some(Organisation { tin, name, .. }) = basic else { return json!([]) };
    let tin = tin.digits();
    json!([{"is_basic": true, "tin": tin, "acron_UZ": name, "le_tin": tin, "le_name": name}])
}

/// The names of the members of data sets.
pub(super) fn names(released: &BTreeSet<DataSet>, policy: &OneIdPolicy) -> Vec<&'static str> {
    released.iter().flat_map(|set| names_of(*set, policy)).copied().collect()
}

/// Whether anything of a data set goes.
pub(super) fn has(set: DataSet, policy: &OneIdPolicy) -> bool {
    !names_of(set, policy).is_empty()
}

fn names_of(set: DataSet, policy: &OneIdPolicy) -> &'static [&'static str] {
    match (set, policy.profile) {
        (DataSet::Name, _) => &["full_name", "sur_name", "first_name", "mid_name"],
        (DataSet::BirthDate, _) => &["birth_date"],
        (DataSet::Sex, _) => &["gd"],
        (DataSet::Citizenship, _) => &["ctzn"],
        (DataSet::Pinfl, _) => &["pin"],
        (DataSet::Document, OneIdProfile::Full) => &[
            "pport_no",
            "pport_issue_place",
            "pport_issue_date",
            "pport_expr_date",
            "_pport_issue_date",
            "_pport_expr_date",
        ],
        (DataSet::Document, _) => &["pport_no", "pport_issue_place", "pport_issue_date", "pport_expr_date"],
        (DataSet::Phone, _) => &["mob_phone_no"],
        (DataSet::Address, _) => &["per_adr"],
        (DataSet::TemporaryAddress, _) => &["tem_adr"],
        (DataSet::BirthPlace, _) => &["birth_place", "birth_cntry"],
        (DataSet::Tin, _) => &["tin"],
        (DataSet::LegalEntity, OneIdProfile::Full) => &["pkcs_legal_tin", "legal_info"],
        // These clients take no word of organisations but the type of the user.
        (DataSet::LegalEntity, _) => &["user_type"],
        (DataSet::Employment | DataSet::Photo | DataSet::DataUsage, _) => &[],
    }
}

/// The members of a data set.
fn values(account: &Account, set: DataSet, policy: &OneIdPolicy) -> Vec<(&'static str, String)> {
    let person = &account.person;
    match set {
        DataSet::Name => {
            let name = &person.names.latin;
            let patronymic = name.patronymic.as_deref().unwrap_or_default();
            vec![
                ("full_name", capitals(&name.full())),
                ("sur_name", capitals(&name.family)),
                ("first_name", capitals(&name.given)),
                ("mid_name", capitals(patronymic)),
            ]
        }
        DataSet::BirthDate => vec![("birth_date", person.birth_date.to_string())],
        DataSet::Sex => {
            let gender = match person.sex {
                Sex::Male => "1",
                Sex::Female => "2",
            };
            vec![("gd", gender.to_owned())]
        }
        DataSet::Citizenship => vec![("ctzn", person.citizenship.clone())],
        DataSet::Pinfl => vec![("pin", person.pinfl.digits().to_owned())],
        DataSet::Document => {
            let document = &person.document;
            let (issued, expires) = (document.issued_on, document.expires_on);
            let mut told = vec![
                ("pport_no", document.number.as_str().to_owned()),
                ("pport_issue_place", document.issuer.clone()),
                ("pport_issue_date", date(issued, policy.document_dates)),
                ("pport_expr_date", date(expires, policy.document_dates)),
            ];
            if policy.profile == OneIdProfile::Full {
                // These were recorded with the day before the month, always.
                told.push(("_pport_issue_date", date(issued, OneIdDates::DayFirst)));
                told.push(("_pport_expr_date", date(expires, OneIdDates::DayFirst)));
            }
            told
        }
        DataSet::Phone => {
            account.number().map(|number| ("mob_phone_no", number.digits().to_owned())).into_iter().collect()
        }
        DataSet::Address => {
            let address = person.address.as_ref();
            let parts = address.map(|at| [at.region.as_str(), &at.district, &at.street]);
            let parts: Vec<&str> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
            vec![("per_adr", parts.join(", "))]
        }
        DataSet::TemporaryAddress => {
            let address = person.temporary_address.as_ref();
            let told = address.map(|at| [at.region.as_str(), &at.district, &at.street].join(", "));
            told.map(|told| ("tem_adr", told)).into_iter().collect()
        }
        DataSet::BirthPlace => {
            let Some(place) = &person.birth_place else { return Vec::new() };
            let parts = [place.region.as_deref(), place.locality.as_deref()];
            let parts: Vec<&str> = parts.into_iter().flatten().collect();
            vec![("birth_place", parts.join(", ")), ("birth_cntry", place.country.clone())]
        }
        DataSet::Tin => person.tin.iter().map(|tin| ("tin", tin.digits().to_owned())).collect(),
        // A legal entity is told of the sign-in, in whatever profile; for the others OneID has no words.
        DataSet::LegalEntity | DataSet::Employment | DataSet::Photo | DataSet::DataUsage => Vec::new(),
    }
}

/// As the registries write names.
fn capitals(name: &str) -> String {
    names::ascii_apostrophes(&name.to_uppercase())
}

fn date(date: CivilDate, form: OneIdDates) -> String {
    let date = date.to_date();
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    match form {
        OneIdDates::Iso => format!("{year:04}-{month:02}-{day:02}"),
        OneIdDates::DayFirst => format!("{year:04}-{day:02}-{month:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_two_forms() {
        let day = CivilDate::parse("2031-02-28").unwrap();
        assert_eq!(date(day, OneIdDates::Iso), "2031-02-28");
        assert_eq!(date(day, OneIdDates::DayFirst), "2031-28-02");
    }

    #[test]
    fn names_are_in_capitals_with_the_apostrophe_of_keyboards() {
        assert_eq!(capitals("Oʻktamov Aziz Gʻulom oʻgʻli"), "O'KTAMOV AZIZ G'ULOM O'G'LI");
    }

    #[test]
    fn what_oneid_has_no_word_for_is_not_called_something_else() {
        assert_eq!(auth_method(Acr::MobileId), Some("MOBILEMETHOD"));
        assert_eq!(auth_method(Acr::Face), None);
    }
}
