//! Claims: what scopes and the `claims` parameter ask for, and their values from a person's record.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::grants::ClaimNames;
use crate::people::{Account, DataSet, DocumentKind, PersonName, Sex};

/// Every claim with the set of data that it belongs to.
pub(super) const CLAIMS: [(&str, DataSet); 26] = [
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
    ("gender", DataSet::Sex),
    ("citizenship", DataSet::Citizenship),
    ("nationalities", DataSet::Citizenship),
    ("pinfl", DataSet::Pinfl),
    ("document_type", DataSet::Document),
    ("document_number", DataSet::Document),
    ("document_issuer", DataSet::Document),
    ("document_issued_at", DataSet::Document),
    ("document_expires_at", DataSet::Document),
    ("phone_number", DataSet::Phone),
    ("phone_number_verified", DataSet::Phone),
    ("address", DataSet::Address),
    ("zoneinfo", DataSet::Name),
    ("locale", DataSet::Name),
];

/// Scopes that are understood, as discovery lists them.
pub(super) const SCOPES: [&str; 7] =
    ["openid", "profile", "phone", "address", "pinfl", "document", "offline_access"];

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
    /// Reads the parameter. Claims that are not understood are ignored, as the specification demands.
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
                if !detail.is_null() && !detail.is_object() {
                    return Err("a claim must be requested by null or a JSON object");
                }
                request.add(place, name, detail);
            }
        }
        Ok(request)
    }

    fn add(&mut self, place: &str, name: &str, detail: &Value) {
        let essential = detail["essential"] == true;
        match name {
            "acr" if place == "id_token" => {
                let values = detail["values"].as_array().into_iter().flatten().chain(detail.get("value"));
                let values: Vec<String> = values.filter_map(Value::as_str).map(str::to_owned).collect();
                if essential {
                    self.essential_acr = values;
                }
            }
            "sub" => self.sub = detail["value"].as_str().map(str::to_owned),
            _ => {
                if set_of(name).is_some() {
                    let names = &mut self.names;
                    let names = if place == "userinfo" { &mut names.userinfo } else { &mut names.id_token };
                    names.insert(name.to_owned());
                }
            }
        }
    }

    fn sets(&self) -> impl Iterator<Item = DataSet> + '_ {
        self.names.userinfo.iter().chain(&self.names.id_token).filter_map(|name| set_of(name))
    }
}

fn set_of(claim: &str) -> Option<DataSet> {
    CLAIMS.iter().find(|(name, _)| *name == claim).map(|(_, set)| *set)
}

/// The sets of data that scopes and single claims ask for.
pub(super) fn requested(scopes: &[String], claims: &ClaimsRequest) -> BTreeSet<DataSet> {
    DataSet::ALL
        .into_iter()
        .filter(|set| scopes.iter().any(|scope| scope == set.scope()))
        .chain(claims.sets())
        .collect()
}

/// The claims for UserInfo: those of the scopes, and those asked for by name, of sets that may be released.
pub(super) fn for_userinfo(
    account: &Account,
    scopes: &str,
    claims: &BTreeSet<String>,
    released: &BTreeSet<DataSet>,
) -> Map<String, Value> {
    let mut out = Map::new();
    for (name, set) in CLAIMS {
        let wanted = scopes.split(' ').any(|scope| scope == set.scope()) || claims.contains(name);
        if wanted
            && released.contains(&set)
            && let Some(value) = value(account, name)
        {
            out.insert(name.to_owned(), value);
        }
    }
    out
}

/// The claims for the ID token: those asked for there by name alone, of sets that may be released.
pub(super) fn for_id_token(
    account: &Account,
    claims: &BTreeSet<String>,
    released: &BTreeSet<DataSet>,
) -> Map<String, Value> {
    let mut out = Map::new();
    for name in claims {
        if set_of(name).is_some_and(|set| released.contains(&set))
            && let Some(value) = value(account, name)
        {
            out.insert(name.clone(), value);
        }
    }
    out
}

fn value(account: &Account, claim: &str) -> Option<Value> {
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
        "zoneinfo" => "Asia/Tashkent".into(),
        "locale" => "uz-Latn-UZ".into(),
        "birthdate" => person.birth_date.to_string().into(),
        "gender" => match person.sex {
            Sex::Male => "male".into(),
            Sex::Female => "female".into(),
        },
        "citizenship" => person.citizenship.clone().into(),
        "nationalities" => json!([person.citizenship]),
        "pinfl" => person.pinfl.digits().into(),
        "document_type" => kind(document.kind).into(),
        "document_number" => document.number.as_str().into(),
        "document_issuer" => document.issuer.clone().into(),
        "document_issued_at" => document.issued_on.to_string().into(),
        "document_expires_at" => document.expires_on.to_string().into(),
        "phone_number" => format!("+{}", account.phone.digits()).into(),
        "phone_number_verified" => true.into(),
        "address" => {
            let address = person.address.as_ref()?;
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
        _ => return None,
    })
}

fn name_claim(name: &PersonName, claim: &str) -> Option<Value> {
    Some(match claim {
        "name" => name.full().into(),
        "given_name" => name.given.clone().into(),
        "family_name" => name.family.clone().into(),
        _ => name.patronymic.clone()?.into(),
    })
}

const fn kind(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::BiometricPassport => "biometric_passport",
        DocumentKind::IdCard => "id_card",
        DocumentKind::ForeignTravelPassport => "foreign_travel_passport",
        DocumentKind::DrivingLicence => "driving_licence",
        DocumentKind::NationalPassport => "national_passport",
        DocumentKind::TravelDocument => "travel_document",
        DocumentKind::ResidencePermit => "residence_permit",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
