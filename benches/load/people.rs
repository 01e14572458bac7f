//! Test people and clients for a measurement, in the provider's own file formats.

use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

/// Where the load's clients are sent back to; nobody listens there, since redirects are read, not followed.
pub(crate) const REDIRECT_URI: &str = "http://localhost:9/callback";
/// The scopes that the load's clients may use.
pub(crate) const SCOPE: &str = "openid profile phone offline_access";

/// Opaque access tokens, ES256 ID tokens.
pub(crate) const ES256: &str = "load-es256";
/// Opaque access tokens, RS256 ID tokens.
pub(crate) const RS256: &str = "load-rs256";
/// JWT access tokens by ES256.
pub(crate) const JWT_ES256: &str = "load-jwt-es256";
/// JWT access tokens by RS256.
pub(crate) const JWT_RS256: &str = "load-jwt-rs256";
/// JWT access tokens by EdDSA.
pub(crate) const JWT_EDDSA: &str = "load-jwt-eddsa";

/// Proves itself by `private_key_jwt`.
pub(crate) const KEYED: &str = "load-keyed";
/// Pushes its authorization requests, more than usual.
pub(crate) const PUSHING: &str = "load-pushing";
/// Asks for device codes.
pub(crate) const DEVICE: &str = "load-device";

/// Asks people who are not at its site.
pub(crate) const DESK: &str = "load-desk";

/// The grant of devices (RFC 8628).
pub(crate) const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The grant of requests to people elsewhere (CIBA Core 1.0).
pub(crate) const CIBA_GRANT: &str = "urn:openid:params:grant-type:ciba";

/// Clients as a provider must know them: id, ID token algorithm, JWT access token algorithm.
const CLIENTS: [(&str, &str, Option<&str>); 5] = [
    (ES256, "ES256", None),
    (RS256, "RS256", None),
    (JWT_ES256, "ES256", Some("ES256")),
    (JWT_RS256, "RS256", Some("RS256")),
    (JWT_EDDSA, "EdDSA", Some("EdDSA")),
];

/// The first test number; no operator has the code 00.
pub(crate) const FIRST_NUMBER: u64 = 998_005_000_000;

/// The number of person `index`.
pub(crate) fn number(first: u64, index: usize) -> String {
    (first + index as u64).to_string()
}

/// The numbers that only virtual user `index` of `users` signs in with, of `people` from `first` on: every so many-th.
pub(crate) fn share(first: u64, index: usize, users: usize, people: usize) -> Vec<String> {
    (index..people).step_by(users).map(|person| number(first, person)).collect()
}

/// A client's secret: known, since the provider it opens exists only for a measurement.
pub(crate) fn secret(client_id: &str) -> String {
    format!("{client_id}-secret-for-measurements-on-loopback-only")
}

/// Writes `people.toml`, with `enrolled` people from number `first` on and `blocked` ones after them, and `clients.toml`
/// into a folder.
///
/// # Errors
/// When the folder cannot be written.
pub(crate) fn write(folder: &Path, first: u64, enrolled: usize, blocked: usize) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("people.toml"), people_file(first, enrolled, blocked))?;
    fs::write(folder.join("clients.toml"), clients_file())
}

/// A people file with `enrolled` people whose number may sign in, and `blocked` whose number may not.
fn people_file(first: u64, enrolled: usize, blocked: usize) -> String {
    let mut file = String::new();
    for index in 0..enrolled + blocked {
        let (number, pinfl) = (number(first, index), pinfl(index));
        let status = if index < enrolled { "enrolled" } else { "blocked" };
        // Writing to a String cannot fail.
        let _ = write!(
            file,
            r#"[[person]]
about = "Virtual person {index}."
phone = "{number}"
status = "{status}"
pinfl = "{pinfl}"
birth_date = "1990-01-01"
sex = "male"
citizenship = "UZ"
names.latin = {{ family = "VALIYEV", given = "ALI", patronymic = "KARIMOVICH" }}
names.cyrillic = {{ family = "ВАЛИЕВ", given = "АЛИ", patronymic = "КАРИМОВИЧ" }}
names.english = {{ family = "VALIYEV", given = "ALI" }}
[person.document]
kind = "id_card"
number = "AL{index:07}"
issuer = "IIV 26277"
issued_on = "2021-03-15"
expires_on = "2031-03-14"
[person.address]
region = "Toshkent shahri"
district = "Yunusobod tumani"
street = "Amir Temur shoh koʻchasi, {index}-uy"
postal_code = "100084"

"#
        );
    }
    file
}

/// A client file with all of the load's clients.
fn clients_file() -> String {
    let mut file = String::new();
    for (id, id_token, access_token) in CLIENTS {
        let secret = secret(id);
        let format = access_token.map_or_else(String::new, |algorithm| {
            format!("access_token_format = \"jwt\"\naccess_token_signed_response_alg = \"{algorithm}\"\n")
        });
        let _ = write!(
            file,
            r#"[[clients]]
client_id = "{id}"
client_secret = "{secret}"
client_name = "Load"
owner = "The load program"
kind = "commercial"
basis = "consent"
policy_uri = "http://localhost:9/policy"
purpose = "Measuring how fast a sign-in is"
redirect_uris = ["{REDIRECT_URI}"]
grant_types = ["authorization_code", "refresh_token", "client_credentials"]
scope = "{SCOPE}"
id_token_signed_response_alg = "{id_token}"
sends_per_hour = 1000000000
{format}
"#
        );
    }
    file
}

/// A client file with the clients that versions before 0.2 do not know; `jwk` is the key of those that have one.
pub(crate) fn later_clients_file(jwk: &str) -> String {
    let mut file = String::new();
    let keyed = format!("token_endpoint_auth_method = \"private_key_jwt\"\njwks = '{{\"keys\":[{jwk}]}}'");
    let with_secret = |id: &str| format!("client_secret = \"{}\"", secret(id));
    for (id, proves, more) in [
        (KEYED, keyed, "grant_types = [\"client_credentials\"]".to_owned()),
        (
            PUSHING,
            with_secret(PUSHING),
            format!("pushed_requests_most = 1000000\nredirect_uris = [\"{REDIRECT_URI}\"]"),
        ),
        (DEVICE, with_secret(DEVICE), format!("grant_types = [\"{DEVICE_GRANT}\"]")),
        (DESK, with_secret(DESK), format!("grant_types = [\"{CIBA_GRANT}\"]")),
    ] {
        let _ = write!(
            file,
            r#"[[clients]]
client_id = "{id}"
client_name = "Load"
owner = "The load program"
kind = "commercial"
basis = "consent"
policy_uri = "http://localhost:9/policy"
purpose = "Measuring how fast a sign-in is"
scope = "openid profile phone"
{proves}
{more}

"#
        );
    }
    file
}

/// A valid number of a man born on 1 January 1990: the last digit is the sum of the others, weighted 7 3 1, mod 10.
fn pinfl(index: usize) -> String {
    let digits = format!("3010190{:06}", index % 1_000_000);
    let sum: u32 =
        digits.bytes().zip([7, 3, 1].into_iter().cycle()).map(|(byte, by)| u32::from(byte - b'0') * by).sum();
    format!("{digits}{}", sum % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_personal_numbers_are_well_formed() {
        assert_eq!(number(FIRST_NUMBER, 7), "998005000007");
        let known = "30101902040015";
        assert_eq!(pinfl(204_001).len(), 14);
        assert_eq!(pinfl(204_001), known);
    }

    #[test]
    fn each_person_belongs_to_one_user() {
        let mut all: Vec<String> = (0..3).flat_map(|index| share(FIRST_NUMBER, index, 3, 10)).collect();
        assert_eq!(share(FIRST_NUMBER, 1, 3, 10), ["998005000001", "998005000004", "998005000007"]);
        all.sort();
        assert_eq!(all, (0..10).map(|index| number(FIRST_NUMBER, index)).collect::<Vec<_>>());
    }

    #[test]
    fn the_files_are_toml_with_an_entry_for_each() {
        let people: toml::Table = people_file(FIRST_NUMBER, 2, 1).parse().unwrap();
        let people = people["person"].as_array().unwrap();
        let statuses: Vec<_> = people.iter().map(|person| person["status"].as_str().unwrap()).collect();
        assert_eq!(statuses, ["enrolled", "enrolled", "blocked"]);
        let clients: toml::Table = clients_file().parse().unwrap();
        assert_eq!(clients["clients"].as_array().unwrap().len(), CLIENTS.len());
        let later: toml::Table = later_clients_file(r#"{"kty":"EC"}"#).parse().unwrap();
        assert_eq!(later["clients"].as_array().unwrap().len(), 4);
    }
}
