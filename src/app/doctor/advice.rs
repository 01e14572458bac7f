//! What mends a refused request, by the words with which it was refused.

/// Words of a reason, and what to do. The first that fits counts.
const ADVICE: &[(&str, &str)] = &[
    (
        "type application is not among",
        "Add application to authorization_details_types of the registration and import it.",
    ),
    (
        "an application",
        "docs/applications.md says how an application is asked for: by one object alone, without data, at the authorization endpoint or by a backchannel request.",
    ),
    (
        "document_hash must be",
        "The service must send SHA-256 of the document, in base64url without padding: see docs/applications.md.",
    ),
    (
        "redirect_uri is not registered",
        "Register exactly the URI that the service sends, or let it send a registered one: they are compared character for character, a slash at the end and the port included.",
    ),
    ("redirect_uri is missing", "The service must send redirect_uri with every authorization request."),
    (
        "waits for approval",
        "Look at the client and approve it: yagona client show ID --waiting, yagona client approve ID --review CODE.",
    ),
    (
        "client_id is not registered",
        "The service uses an identifier that is not known here: compare it with yagona client list, and see that it talks to the right provider.",
    ),
    (
        "contract of the client",
        "Look at the contract: yagona contract show ID; what it does not allow is refused, whatever the registration says.",
    ),
    (
        "the client has no contract",
        "Name its contract in its registration: contract = 'ID'; yagona contract list shows them.",
    ),
    ("the client is disabled", "yagona client disable --undo ID enables it again."),
    (
        "has expired: check the clock",
        "The clock of the service is behind, or it uses an assertion again: run NTP there, and sign a new assertion for each request.",
    ),
    ("is ahead: check the clock", "The clock of the service is ahead: run NTP there."),
    (
        "too far ahead",
        "The service must let its assertions expire sooner, or assertion_seconds of its registration allows more.",
    ),
    (
        "aud of client_assertion",
        "The service must put the issuer into aud, as one text. assertion_audience = 'issuer_or_token_endpoint' lets older libraries in.",
    ),
    (
        "used before: its jti",
        "The service must make a new jti for each assertion; a retry needs a new assertion.",
    ),
    ("iss and sub of client_assertion", "The service must put its client_id into both iss and sub."),
    (
        "client_assertion",
        "The service's library makes an assertion of another kind: see the section on private_key_jwt in docs/relying-parties.md.",
    ),
    (
        "kid",
        "Publish the key that the service signs with, under the kid that it sends, a minute before it is used; a registration with jwks needs a new import.",
    ),
    ("matches no key", "Publish the key that the service signs with, or import its registration with it."),
    ("signature", "The service signs with another key than it registered: compare the two."),
    (
        "jwks_uri",
        "The address of the service's keys does not answer: yagona client doctor ID --online says how.",
    ),
    (
        "client authentication failed",
        "The secret is wrong or was rotated, or the service proves itself in another way than it is registered for: compare token_endpoint_auth_method; yagona client rotate-secret ID makes a new secret.",
    ),
    (
        "code_verifier",
        "The service sends another code_verifier than the one that its code_challenge was made of: it must keep it with the browser's session.",
    ),
    ("code_challenge", "The service must use PKCE with S256, as its registration demands."),
    (
        "certificate",
        "Show the registered certificate at the mtls_endpoint_aliases; compare its name with tls_client_auth_* of the registration.",
    ),
    (
        "DPoP",
        "The proof of possession does not fit: its htm, htu, iat and key; see DPoP in docs/relying-parties.md.",
    ),
    (
        "nonce",
        "The service must send the nonce that the last answer gave it, or for OpenID Connect one of its own.",
    ),
    (
        "pushed",
        "The registration wants requests to be pushed: the service must use the pushed authorization request endpoint, and a request_uri once.",
    ),
    ("scope", "The service asks for a scope that it may not have, or forgets openid."),
    (
        "grant",
        "The registration does not have this grant in grant_types, or the code or token was used, has expired or belongs to another client.",
    ),
    (
        "refresh token",
        "The token was used, has expired or was revoked: the service must begin a new sign-in.",
    ),
    (
        "code",
        "The code was used, has expired or belongs to another client or redirect URI: a code is redeemed once, within a minute.",
    ),
];

/// What mends a request that was refused for `reason`.
pub(super) fn of(reason: &str) -> &'static str {
    let known = ADVICE.iter().find(|(words, _)| reason.contains(words));
    known.map_or("docs/relying-parties.md explains the error at its endpoint.", |(_, advice)| advice)
}

/// What mends an address that does not answer as it should.
pub(super) fn of_address(member: &str) -> &'static str {
    match member {
        "jwks_uri" => {
            "the service must publish its keys there by https, with status 200, at an address that this machine reaches"
        }
        "sector_identifier_uri" => {
            "the service must list all its redirect URIs there; registered clients go on, the next import fails"
        }
        "logo_uri" => "pages show the icon that was fetched before; yagona client icons ID tries again",
        _ => {
            "the service must answer there by https, at an address that this machine reaches (outbound.allow lets private ones in)"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_gets_the_advice_of_its_own() {
        for (reason, word) in [
            (
                "invalid redirect_uri: redirect_uri is not registered for this client, character for character",
                "slash",
            ),
            ("client_assertion has expired: check the clock of the client", "NTP"),
            ("the aud of client_assertion must be the issuer, as one text", "assertion_audience"),
            ("client authentication failed", "rotate-secret"),
            (
                "type application is not among the authorization_details_types that the client registered",
                "import",
            ),
            ("something that nobody thought of", "relying-parties"),
        ] {
            assert!(of(reason).contains(word), "{reason}: {}", of(reason));
        }
    }
}
