//! The relying parties of the tests, as `yagona client import` reads them.

use serde_json::{Value, json};

use super::listener::REFUSE_FIRST;
use super::recipient::{ELLIPTIC, RSA};
use super::signer::{KEYS, Signer};
use super::signing;

/// Confidential, ES256; must be consented to; refreshes; has back-channel logout.
pub(crate) const SHOP: &str = "shop";
/// As `SHOP`, another one.
pub(crate) const RIVAL: &str = "rival";
/// A state body with a statutory basis: no consent. Refreshes.
pub(crate) const AGENCY: &str = "agency";
/// Authenticates in the body; refuses the first logout token of each session.
pub(crate) const BODY: &str = "body";
/// As certification suites are registered: no PKCE, RS256.
pub(crate) const LEGACY: &str = "legacy";
/// Public: PKCE instead of a secret.
pub(crate) const NATIVE: &str = "native";
/// EdDSA ID tokens, JWT access tokens; has front-channel logout.
pub(crate) const MODERN: &str = "modern";
/// PS256 ID tokens and JWT access tokens.
pub(crate) const VAULT: &str = "vault";
/// Has everything encrypted with its P-256 key.
pub(crate) const SEALED: &str = "sealed";
/// Has ID tokens and UserInfo encrypted with its RSA key, and UserInfo not signed.
pub(crate) const ARCHIVE: &str = "archive";
/// Client credentials, without a person.
pub(crate) const MACHINE: &str = "machine";
/// A lending service.
pub(crate) const LENDER: &str = "lender";
/// Proves itself with its keys, which are in its registration.
pub(crate) const KEYED: &str = "keyed";
/// As `KEYED`, with RS256 and assertions for the token endpoint.
pub(crate) const FEDERATED: &str = "federated";
/// Signs with its secret, which one test changes.
pub(crate) const SIGNING: &str = "signing";
/// Must push its requests; wants answers signed with EdDSA.
pub(crate) const PUSHER: &str = "pusher";
/// Gets tokens for `API` and `TAX`, opaque ones; also for itself.
pub(crate) const BUYER: &str = "importer";
/// As `BUYER`, signed ones.
pub(crate) const TRADER: &str = "trader";
/// A resource server.
pub(crate) const API: &str = "api";
/// Another one.
pub(crate) const TAX: &str = "tax";
/// The URIs by which these two and `LEDGER` are known.
pub(crate) const LEDGER_URI: &str = "urn:uz:example:ledger";
pub(crate) const API_URI: &str = "https://api.example.uz/v1";
pub(crate) const TAX_URI: &str = "urn:uz:example:tax";
/// Signs its requests, if it likes, with the keys of `request_key`.
pub(crate) const SIGNER: &str = "signer";
/// Must sign them.
pub(crate) const STRICT: &str = "notary";
/// Held to FAPI 2.0; proves itself with its keys.
pub(crate) const BANK: &str = "treasury";
/// As `BANK`, and signs its requests.
pub(crate) const BROKER: &str = "broker";

/// A device without a browser: public, without a redirect URI.
pub(crate) const TV: &str = "tv";
/// As `TV`, with a secret; refreshes; gets tokens for `API` and `TAX`.
pub(crate) const RADIO: &str = "radio";
/// Asks for data with a purpose of their own; refreshes; gets tokens for `API` and `TAX`.
pub(crate) const FUND: &str = "fund";
/// As `FUND`, with signed access tokens.
pub(crate) const CHARITY: &str = "charity";
/// As `FUND`, a device.
pub(crate) const KIOSK: &str = "kiosk";
/// As `FUND`, by a law.
pub(crate) const BUREAU: &str = "bureau";
/// Gets tokens for `LEDGER`; refreshes.
pub(crate) const CITY: &str = "city";
/// As `CITY`, signed ones.
pub(crate) const TOWN: &str = "town";
/// As `CITY`, for `LEDGER` and `TAX`.
pub(crate) const BOROUGH: &str = "borough";
/// A resource server that calls `TAX` and `NOTES` on a person's behalf.
pub(crate) const LEDGER: &str = "ledger";
/// Another one, which calls `TAX` and `LEDGER`, has signed tokens and knows people as `LEDGER` does.
pub(crate) const NOTES: &str = "notes";
/// Manages its grants; refreshes; asks for data with a purpose of their own.
pub(crate) const TRUST: &str = "trust";
/// As `TRUST`, and must say in each request what is to become of which grant; has signed access tokens.
pub(crate) const ESTATE: &str = "estate";
/// As `CITY`; has UserInfo signed, and introspection where it asks for that.
pub(crate) const COURT: &str = "court";
/// A device of a state body with a statutory basis.
pub(crate) const GAZETTE: &str = "gazette";
/// May ask for every data set there is, also of people who are not at its site.
pub(crate) const OFFICE: &str = "office";
/// As `OFFICE`, has what it gets encrypted.
pub(crate) const SEALED_OFFICE: &str = "vaulted";
/// A state body to which a law gives data of people whom it names.
pub(crate) const COUNCIL: &str = "council";
/// May ask whose a number is.
pub(crate) const CHECKER: &str = "checker";
/// Asks people who are not at its site; refreshes; gets tokens for `API` and `TAX`; may also sign people in.
pub(crate) const COUNTER: &str = "counter";
/// As `COUNTER`, another one, which signs its requests and hints with the keys of `signing`.
pub(crate) const CASHIER: &str = "cashier";
/// Has applications confirmed, at its site and elsewhere; its registration lets a button permit a release.
pub(crate) const APPLICANT: &str = "applicant";
/// As `COUNTER`, of a state body with a statutory basis.
pub(crate) const REGISTRY: &str = "registry";
/// Speaks OneID's protocol, and may ask for all data.
pub(crate) const ONEID: &str = "my_portal_uz";
/// As `ONEID`, with the answers that every published client understands.
pub(crate) const ONEID_MINIMAL: &str = "kichik_uz";
/// As `ONEID`, from one network of the world alone.
pub(crate) const ONEID_FAR: &str = "uzoq_uz";
/// As `ONEID`, three times in a minute, and an app.
pub(crate) const ONEID_APP: &str = "ilova_uz";

/// An app's redirect URI.
pub(crate) const APP_CALLBACK: &str = "uz.example.app://auth";
/// As `KEYED`, with access tokens that are bound to a key.
pub(crate) const BOUND: &str = "bound";
/// Has a secret, and must use nonces in its proofs of possession.
pub(crate) const NONCED: &str = "nonced";

/// The redirect URI; nothing listens there, since redirects are read, not followed.
pub(crate) const CALLBACK: &str = "http://localhost:9/callback";
/// A second one, with a query.
pub(crate) const CALLBACK_WITH_QUERY: &str = "http://localhost:9/callback?from=yagona";
/// Where people go after signing out.
pub(crate) const SIGNED_OUT: &str = "http://localhost:9/signed-out";

/// A client's secret.
pub(crate) fn secret(client_id: &str) -> String {
    format!("{client_id}-secret-that-only-the-tests-know-0123456789")
}

/// The grant of devices.
const DEVICE: &str = "\"urn:ietf:params:oauth:grant-type:device_code\"";

/// A resource server that exchanges tokens.
pub(crate) const EXCHANGING: &str = "grant_types = [\"urn:ietf:params:oauth:grant-type:token-exchange\"]\nredirect_uris = []\nresource_server = true\n";

/// The kinds of details that a service may ask by.
pub(crate) const DETAILED: &str = "authorization_details_types = [\"personal_data\"]\n";
/// The grant of services that ask people who are not at their sites.
const CIBA: &str = "\"urn:openid:params:grant-type:ciba\"";

/// Everything that a service may ask for; it needs the name.
pub(crate) const ALL_DATA: &str = "data_sets = [{ name = \"name\", required = true }, { name = \"birth_date\" }, \
                        { name = \"sex\" }, { name = \"citizenship\" }, { name = \"pinfl\" }, \
                        { name = \"document\" }, { name = \"phone\" }, { name = \"address\" }]\n";

/// Every data set there is.
pub(crate) fn every_data_set() -> String {
    let sets = yagona::people::DataSet::ALL.map(|set| format!("{{ name = \"{}\" }}", set.name()));
    format!("data_sets = [{}]\n", sets.join(", "))
}

/// Where published clients of OneID are called back; they take no address of this machine.
fn portal(client: &str) -> String {
    let paths = ["callback", "oneid/auth", "accounts/id.egov.uz/login/callback/"];
    let uris = paths.map(|path| format!("\"https://portal.example.uz/{path}\"")).join(", ");
    format!("sector = \"{client}\"\nredirect_uris = [\"{CALLBACK}\", \"{CALLBACK_WITH_QUERY}\", {uris}]\n")
}

/// The file; logout tokens are sent to `backchannel`.
#[expect(clippy::too_many_lines, reason = "it is a list")]
pub(crate) fn text(backchannel: &str) -> String {
    let logout =
        format!("backchannel_logout_uri = \"{backchannel}\"\nbackchannel_logout_session_required = true\n");
    let refreshing = "grant_types = [\"authorization_code\", \"refresh_token\"]\n";
    // Clients of one sector see the same `sub`; on this machine a client is its own sector unless it says otherwise.
    let required = "sector = \"shops.example.uz\"\ndata_sets = [{ name = \"name\", required = true, why = \"To address you\" }, \
                    { name = \"birth_date\" }, { name = \"phone\" }, { name = \"address\" }]\n";
    let buying =
        "grant_types = [\"authorization_code\", \"refresh_token\", \"client_credentials\"]\nresource_servers = [\"api\", \"tax\"]\n".to_owned();
    [
        client(SHOP, &format!("{refreshing}{required}{logout}policy_uri = \"http://localhost:9/policy\"\n")),
        client(RIVAL, &format!("{refreshing}{required}")),
        client(
            AGENCY,
            &format!("{refreshing}kind = \"state\"\nbasis = \"statutory\"\nbasis_reference = \"Law 123\"\n"),
        ),
        client(
            BODY,
            &format!(
                "{refreshing}token_endpoint_auth_method = \"client_secret_post\"\n\
                 backchannel_logout_uri = \"{backchannel}{REFUSE_FIRST}\"\n"
            ),
        ),
        client(
            LEGACY,
            &format!("{refreshing}{logout}require_pkce = false\nid_token_signed_response_alg = \"RS256\"\n"),
        ),
        client(
            NATIVE,
            &format!("{refreshing}token_endpoint_auth_method = \"none\"\napplication_type = \"native\"\n"),
        ),
        client(
            MODERN,
            &format!(
                "{refreshing}id_token_signed_response_alg = \"EdDSA\"\naccess_token_format = \"jwt\"\n\
                 access_token_signed_response_alg = \"EdDSA\"\n\
                 frontchannel_logout_uri = \"http://localhost:9/bye?own=1\"\n"
            ),
        ),
        client(MACHINE, "grant_types = [\"client_credentials\"]\n"),
        client(LENDER, "lending = true\n"),
        client(KEYED, &format!("{refreshing}{}", keyed(""))),
        client(
            FEDERATED,
            &keyed(
                "token_endpoint_auth_signing_alg = \"RS256\"\nassertion_audience = \"issuer_or_token_endpoint\"\n",
            ),
        ),
        client(BOUND, &format!("{refreshing}{}", keyed("dpop_bound_access_tokens = true\n"))),
        client(NONCED, "dpop_bound_access_tokens = true\ndpop_require_nonce = true\n"),
        client(SIGNING, "token_endpoint_auth_method = \"client_secret_jwt\"\n"),
        client(BUYER, &buying),
        client(TRADER, &format!("{buying}access_token_format = \"jwt\"\n")),
        client(API, &format!("resource_server = true\nresource_uris = [\"{API_URI}\"]\n")),
        client(TAX, &format!("resource_server = true\nresource_uris = [\"{TAX_URI}\"]\n")),
        client(SIGNER, &format!("jwks = \'{}\'\n", signing::jwks(SIGNER))),
        client(
            STRICT,
            &format!("jwks = \'{}\'\nrequire_signed_request_object = true\n", signing::jwks(STRICT)),
        ),
        profiled(BANK, &format!("{refreshing}{}", keyed("profile = \"fapi2\"\n"))),
        profiled(BROKER, &format!("{refreshing}{}", keyed("profile = \"fapi2-message-signing\"\n"))),
        client(
            PUSHER,
            "require_pushed_authorization_requests = true\npushed_requests_most = 500\n\
             authorization_signed_response_alg = \"EdDSA\"\n",
        ),
        client(TV, &format!("grant_types = [{DEVICE}]\nredirect_uris = []\ntoken_endpoint_auth_method = \"none\"\n")),
        client(
            RADIO,
            &format!(
                "grant_types = [{DEVICE}, \"refresh_token\"]\nredirect_uris = []\n\
                 resource_servers = [\"api\", \"tax\"]\n"
            ),
        ),
        client(
            GAZETTE,
            &format!(
                "grant_types = [{DEVICE}]\nredirect_uris = []\nkind = \"state\"\nbasis = \"statutory\"\n\
                 basis_reference = \"Law 123\"\n"
            ),
        ),
        asking(),
        client(ONEID, &format!("oneid = true\n{ALL_DATA}{}", portal(ONEID))),
        client(
            ONEID_MINIMAL,
            &format!(
                "oneid = true\noneid_profile = \"minimal\"\noneid_document_dates = \"YYYY-DD-MM\"\n\
                 oneid_redirect_uri_optional = true\n\
                 data_sets = [{{ name = \"name\", required = true }}, {{ name = \"pinfl\" }}, {{ name = \"document\" }}]\n{}",
                portal(ONEID_MINIMAL)
            ),
        ),
        client(ONEID_FAR, "oneid = true\noneid_addresses = [\"192.0.2.0/24\"]\n"),
        client(
            ONEID_APP,
            &format!(
                "oneid = true\noneid_app_redirect_uris = true\noneid_requests_per_minute = 3\n\
                 sector = \"ilova.uz\"\nredirect_uris = [\"{APP_CALLBACK}\", \"{CALLBACK}\"]\n"
            ),
        ),
    ]
    .concat()
        + &protected(refreshing)
        + &granting(&buying, refreshing)
}

/// Those that ask for data with a purpose, exchange tokens and manage grants.
fn granting(buying: &str, refreshing: &str) -> String {
    [
        client(FUND, &format!("{buying}{DETAILED}{ALL_DATA}")),
        client(CHARITY, &format!("{buying}{DETAILED}{ALL_DATA}access_token_format = \"jwt\"\n")),
        client(KIOSK, &format!("grant_types = [{DEVICE}]\nredirect_uris = []\n{DETAILED}{ALL_DATA}")),
        client(
            BUREAU,
            &format!("{DETAILED}kind = \"state\"\nbasis = \"statutory\"\nbasis_reference = \"Law 123\"\n"),
        ),
        client(CITY, &format!("{refreshing}resource_servers = [\"ledger\"]\n{DETAILED}{ALL_DATA}")),
        client(
            TOWN,
            &format!("{refreshing}resource_servers = [\"ledger\"]\naccess_token_format = \"jwt\"\n{DETAILED}{ALL_DATA}"),
        ),
        client(
            COURT,
            &format!(
                "{refreshing}resource_servers = [\"ledger\"]\n{DETAILED}{ALL_DATA}\
                 userinfo_signed_response_alg = \"ES256\"\nintrospection_signed_response_alg = \"PS256\"\n"
            ),
        ),
        client(
            BOROUGH,
            &format!("{refreshing}resource_servers = [\"ledger\", \"tax\"]\n{DETAILED}{ALL_DATA}"),
        ),
        client(LEDGER, &format!("{EXCHANGING}sector = \"books.example.uz\"\nresource_uris = [\"{LEDGER_URI}\"]\nmay_exchange_for = [\"notes\", \"tax\"]\n")),
        client(
            NOTES,
            &format!(
                "{EXCHANGING}sector = \"books.example.uz\"\nmay_exchange_for = [\"ledger\", \"tax\"]\n\
                 access_token_format = \"jwt\"\n"
            ),
        ),
        client(TRUST, &format!("{buying}{DETAILED}{ALL_DATA}grant_management = true\n")),
        client(
            ESTATE,
            &format!(
                "{buying}{DETAILED}{ALL_DATA}access_token_format = \"jwt\"\ngrant_management = true\n\
                 grant_management_action_required = true\n"
            ),
        ),
    ]
    .concat()
}

/// Services that ask people who are not at their sites.
fn asking() -> String {
    [
        client(
            COUNTER,
            &format!(
                "grant_types = [{CIBA}, \"refresh_token\", \"authorization_code\"]\nresource_servers = [\"api\", \"tax\"]\n\
                 data_sets = [{{ name = \"name\", required = true, why = \"To address you\" }}, {{ name = \"phone\" }}, \
                 {{ name = \"birth_date\" }}]\n"
            ),
        ),
        client(
            OFFICE,
            &format!(
                "grant_types = [{CIBA}, \"refresh_token\", \"authorization_code\"]\ndata_api = true\n{DETAILED}{}",
                every_data_set()
            ),
        ),
        client(SEALED_OFFICE, &format!("data_api = true\n{DETAILED}{}{}", every_data_set(), sealed())),
        client(
            COUNCIL,
            &format!(
                "grant_types = [\"client_credentials\"]\nredirect_uris = []\nkind = \"state\"\nbasis = \"statutory\"\n\
                 basis_reference = \"Law 123\"\ndata_api = true\nstatutory_purposes = [\"Housing register\"]\n{DETAILED}\
                 data_sets = [{{ name = \"address\" }}, {{ name = \"temporary_address\" }}, {{ name = \"tin\" }}]\n"
            ),
        ),
        client(CHECKER, "grant_types = [\"client_credentials\"]\nredirect_uris = []\nverification = true\n"),
        client(
            CASHIER,
            &format!(
                "grant_types = [{CIBA}]\nredirect_uris = []\njwks = '{}'\n\
                 backchannel_authentication_request_signing_alg = \"ES256\"\n",
                signing::jwks(CASHIER)
            ),
        ),
        client(
            APPLICANT,
            &format!(
                "grant_types = [{CIBA}, \"refresh_token\", \"authorization_code\", {DEVICE}]\npermission = \"click\"\n\
                 authorization_details_types = [\"application\"]\nsms_name = \"Office\"\n"
            ),
        ),
        client(
            REGISTRY,
            &format!(
                "grant_types = [{CIBA}]\nredirect_uris = []\nkind = \"state\"\nbasis = \"statutory\"\n\
                 basis_reference = \"Law 123\"\ndata_sets = [{{ name = \"name\", required = true }}]\n"
            ),
        ),
    ]
    .concat()
}

/// The members of a client that proves itself with the keys that the tests have, and `more`.
pub(crate) fn keyed(more: &str) -> String {
    let keys: Vec<Value> = KEYS.iter().map(Signer::jwk).collect();
    let set = json!({"keys": keys});
    format!("token_endpoint_auth_method = \"private_key_jwt\"\njwks = '{set}'\n{more}")
}

/// The clients for which more is signed and encrypted than for others.
fn protected(refreshing: &str) -> String {
    let by_ps256 = "id_token_signed_response_alg = \"PS256\"\naccess_token_format = \"jwt\"\n\
                    access_token_signed_response_alg = \"PS256\"\nauthorization_signed_response_alg = \"PS256\"\n";
    [
        client(VAULT, &format!("{refreshing}{by_ps256}")),
        client(SEALED, &format!("{refreshing}{}", sealed())),
        client(ARCHIVE, &format!("{refreshing}{}", archived())),
    ]
    .concat()
}

/// The members of a client that has everything encrypted by ECDH-ES.
fn sealed() -> String {
    let encrypted = ["id_token", "userinfo", "authorization", "introspection"].map(|kind| {
        format!("{kind}_encrypted_response_alg = \"ECDH-ES\"\n{kind}_encrypted_response_enc = \"A256GCM\"\n")
    });
    let set = json!({"keys": [KEYS[0].jwk(), ELLIPTIC.jwk()]});
    format!(
        "jwks = '{set}'\n{}userinfo_signed_response_alg = \"PS256\"\nintrospection_signed_response_alg = \"ES256\"\n",
        encrypted.concat()
    )
}

/// The members of a client that has ID tokens and UserInfo encrypted by RSA-OAEP-256.
fn archived() -> String {
    let encrypted = ["id_token", "userinfo"].map(|kind| {
        format!(
            "{kind}_encrypted_response_alg = \"RSA-OAEP-256\"\n{kind}_encrypted_response_enc = \"A256GCM\"\n"
        )
    });
    format!("jwks = '{}'\n{}", json!({"keys": [RSA.jwk()]}), encrypted.concat())
}

/// As [`client`], with the algorithms that its profile gives it.
fn profiled(id: &str, more: &str) -> String {
    client(id, more).replace("id_token_signed_response_alg = \"ES256\"\n", "")
}

/// A registration with these members besides the usual ones.
pub(crate) fn client(id: &str, more: &str) -> String {
    let name = id[..1].to_uppercase() + &id[1..];
    let secret = match id {
        NATIVE | TV => String::new(),
        _ if more.contains("private_key_jwt") || more.contains("tls_client_auth\"") => String::new(),
        _ => format!("client_secret = \"{}\"\n", secret(id)),
    };
    let basis = if more.contains("basis") { "" } else { "kind = \"commercial\"\nbasis = \"consent\"\n" };
    let policy =
        if more.contains("policy_uri") { "" } else { "policy_uri = \"http://localhost:9/policy\"\n" };
    // The default, RS256, costs more; `third_party_clients.rs` and `documented_programs.rs` have clients with it.
    let alg = if more.contains("id_token_signed_response_alg") {
        ""
    } else {
        "id_token_signed_response_alg = \"ES256\"\n"
    };
    let uris = match id {
        _ if more.contains("redirect_uris = ") => String::new(),
        MACHINE => "redirect_uris = []\n".to_owned(),
        _ => format!(
            "redirect_uris = [\"{CALLBACK}\", \"{CALLBACK_WITH_QUERY}\"]\n\
             post_logout_redirect_uris = [\"{SIGNED_OUT}\"]\n"
        ),
    };
    format!(
        "[[clients]]\nclient_id = \"{id}\"\n{secret}client_name = \"{name}\"\nowner = \"The owner of {name}\"\n{policy}\
         purpose = \"To serve you\"\nclient_uri = \"http://localhost:9/\"\n{basis}{uris}{alg}{more}\n"
    )
}
