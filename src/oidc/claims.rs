//! Claims: what scopes and the `claims` parameter ask for, and their values from a person's record.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::verified_claims;
use crate::clients::SubjectIds;
use crate::grants::{Assured, ClaimNames};
use crate::people::{Account, Address, CivilDate, DataSet, Organisation, PersonName, Photo, Sex};
use crate::platform::clock::Timestamp;

/// Every claim with the set of data that it belongs to.
pub(super) const CLAIMS: [(&str, DataSet); 31] = [
    ("name", DataSet::Name),
    ("given_name", DataSet::Name),
    ("family_name", DataSet::Name),
    ("middle_name", DataSet::Name),
    ("name#uz-Cyrl", DataSet::Name),
    ("given_name#uz-Cyrl", DataSet::Name),
    ("family_name#uz-Cyrl", DataSet::Name),
    ("middle_name#uz-Cyrl", DataSet::Name),
    ("name#en", DataSet::Name),
    ("given_name#en", DataSet::Name),
    ("family_name#en", DataSet::Name),
    ("birthdate", DataSet::BirthDate),
    ("place_of_birth", DataSet::BirthPlace),
    ("gender", DataSet::Sex),
    ("citizenship", DataSet::Citizenship),
    ("nationalities", DataSet::Citizenship),
    ("pinfl", DataSet::Pinfl),
    ("document_type", DataSet::Document),
    ("document_number", DataSet::Document),
    ("document_issuer", DataSet::Document),
    ("document_issued_at", DataSet::Document),
    ("document_expires_at", DataSet::Document),
    ("document_valid", DataSet::Document),
    ("phone_number", DataSet::Phone),
    ("phone_number_verified", DataSet::Phone),
    ("address", DataSet::Address),
    ("temporary_address", DataSet::TemporaryAddress),
    ("tin", DataSet::Tin),
    ("employment", DataSet::Employment),
    ("legal_entity", DataSet::LegalEntity),
    (PHOTO, DataSet::Photo),
];

/// The claim that is no part of the record: whoever releases it reads it apart. It is told at UserInfo and by the data API; ID tokens,
/// which clients send back in addresses (`id_token_hint`), are too small for it.
pub(super) const PHOTO: &str = "photo";

/// Whether the record of a person vouches for a claim: all but what this provider itself says of a number, and what nobody proves when
/// somebody is identified for Mobile-ID.
pub(super) fn is_verifiable(claim: &str) -> bool {
    let unproven = ["phone_number_verified", "temporary_address", "tin", "employment", "legal_entity", PHOTO];
    set_of(claim).is_some() && !unproven.contains(&claim)
}

/// Scopes that are understood, as discovery lists them.
pub(super) const SCOPES: [&str; 14] = [
    "openid",
    "profile",
    "phone",
    "address",
    "pinfl",
    "document",
    "birth_place",
    "temporary_address",
    "tin",
    "employment",
    "legal_entity",
    "photo",
    "data_usage",
    "offline_access",
];

/// The `claims` parameter (OpenID Connect Core §5.5), as far as it is understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ClaimsRequest {
    /// Claims requested by name.
    pub names: ClaimNames,
    /// Authentication context classes of which one is essential.
    pub essential_acr: Vec<String>,
    /// The `sub` that the answer must be about.
    pub sub: Option<String>,
}

impl ClaimsRequest {
    /// Reads the parameter. Claims that are not understood are ignored, as the specification demands; a request for one
    /// that is understood and has another shape than §5.5.1 gives it is an error, not a request for less.
    ///
    /// # Errors
    /// When it is not JSON of the right shape.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let value: Map<String, Value> =
            serde_json::from_str(text).map_err(|_| "claims is not a JSON object")?;
        let mut request = Self::default();
        for place in ["userinfo", "id_token"] {
            let Some(members) = value.get(place) else { continue };
            let members =
                members.as_object().ok_or("claims.userinfo and claims.id_token must be JSON objects")?;
            for (name, detail) in members {
                if name == verified_claims::NAME {
                    let names = &mut request.names;
                    let read = verified_claims::parse(detail, is_verifiable)?;
                    *if place == "userinfo" {
                        &mut names.verified_userinfo
                    } else {
                        &mut names.verified_id_token
                    } = read;
                    continue;
                }
                if !detail.is_null() && !detail.is_object() {
                    return Err("a claim must be requested by null or a JSON object");
                }
                request.add(place, name, detail)?;
            }
        }
        Ok(request)
    }

    fn add(&mut self, place: &str, name: &str, detail: &Value) -> Result<(), &'static str> {
        let essential = match detail.get("essential") {
            None => false,
            Some(Value::Bool(essential)) => *essential,
            Some(_) => return Err("essential must be true or false"),
        };
        match name {
            "acr" => {
                let values = acr_values(detail)?;
                if essential && place == "id_token" {
                    self.essential_acr = values;
                }
            }
            "sub" => {
                if let Some(sub) = subject(detail)? {
                    if self.sub.as_ref().is_some_and(|other| *other != sub) {
                        return Err("claims asks for two different values of sub");
                    }
                    self.sub = Some(sub);
                }
            }
            _ => {
                if set_of(name).is_some() {
                    let names = &mut self.names;
                    let names = if place == "userinfo" { &mut names.userinfo } else { &mut names.id_token };
                    names.insert(name.to_owned());
                }
            }
        }
        Ok(())
    }

    fn sets(&self) -> impl Iterator<Item = DataSet> + '_ {
        let names = &self.names;
        let verified = names.verified_userinfo.iter().chain(&names.verified_id_token);
        let verified = verified.flat_map(|request| request.claims.keys());
        names.userinfo.iter().chain(&names.id_token).chain(verified).filter_map(|name| set_of(name))
    }
}

/// More values, or longer ones, than there are classes.
const MOST_ACR_VALUES: usize = 20;
const LONGEST_ACR: usize = 100;

/// The classes that a request for `acr` names (§5.5.1.1): `value` or `values`, of which one at least.
fn acr_values(detail: &Value) -> Result<Vec<String>, &'static str> {
    let values: Vec<&Value> = match (detail.get("value"), detail.get("values")) {
        (None, None) => Vec::new(),
        (Some(value), None) => vec![value],
        (None, Some(Value::Array(values))) if !values.is_empty() && values.len() <= MOST_ACR_VALUES => {
            values.iter().collect()
        }
        (None, Some(_)) => return Err("acr: values must be an array of at least one string"),
        (Some(_), Some(_)) => return Err("acr: value and values exclude each other"),
    };
    let class = |value: &Value| {
        let text = value.as_str().filter(|text| (1..=LONGEST_ACR).contains(&text.len()))?;
        text.bytes().all(|byte| byte.is_ascii_graphic()).then(|| text.to_owned())
    };
    values
        .into_iter()
        .map(|value| class(value).ok_or("acr: a value must be a string of 1 to 100 visible ASCII characters"))
        .collect()
}

/// The subject identifier that a request for `sub` names: only one that this provider could have issued.
fn subject(detail: &Value) -> Result<Option<String>, &'static str> {
    if detail.get("values").is_some() {
        return Err("sub: one value is asked for by value");
    }
    match detail.get("value") {
        None => Ok(None),
        Some(value) => {
            let sub = value.as_str().filter(|sub| SubjectIds::is_one(sub));
            sub.map(|sub| Some(sub.to_owned())).ok_or("sub: value is no subject identifier of this provider")
        }
    }
}

fn set_of(claim: &str) -> Option<DataSet> {
    CLAIMS.iter().find(|(name, _)| *name == claim).map(|(_, set)| *set)
}

/// Whether a claim is of one of these sets.
pub(super) fn is_of(claim: &str, sets: &BTreeSet<DataSet>) -> bool {
    set_of(claim).is_some_and(|set| sets.contains(&set))
}

/// The sets that claims are of.
pub(super) fn sets_of<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<DataSet> {
    names.filter_map(set_of).collect()
}

/// The sets of data that scopes and single claims ask for.
pub(super) fn requested(scopes: &[String], claims: &ClaimsRequest) -> BTreeSet<DataSet> {
    DataSet::ALL
        .into_iter()
        .filter(|set| scopes.iter().any(|scope| scope == set.scope()))
        .chain(claims.sets())
        .collect()
}

/// The names of the claims for UserInfo: those of the scopes, and those asked for by name, of sets that may be released.
pub(super) fn names_for_userinfo(
    scopes: &str,
    claims: &BTreeSet<String>,
    released: &BTreeSet<DataSet>,
) -> Vec<&'static str> {
    let wanted = |name: &str, set: DataSet| {
        scopes.split(' ').any(|scope| scope == set.scope()) || claims.contains(name)
    };
    let names = CLAIMS.into_iter().filter(|(name, set)| released.contains(set) && wanted(name, *set));
    with_validity(names.map(|(name, _)| name).collect())
}

/// The claims for UserInfo.
pub(super) fn for_userinfo(
    account: &Account,
    scopes: &str,
    claims: &BTreeSet<String>,
    released: &BTreeSet<DataSet>,
    today: CivilDate,
) -> Map<String, Value> {
    values(account, names_for_userinfo(scopes, claims, released), today)
}

/// The names of all claims of data sets that may be released for a purpose of their own (RFC 9396).
pub(super) fn names_for_purposes(released: &BTreeSet<DataSet>) -> Vec<&'static str> {
    CLAIMS.into_iter().filter(|(_, set)| released.contains(set)).map(|(name, _)| name).collect()
}

/// These claims.
pub(super) fn for_purposes(
    account: &Account,
    released: &BTreeSet<DataSet>,
    today: CivilDate,
) -> Map<String, Value> {
    values(account, names_for_purposes(released), today)
}

/// The names of the claims for the ID token: those asked for there by name alone, of sets that may be released. It never has a photo,
/// which is too large for one; nor do verified claims.
pub(super) fn names_for_id_token<'a>(
    claims: impl IntoIterator<Item = &'a String>,
    released: &BTreeSet<DataSet>,
) -> Vec<&'static str> {
    let known = |claim: &String| CLAIMS.iter().find(|(name, _)| name == claim).copied();
    let asked =
        claims.into_iter().filter_map(known).filter(|(name, set)| *name != PHOTO && released.contains(set));
    with_validity(asked.map(|(name, _)| name).collect())
}

/// The claims for the ID token.
pub(super) fn for_id_token(
    account: &Account,
    claims: &BTreeSet<String>,
    released: &BTreeSet<DataSet>,
    today: CivilDate,
) -> Map<String, Value> {
    values(account, names_for_id_token(claims, released), today)
}

fn values(account: &Account, names: Vec<&'static str>, today: CivilDate) -> Map<String, Value> {
    names.into_iter().filter_map(|name| Some((name.to_owned(), value(account, name, today)?))).collect()
}

/// The claim `verified_claims`, if any of the claims that were asked for in it may be released: no value leaves by it that does not
/// leave as a plain claim. Of somebody whom nobody confirmed there is none.
pub(super) fn verified(
    account: &Account,
    requests: &[Assured],
    released: &BTreeSet<DataSet>,
    now: Timestamp,
) -> Option<Value> {
    // Whoever has an account that nobody confirmed may be somebody else than the person who was identified once.
    if !account.is_confirmed() {
        return None;
    }
    verified_claims::answer(requests, (account.person.identified_at, now), |names| {
        let names = names.map(str::to_owned).collect();
        for_id_token(account, &names, released, CivilDate::of(now))
    })
}

/// A document is never released as if it were valid: with whatever of it goes out, its expiry and whether it is valid
/// today go as well (D-t).
fn with_validity(mut names: Vec<&'static str>) -> Vec<&'static str> {
    if names.iter().any(|name| name.starts_with("document_")) {
        for name in ["document_expires_at", "document_valid"] {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

fn value(account: &Account, claim: &str, today: CivilDate) -> Option<Value> {
    let person = &account.person;
    let (base, tag) = claim.split_once('#').unwrap_or((claim, ""));
    let name = match tag {
        "uz-Cyrl" => &person.names.cyrillic,
        "en" => &person.names.english,
        _ => &person.names.latin,
    };
    let document = &person.document;
    Some(match base {
        "name" | "given_name" | "family_name" | "middle_name" => return name_claim(&name.for_pages(), base),
        "birthdate" => person.birth_date.to_string().into(),
        "gender" => match person.sex {
            Sex::Male => "male".into(),
            Sex::Female => "female".into(),
        },
        "citizenship" => person.citizenship.clone().into(),
        "nationalities" => json!([person.citizenship]),
        "pinfl" => person.pinfl.digits().into(),
        "document_type" => document.kind.name().into(),
        "document_number" => document.number.as_str().into(),
        "document_issuer" => document.issuer.clone().into(),
        "document_issued_at" => document.issued_on.to_string().into(),
        "document_expires_at" => document.expires_on.to_string().into(),
        "document_valid" => document.is_valid_on(today).into(),
        "phone_number" => format!("+{}", account.number()?.digits()).into(),
        "phone_number_verified" => account.number().map(|_| true)?.into(),
        "address" => address(person.address.as_ref()?),
        "temporary_address" => address(person.temporary_address.as_ref()?),
        // OpenID Identity Assurance Claims §4.1.1.
        "place_of_birth" => json!(person.birth_place.as_ref()?),
        "tin" => person.tin.as_ref()?.digits().into(),
        "employment" => json!(person.employment.as_ref()?),
        "legal_entity" => legal_entity(account.organisation.as_deref()?),
        _ => return None,
    })
}

/// OpenID Connect Core §5.1.1.
fn address(address: &Address) -> Value {
    let mut lines = vec![address.street.as_str(), &address.district, &address.region];
    lines.extend(address.postal_code.as_deref());
    let mut out = json!({
        "formatted": lines.join("\n"),
        "street_address": address.street,
        "locality": address.district,
        "region": address.region,
        "country": "UZ",
    });
    if let Some(code) = &address.postal_code {
        out["postal_code"] = code.clone().into();
    }
    out
}

/// The value of [`PHOTO`], in the form of an embedded attachment (OpenID Identity Assurance §5.1.2.1).
pub(super) fn photo(photo: &Photo) -> Value {
    json!({"content_type": Photo::MEDIA_TYPE, "content": photo.base64()})
}

/// Whether the photo is among what is asked for and may be released.
pub(super) fn wants_photo(scopes: &str, claims: &BTreeSet<String>, released: &BTreeSet<DataSet>) -> bool {
    let asked = scopes.split(' ').any(|scope| scope == DataSet::Photo.scope()) || claims.contains(PHOTO);
    asked && released.contains(&DataSet::Photo)
}

/// The fields of a data set that a person's record has, with their values.
pub(super) fn of_set(account: &Account, set: DataSet, today: CivilDate) -> Map<String, Value> {
    for_purposes(account, &BTreeSet::from([set]), today)
}

fn name_claim(name: &PersonName, claim: &str) -> Option<Value> {
    Some(match claim {
        "name" => name.full().into(),
        "given_name" => name.given.clone().into(),
        "family_name" => name.family.clone().into(),
        _ => name.patronymic.clone()?.into(),
    })
}

/// A legal entity, as services read it.
fn legal_entity(one: &Organisation) -> Value {
    let mut told = json!({"tin": one.tin, "name": one.name});
    if let Some(position) = &one.position {
        told["position"] = position.as_str().into();
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::{AccountState, Epoch, Failures, Person, PersonId, PhoneNumber, test_people};

    #[test]
    fn ida_5_what_is_asked_for_verified_is_asked_for_of_the_person() {
        let verified = |claims: &str| {
            let text = format!(
                r#"{{"userinfo":{{"verified_claims":{{"verification":{{"trust_framework":null}},"claims":{claims}}}}},"id_token":{{"name":null}}}}"#
            );
            ClaimsRequest::parse(&text).unwrap()
        };
        let request = verified(r#"{"birthdate":null,"phone_number_verified":null,"shoe_size":null}"#);
        assert_eq!(requested(&[], &request), BTreeSet::from([DataSet::Name, DataSet::BirthDate]));
        assert_eq!(request.names.verified_userinfo[0].claims.len(), 1);
        assert!(request.names.verified_id_token.is_empty());
        assert!(ClaimsRequest::parse(r#"{"userinfo":{"verified_claims":null}}"#).is_err());
    }

    #[test]
    fn r109_the_claims_are_the_fields_of_the_data_sets() {
        for set in DataSet::ALL {
            let claims = CLAIMS.into_iter().filter(|(_, own)| *own == set).map(|(name, _)| name);
            assert_eq!(claims.collect::<Vec<_>>(), set.definition().claims, "{set:?}");
            assert!(SCOPES.contains(&set.scope()));
        }
        for unproven in ["tin", "employment", "photo", "temporary_address"] {
            assert!(!is_verifiable(unproven), "{unproven}: identification does not prove it");
        }
        assert!(is_verifiable("place_of_birth") && is_verifiable("address"));
    }

    #[test]
    fn known_and_unknown_claims_are_told_apart() {
        let request = ClaimsRequest::parse(
            r#"{"userinfo":{"name":{"essential":true},"shoe_size":null},"id_token":{"auth_time":{"essential":true},"acr":{"essential":true,"values":["x"]}}}"#,
        )
        .unwrap();
        assert_eq!(request.names.userinfo, BTreeSet::from(["name".to_owned()]));
        assert_eq!(request.essential_acr, vec!["x"]);
    }

    #[test]
    fn an_acr_of_another_shape_is_refused_and_not_dropped() {
        let parse = |detail: &str| ClaimsRequest::parse(&format!(r#"{{"id_token":{{"acr":{detail}}}}}"#));
        for bad in [
            r#"{"essential":true,"values":"urn:yagona:acr:eri"}"#,
            r#"{"essential":true,"values":[{}]}"#,
            r#"{"essential":true,"values":[]}"#,
            r#"{"essential":true,"values":["urn:yagona:acr:eri",1]}"#,
            r#"{"essential":true,"value":["urn:yagona:acr:eri"]}"#,
            r#"{"essential":true,"value":null}"#,
            r#"{"essential":true,"value":""}"#,
            r#"{"essential":true,"value":"a b"}"#,
            r#"{"essential":true,"value":"x","values":["x"]}"#,
            r#"{"essential":"true","values":["urn:yagona:acr:eri"]}"#,
            r#"{"essential":1,"values":["urn:yagona:acr:eri"]}"#,
            r#"{"essential":null,"values":["urn:yagona:acr:eri"]}"#,
            r#"{"values":"urn:yagona:acr:eri"}"#,
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        let long = "x".repeat(101);
        assert!(parse(&format!(r#"{{"essential":true,"value":"{long}"}}"#)).is_err());
        let one = parse(r#"{"essential":true,"value":"urn:yagona:acr:eri"}"#).unwrap();
        assert_eq!(one.essential_acr, ["urn:yagona:acr:eri"]);
        for free in ["null", "{}", r#"{"essential":true}"#, r#"{"values":["x"]}"#] {
            assert!(parse(free).unwrap().essential_acr.is_empty(), "{free}");
        }
    }

    #[test]
    fn essential_is_a_boolean_for_every_claim() {
        for bad in [r#""true""#, "1", "null", "[]"] {
            let text = format!(r#"{{"userinfo":{{"name":{{"essential":{bad}}}}}}}"#);
            assert!(ClaimsRequest::parse(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_subject_is_one_that_this_provider_could_have_issued() {
        let parse = |detail: &str| ClaimsRequest::parse(&format!(r#"{{"id_token":{{"sub":{detail}}}}}"#));
        let sub = "x-_9".repeat(10) + "abc";
        assert_eq!(parse(&format!(r#"{{"value":"{sub}"}}"#)).unwrap().sub.as_deref(), Some(sub.as_str()));
        assert_eq!(parse("null").unwrap().sub, None);
        for bad in [&sub[1..], &format!("{sub}x"), &format!("{}=", &sub[1..]), &format!("{} ", &sub[1..]), ""]
        {
            assert!(parse(&format!(r#"{{"value":"{bad}"}}"#)).is_err(), "{bad}");
        }
        for bad in [r#"{"value":1}"#, r#"{"value":null}"#, &format!(r#"{{"values":["{sub}"]}}"#)] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        let two = format!(
            r#"{{"id_token":{{"sub":{{"value":"{sub}"}}}},"userinfo":{{"sub":{{"value":"{}"}}}}}}"#,
            "y".repeat(43)
        );
        assert!(ClaimsRequest::parse(&two).is_err());
    }

    fn verified_document(
        account: &Account,
        released: &BTreeSet<DataSet>,
        now: Timestamp,
    ) -> Map<String, Value> {
        let text =
            r#"{"id_token":{"verified_claims":{"verification":{},"claims":{"document_number":null}}}}"#;
        let asked = ClaimsRequest::parse(text).unwrap().names.verified_id_token;
        verified(account, &asked, released, now).unwrap()["claims"].as_object().unwrap().clone()
    }

    /// Somebody whose number is enrolled.
    fn somebody() -> Account {
        let person = test_people::parse(test_people::BUILT_IN).unwrap().swap_remove(0);
        Account {
            person: person.record(),
            phone: Some(person.phone.clone()),
            contact: None,
            confirmed: false,
            organisation: None,
            account_state: AccountState {
                language: None,
                person_id: PersonId::random(),
                status: person.status,
                strangers: Failures::default(),
                known: Failures::default(),
                approvals: Failures::default(),
                epoch: Epoch::default(),
            },
        }
    }

    #[test]
    fn claims_of_an_account_that_nobody_confirmed_are_not_verified() {
        let text = r#"{"id_token":{"verified_claims":{"verification":{"trust_framework":null},"claims":{"document_number":null}}}}"#;
        let asked = ClaimsRequest::parse(text).unwrap().names.verified_id_token;
        let released = BTreeSet::from([DataSet::Document]);
        let enrolled = somebody();
        let record = Person { identified_at: Some(Timestamp(1_700_000_000)), ..enrolled.person.clone() };
        let told = |phone: Option<PhoneNumber>, confirmed: bool, record: &Person| {
            let account = Account { phone, confirmed, person: record.clone(), ..enrolled.clone() };
            verified(&account, &asked, &released, Timestamp(1_800_000_000)).is_some()
        };
        assert!(told(enrolled.phone.clone(), false, &record), "an enrolled number confirms");
        assert!(told(None, true, &record), "and so does another ground");
        assert!(!told(None, false, &record), "though somebody was identified once by that record");
    }

    #[test]
    fn a_document_goes_with_its_expiry_and_whether_it_is_valid() {
        let account = somebody();
        let released = BTreeSet::from([DataSet::Document]);
        let number = BTreeSet::from(["document_number".to_owned()]);
        let (last, after) = (CivilDate::new(2031, 3, 14).unwrap(), CivilDate::new(2031, 3, 15).unwrap());
        let noon = Timestamp(1_931_256_000);
        assert_eq!((CivilDate::of(noon), CivilDate::of(noon.plus(86_400))), (last, after));
        for (today, now, valid) in [(last, noon, true), (after, noon.plus(86_400), false)] {
            for told in [
                for_userinfo(&account, "openid document", &BTreeSet::new(), &released, today),
                for_userinfo(&account, "openid", &number, &released, today),
                for_id_token(&account, &number, &released, today),
                verified_document(&account, &released, now),
            ] {
                assert_eq!(
                    (&told["document_valid"], &told["document_expires_at"]),
                    (&json!(valid), &json!("2031-03-14"))
                );
            }
        }
        let nothing = for_userinfo(&account, "openid document", &number, &BTreeSet::new(), after);
        assert!(nothing.is_empty(), "{nothing:?}");
    }

    #[test]
    fn what_is_no_claims_request_is_refused() {
        for bad in ["", "[]", "{", r#"{"userinfo":1}"#, r#"{"userinfo":{"name":true}}"#] {
            assert!(ClaimsRequest::parse(bad).is_err(), "{bad}");
        }
    }
}

#[cfg(test)]
mod properties {
    use super::*;
    use proptest::prelude::*;

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-z:_#-]{0,12}".prop_map(Value::from),
        ];
        let name = "userinfo|id_token|name|sub|acr|value|values|essential|[a-z]{1,6}";
        leaf.prop_recursive(4, 40, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(name, inner, 0..6).prop_map(|map| json!(map)),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_json_is_read_or_refused_and_only_known_claims_stay(value in json_value(), text in "\\PC*") {
            let _ = ClaimsRequest::parse(&text);
            if let Ok(request) = ClaimsRequest::parse(&value.to_string()) {
                prop_assert!(value.is_object());
                for name in request.names.userinfo.iter().chain(&request.names.id_token) {
                    prop_assert!(set_of(name).is_some(), "{}", name);
                }
            }
        }

        #[test]
        fn what_is_asked_for_by_name_is_asked_for(
            known in prop::collection::btree_set(prop::sample::select(&CLAIMS[..]), 0..8),
            unknown in prop::collection::btree_set("x_[a-z]{1,8}", 0..4),
        ) {
            let names: BTreeSet<String> = known.iter().map(|(name, _)| (*name).to_owned()).collect();
            let wanted: Map<String, Value> = names.iter().chain(&unknown).map(|name| (name.clone(), Value::Null)).collect();
            let request = ClaimsRequest::parse(&json!({ "userinfo": wanted }).to_string()).unwrap();
            prop_assert_eq!(&request.names.userinfo, &names);
            let sets: BTreeSet<DataSet> = known.iter().map(|(_, set)| *set).collect();
            prop_assert_eq!(requested(&[], &request), sets);
        }
    }
}
