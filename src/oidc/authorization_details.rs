//! `authorization_details` (RFC 9396): what is asked for by JSON objects, each of a type that this provider knows and the
//! client registered. The types are in `clients/detail.rs`; here is how they are written.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::{ErrorCode, OAuthError};
use super::{application_details, data};
use crate::clients::{Application, Basis, Client, DetailType, Ends, PersonalData, Use};
use crate::people::DataSet;
use crate::platform::clock::Timestamp;
use crate::platform::plain_text::is_shown_as_written;
use crate::release::AgreedData;

/// The parameter's name.
pub(super) const NAME: &str = "authorization_details";

/// The longest text that is read, in bytes.
const MOST_BYTES: usize = 4_000;

/// More objects than a person reads.
const MOST: usize = 4;

/// The longest purpose, in characters.
const LONGEST_PURPOSE: usize = 200;

/// The members of `personal_data`.
const MEMBERS: [&str; 8] = ["type", "data_sets", "purpose", "basis", "until", "period", "use", "locations"];

/// What the objects of a request are held against.
pub(super) struct Bounds<'a> {
    /// Who asks.
    pub client: &'a Client,
    /// The data sets that the request asks for by scopes and claims.
    pub general: &'a BTreeSet<DataSet>,
    /// The client's resource servers.
    pub servers: &'a [Arc<Client>],
    /// Those that the request names (`resource`); all where it names none.
    pub resources: &'a [String],
    /// This provider, which is the location of UserInfo.
    pub issuer: &'a str,
    /// Now.
    pub now: Timestamp,
}

const fn invalid(description: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidAuthorizationDetails, description)
}

/// What a request asks for by these objects.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Data, each with a purpose of its own.
    pub data: Vec<PersonalData>,
    /// What the person is to confirm.
    pub application: Option<Box<Application>>,
}

/// The objects that `text` asks for. One of an application stands alone.
///
/// # Errors
/// `invalid_authorization_details` (RFC 9396 §5).
pub(super) fn asked(text: &str, bounds: &Bounds<'_>) -> Result<Asked, OAuthError> {
    let objects = objects(text)?;
    let mut details: Vec<PersonalData> = Vec::with_capacity(objects.len());
    for object in &objects {
        let detail = match kind(object)? {
            DetailType::PersonalData => personal_data(object, bounds)?,
            DetailType::Application if objects.len() == 1 => {
                let application = application_details::read(object, bounds.client)?;
                return Ok(Asked { application: Some(Box::new(application)), ..Asked::default() });
            }
            DetailType::Application => {
                return Err(invalid(
                    "an object of type application stands alone in authorization_details: its code confirms it and nothing else",
                ));
            }
        };
        if details.iter().any(|other| other.overlaps(&detail)) {
            return Err(invalid(
                "two objects of authorization_details name the same data set for the same purpose, use and locations: join them",
            ));
        }
        details.push(detail);
    }
    Ok(Asked { data: details, application: None })
}

/// What of `granted` the objects of a token request name, each as the token response had it (RFC 9396 §6.1).
///
/// # Errors
/// `invalid_authorization_details` when an object was not granted.
pub(super) fn narrowed(text: &str, granted: &[AgreedData]) -> Result<Vec<AgreedData>, OAuthError> {
    let objects = objects(text)?;
    let mut kept: Vec<AgreedData> = Vec::with_capacity(objects.len());
    for object in &objects {
        kind(object)?;
        let found = granted.iter().find(|detail| names(object, detail));
        let found = found.ok_or(invalid(
            "authorization_details exceeds what was granted: name objects as the token response had them",
        ))?;
        if !kept.contains(found) {
            kept.push(found.clone());
        }
    }
    Ok(kept)
}

/// Whether an object is that detail: every member that it has is the detail's. The `type` alone names nothing.
fn names(object: &Map<String, Value>, detail: &AgreedData) -> bool {
    let told = detail.on_the_wire();
    let named = ["data_sets", "purpose", "use"].iter().all(|member| object.contains_key(*member));
    named && object.iter().all(|(member, value)| told.get(member) == Some(value))
}

/// The objects in a text, bounded in size and number. What they may hold is flat, so depth is bounded as well.
pub(super) fn objects(text: &str) -> Result<Vec<Map<String, Value>>, OAuthError> {
    let shape = "authorization_details must be a JSON array of 1 to 4 objects, of at most 4000 bytes";
    if text.len() > MOST_BYTES {
        return Err(invalid(shape));
    }
    let objects: Vec<Map<String, Value>> = serde_json::from_str(text).map_err(|_| invalid(shape))?;
    if objects.is_empty() || objects.len() > MOST {
        return Err(invalid(shape));
    }
    Ok(objects)
}

fn kind(object: &Map<String, Value>) -> Result<DetailType, OAuthError> {
    let name = object.get("type").and_then(Value::as_str);
    let name = name.ok_or(invalid("each object of authorization_details must have a type, as text"))?;
    DetailType::parse(name)
        .ok_or(invalid("type is none of the authorization_details_types_supported of this provider"))
}

/// As [`asked`], of one object that must ask for data.
///
/// # Errors
/// As for [`asked`].
pub(super) fn personal_data_of(
    object: &Map<String, Value>,
    bounds: &Bounds<'_>,
) -> Result<PersonalData, OAuthError> {
    match kind(object)? {
        DetailType::PersonalData => personal_data(object, bounds),
        DetailType::Application => {
            Err(invalid("a person confirms an application: it is asked for where they are asked"))
        }
    }
}

fn personal_data(object: &Map<String, Value>, bounds: &Bounds<'_>) -> Result<PersonalData, OAuthError> {
    let client = bounds.client;
    if !client.data.detail_types.contains(&DetailType::PersonalData) {
        return Err(invalid(
            "type personal_data is not among the authorization_details_types that the client registered",
        ));
    }
    if object.keys().any(|member| !MEMBERS.contains(&member.as_str())) {
        return Err(invalid(
            "personal_data has an unknown member: it takes type, data_sets, purpose, basis, until, period, use, locations",
        ));
    }
    let mut asked = PersonalData {
        data_sets: data_sets(object.get("data_sets"), bounds)?,
        purpose: agreed_purpose(purpose(object.get("purpose"))?, client)?,
        basis: basis(object.get("basis"), client)?,
        ends: ends(object, client, bounds.now)?,
        how_often: word::<Use>(object.get("use")).ok_or(invalid("use must be single or repeated"))?,
        locations: locations(object.get("locations"), bounds)?,
        told: Vec::new(),
    };
    // Each of the two knows what was read there alone.
    let here = |location: &String| location == bounds.issuer || *location == data::location(bounds.issuer);
    if asked.is_single() && (asked.locations.len() > 1 || !asked.locations.iter().all(here)) {
        return Err(invalid(
            "what has the use single is read at UserInfo or by the data API: locations may name the issuer or the data API, one of them, and no resource server",
        ));
    }
    asked.told = told(&asked, bounds);
    Ok(asked)
}

/// Marks of the resource servers that are told of it: none of what is read once.
fn told(asked: &PersonalData, bounds: &Bounds<'_>) -> Vec<String> {
    if asked.is_single() {
        return Vec::new();
    }
    let names = |uris: &[String], server: &Client| {
        uris.is_empty() || server.tokens.resource_uris.iter().any(|own| uris.contains(own))
    };
    let told = bounds
        .servers
        .iter()
        .filter(|server| names(&asked.locations, server) && names(bounds.resources, server));
    let told: BTreeSet<String> = told.map(|server| server.terms.mark(&server.id)).collect();
    told.into_iter().collect()
}

/// A word of a closed list.
fn word<T: DeserializeOwned>(value: Option<&Value>) -> Option<T> {
    serde_json::from_value(value?.clone()).ok()
}

fn data_sets(value: Option<&Value>, bounds: &Bounds<'_>) -> Result<BTreeSet<DataSet>, OAuthError> {
    let shape = invalid("data_sets must be an array of names of data sets, at least one and each once");
    let names = value.and_then(Value::as_array).ok_or(shape)?;
    let mut sets = BTreeSet::new();
    for name in names {
        let name = name.as_str().ok_or(shape)?;
        let set = DataSet::parse(name).filter(|set| bounds.client.data_set(*set).is_some());
        if DataSet::parse(name).is_some_and(|set| bounds.client.taken.contains(&set)) {
            return Err(invalid("data_sets names a data set that the contract of the client does not allow"));
        }
        let set = set.ok_or(invalid("data_sets names a data set that the client is not registered for"))?;
        if !set.is_of_record() {
            return Err(invalid(
                "data_sets names data_usage, which is asked for by the scope data_usage alone",
            ));
        }
        if bounds.general.contains(&set) {
            return Err(invalid(
                "data_sets names a data set that scope or claims ask for as well: ask for it in one place",
            ));
        }
        if !sets.insert(set) {
            return Err(shape);
        }
    }
    if sets.is_empty() { Err(shape) } else { Ok(sets) }
}

/// The text that the person reads. What would change how other words on the page are read is not in it.
fn purpose(value: Option<&Value>) -> Result<String, OAuthError> {
    let text = value.and_then(Value::as_str).filter(|text| {
        let length = text.chars().count();
        (1..=LONGEST_PURPOSE).contains(&length) && text.trim() == *text && is_shown_as_written(text)
    });
    let text = text.ok_or(invalid(
        "purpose must be text of 1 to 200 characters in one line, without characters that are not shown and stacks of marks",
    ))?;
    Ok(text.to_owned())
}

/// The purpose, if the client's contract has it.
fn agreed_purpose(purpose: String, client: &Client) -> Result<String, OAuthError> {
    match &client.contract {
        Some(contract) if !contract.allows_purpose(&purpose) => Err(invalid(
            "purpose is none of the purposes of the client's contract: say one of them, in its own words",
        )),
        _ => Ok(purpose),
    }
}

fn basis(value: Option<&Value>, client: &Client) -> Result<Basis, OAuthError> {
    let registered = client.data.basis;
    if value.is_some() && word::<Basis>(value) != Some(registered) {
        return Err(invalid("basis must be the basis of the registration: consent or statutory"));
    }
    Ok(registered)
}

/// No permission lasts longer than the registration lets a consent hold.
fn ends(object: &Map<String, Value>, client: &Client, now: Timestamp) -> Result<Ends, OAuthError> {
    let most = client.data.consent_seconds;
    match (object.get("until"), object.get("period")) {
        (None, None) => Ok(Ends::After(most)),
        (Some(_), Some(_)) => Err(invalid("until and period exclude each other")),
        (Some(until), None) => {
            let until = until.as_i64().filter(|until| *until > now.0 && *until <= now.plus(most).0);
            until.map(|until| Ends::At(Timestamp(until))).ok_or(invalid(
                "until must be seconds since 1970 in the future, and no later than the registered consent_days from now",
            ))
        }
        (None, Some(period)) => {
            let period = period.as_i64().filter(|period| (1..=most).contains(period));
            period.map(Ends::After).ok_or(invalid(
                "period must be a positive whole number of seconds, no longer than the registered consent_days",
            ))
        }
    }
}

fn locations(value: Option<&Value>, bounds: &Bounds<'_>) -> Result<Vec<String>, OAuthError> {
    let shape = invalid(
        "locations must be an array of resource_uris of the client's resource_servers, the issuer or (with data_api) the data API, each once",
    );
    let data_api = data::location(bounds.issuer);
    let Some(value) = value else { return Ok(Vec::new()) };
    let mut locations: Vec<String> = Vec::new();
    for location in value.as_array().ok_or(shape)? {
        let location = location.as_str().ok_or(shape)?;
        let registered = || bounds.servers.iter().flat_map(|server| &server.tokens.resource_uris);
        let here = location == bounds.issuer || (location == data_api && bounds.client.data.data_api);
        let known = here || registered().any(|uri| uri == location);
        if !known || locations.iter().any(|other| other == location) {
            return Err(shape);
        }
        let named = bounds.resources.is_empty() || bounds.resources.iter().any(|uri| uri == location);
        if !here && !named {
            return Err(invalid("locations names a resource server that resource does not name"));
        }
        locations.push(location.to_owned());
    }
    if locations.is_empty() { Err(shape) } else { Ok(locations) }
}

/// What fuzz targets reach of this parser: whatever is read is within its bounds.
#[cfg(fuzzing)]
pub(super) fn fuzz(text: &str) {
    if let Ok(objects) = objects(text) {
        assert!(objects.len() <= MOST);
        for object in &objects {
            if let Ok(purpose) = purpose(object.get("purpose")) {
                assert!(purpose.chars().count() <= LONGEST_PURPOSE && !purpose.contains('\n'));
            }
            application_details::fuzz(object);
        }
    }
    let _ = narrowed(text, &[]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::{Registration, Rules, application_tests};
    use serde_json::json;

    fn client(more: &str) -> Client {
        let text = format!(
            "client_id = 'bank'\nclient_name = 'Bank'\nowner = 'Bank LLC'\nredirect_uris = ['https://bank.uz/cb']\n\
             purpose = 'To serve you'\npolicy_uri = 'https://bank.uz/policy'\nconsent_days = 10\n\
             data_sets = [{{ name = 'name' }}, {{ name = 'phone' }}, {{ name = 'address' }}]\n{more}"
        );
        toml::from_str::<Registration>(&text).unwrap().parse(&rules()).unwrap()
    }

    fn rules() -> Rules {
        Rules {
            loopback_http: false,
            issuer: "https://id.uz".to_owned(),
            sms_host: "id.uz".to_owned(),
            shortest_secret: 8,
            published_secrets: true,
        }
    }

    const TYPES: &str = "basis = 'consent'\nauthorization_details_types = ['personal_data']";
    const NOW: Timestamp = Timestamp(1_000_000);

    fn read(client: &Client, text: &str) -> Result<Vec<PersonalData>, OAuthError> {
        let general = BTreeSet::from([DataSet::Name]);
        let resources = ["https://api.uz/".to_owned()];
        let bounds = Bounds {
            client,
            general: &general,
            servers: &servers(),
            resources: &resources,
            issuer: "https://id.uz",
            now: NOW,
        };
        asked(text, &bounds).map(|asked| asked.data)
    }

    /// Two resource servers, each with a URI.
    fn servers() -> [Arc<Client>; 2] {
        ["api", "tax"].map(|id| {
            let text = format!(
                "client_id = '{id}'\nclient_name = 'Server'\nowner = 'Owner of {id}'\npurpose = 'To serve'\nbasis = 'consent'\n\
                 redirect_uris = ['https://{id}.uz/cb']\npolicy_uri = 'https://{id}.uz/policy'\nresource_server = true\n\
                 resource_uris = ['https://{id}.uz/']"
            );
            Arc::new(toml::from_str::<Registration>(&text).unwrap().parse(&rules()).unwrap())
        })
    }

    fn whole() -> Value {
        json!({"type": "personal_data", "data_sets": ["phone"], "purpose": "A loan", "use": "single"})
    }

    #[test]
    fn rfc9396_2_an_object_is_read_with_what_it_leaves_open() {
        let bank = client(TYPES);
        let read = |value: Value| read(&bank, &value.to_string()).unwrap();
        let plain = &read(json!([whole()]))[0];
        assert_eq!((plain.basis, plain.ends), (Basis::Consent, Ends::After(864_000)));
        assert!(plain.locations.is_empty() && plain.is_single());
        let mut full = whole();
        full["basis"] = "consent".into();
        full["until"] = json!(NOW.0 + 864_000);
        full["use"] = "repeated".into();
        full["locations"] = json!(["https://api.uz/", "https://id.uz"]);
        let both = read(json!([whole(), full]));
        assert_eq!(both[1].ends, Ends::At(Timestamp(1_864_000)));
        assert_eq!(both[1].locations, ["https://api.uz/", "https://id.uz"]);
        // Told are those that it names, of those that the request names; of what is read once none.
        let [api, tax] = servers();
        assert!(both[1].tells(&api) && !both[1].tells(&tax) && !both[0].tells(&api));
        let mut open = whole();
        open["use"] = "repeated".into();
        assert!(read(json!([open]))[0].tells(&api) && !read(json!([open]))[0].tells(&tax));
        let sold = Arc::new(Client { terms: tax.terms.clone(), ..(*api).clone() });
        assert!(!both[1].tells(&sold), "another owner");
        let mut here = whole();
        here["locations"] = json!(["https://id.uz"]);
        assert!(read(json!([here]))[0].is_single());
    }

    #[test]
    fn rfc9396_5_whatever_is_unknown_missing_or_of_another_shape_is_refused_and_named() {
        let bank = client(TYPES);
        let refused = |client: &Client, text: &str| {
            let error = read(client, text).expect_err(text);
            assert_eq!(error.code, ErrorCode::InvalidAuthorizationDetails, "{text}");
            let plain = |c: char| (' '..='~').contains(&c) && c != '"' && c != '\\';
            assert!(error.description.chars().all(plain), "{}", error.description);
            error.description
        };
        for text in ["", "{}", "[]", "[1]", "[[]]", "{", "null", &format!("[{}]", ["{}"; 5].join(","))] {
            assert!(refused(&bank, text).starts_with("authorization_details must be"), "{text}");
        }
        let long = json!([{"type": "x".repeat(4_000)}]).to_string();
        assert!(refused(&bank, &long).starts_with("authorization_details must be"));
        assert!(refused(&bank, "[{}]").contains("must have a type"));
        assert!(refused(&bank, r#"[{"type":"payment"}]"#).contains("authorization_details_types_supported"));
        let twice = json!([whole(), whole()]).to_string();
        assert!(refused(&bank, &twice).contains("join them"));
        let (mut more, mut longer) = (whole(), whole());
        more["data_sets"] = json!(["phone", "address"]);
        longer["period"] = json!(5);
        for other in [more, longer] {
            assert!(refused(&bank, &json!([whole(), other]).to_string()).contains("join them"));
        }
        let mut distant = whole();
        distant["locations"] = json!(["https://api.uz/"]);
        assert!(refused(&bank, &json!([distant]).to_string()).contains("read at UserInfo"));
        let deep = json!("x".repeat(201));
        for (member, bad, words) in [
            ("colour", json!("red"), "unknown member"),
            ("data_sets", json!([]), "data_sets must be"),
            ("data_sets", json!("phone"), "data_sets must be"),
            ("data_sets", json!([["phone"]]), "data_sets must be"),
            ("data_sets", json!(["phone", "phone"]), "data_sets must be"),
            ("data_sets", json!(["shoe_size"]), "not registered for"),
            ("data_sets", json!(["pinfl"]), "not registered for"),
            ("data_sets", json!(["name"]), "scope or claims"),
            ("purpose", Value::Null, "purpose must be"),
            ("purpose", json!(""), "purpose must be"),
            ("purpose", json!(" a"), "purpose must be"),
            ("purpose", json!("a\nb"), "purpose must be"),
            ("purpose", json!("a\u{202e}b"), "purpose must be"),
            ("purpose", json!("a\u{3164}b"), "purpose must be"),
            ("purpose", json!(format!("a{}", "\u{301}".repeat(100))), "purpose must be"),
            ("purpose", deep, "purpose must be"),
            ("basis", json!("statutory"), "basis must be"),
            ("basis", json!("contract"), "basis must be"),
            ("until", json!(NOW.0), "until must be"),
            ("until", json!("2027-01-01"), "until must be"),
            ("until", json!(NOW.0 + 864_001), "until must be"),
            ("period", json!(0), "period must be"),
            ("period", json!(864_001), "period must be"),
            ("period", json!(1.5), "period must be"),
            ("use", json!("twice"), "use must be"),
            ("use", Value::Null, "use must be"),
            ("locations", json!([]), "locations must be"),
            ("locations", json!(["https://other.uz/"]), "locations must be"),
            ("locations", json!(["https://api.uz/", "https://api.uz/"]), "locations must be"),
            ("locations", json!(["https://tax.uz/"]), "resource does not name"),
        ] {
            let mut object = whole();
            object[member] = bad;
            let said = refused(&bank, &json!([object]).to_string());
            assert!(said.contains(words), "{member}: {said}");
        }
        for member in ["data_sets", "purpose", "use"] {
            let mut object = whole();
            object.as_object_mut().unwrap().remove(member);
            assert!(refused(&bank, &json!([object]).to_string()).starts_with(member));
        }
        let mut both = whole();
        (both["until"], both["period"]) = (json!(NOW.0 + 1), json!(1));
        assert!(refused(&bank, &json!([both]).to_string()).contains("exclude each other"));
        let other = client("basis = 'consent'");
        assert!(refused(&other, &json!([whole()]).to_string()).contains("that the client registered"));
    }

    #[test]
    fn an_application_is_read_as_it_is_written_and_stands_alone() {
        let office = client(
            "basis = 'consent'
authorization_details_types = ['application', 'personal_data']",
        );
        let general = BTreeSet::new();
        let bounds = Bounds {
            client: &office,
            general: &general,
            servers: &[],
            resources: &[],
            issuer: "https://id.uz",
            now: NOW,
        };
        let application = application_tests::kindergarten();
        let told = application_details::described(&application);
        let read = asked(&json!([told]).to_string(), &bounds).unwrap();
        assert_eq!((read.application.as_deref(), read.data.len()), (Some(&application), 0));
        assert_eq!(application_details::on_the_wire(&application, "a.b.c")["receipt"], "a.b.c");
        for together in [json!([told, told]), json!([told, whole()])] {
            let error = asked(&together.to_string(), &bounds).unwrap_err();
            assert!(error.description.contains("stands alone"), "{}", error.description);
        }
    }

    #[test]
    fn rfc9396_6_1_a_token_request_names_objects_as_they_were_granted() {
        let bank = client(TYPES);
        let asked = read(&bank, &json!([whole()]).to_string()).unwrap();
        let granted = [AgreedData::to(&asked[0], NOW)];
        let told = granted[0].on_the_wire();
        for good in [told.clone(), whole()] {
            assert_eq!(narrowed(&json!([good]).to_string(), &granted).unwrap(), granted);
        }
        let mut later = told.clone();
        later["until"] = json!(NOW.0 + 864_001);
        let mut more = told;
        more["data_sets"] = json!(["address", "phone"]);
        for bad in [later, more, json!({"type": "personal_data"}), json!({"type": "payment"})] {
            let error = narrowed(&json!([bad]).to_string(), &granted).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidAuthorizationDetails, "{bad}");
        }
    }
}
