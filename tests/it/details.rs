//! Rich authorization requests (RFC 9396): data for a purpose of their own, from the request to what is released.

use futures_util::future::join_all;
use serde_json::{Value, json};
use yagona::platform::jose::Alg;

use crate::support::client_file::{
    ALL_DATA, API, API_URI, BUREAU, CHARITY, DETAILED, FUND, KIOSK, SHOP, SIGNER, TAX, TAX_URI, client,
};
use crate::support::flow::redemption;
use crate::support::wait::until;
use crate::support::{
    Asked, Browser, Page, Person, Setup, Tokens, World, alone_on_both_backends, code_of, jwt,
    on_both_backends, param,
};

on_both_backends!(
    rfc9396_7_what_was_agreed_is_in_every_answer,
    rfc9396_what_is_read_once_is_read_once_and_agreed_to_each_time,
    rfc9396_a_consent_holds_for_purpose_term_and_data_alone,
    rfc9396_what_is_read_once_leaves_other_consents_alone,
    rfc9396_a_request_for_more_than_one_reading_ends_what_its_page_says,
    rfc9396_a_sign_in_without_data_leaves_what_is_read_once_alone,
    rfc9396_7_each_object_is_granted_by_whatever_covers_it,
    rfc9396_what_was_allowed_for_one_purpose_is_called_allowed_for_no_other,
    rfc9396_a_person_sees_who_else_is_told,
    rfc9396_5_invalid_details_are_refused_wherever_they_are_sent,
    rfc9396_6_1_the_token_endpoint_narrows_and_never_widens,
    rfc9396_9_2_a_resource_server_learns_what_is_its_business,
    rfc9396_a_person_sees_the_purpose_in_their_language_and_may_refuse,
    rfc9396_a_law_gives_nothing_for_a_purpose_that_was_not_shown,
    rfc9396_3_a_device_asks_with_a_purpose,
);

alone_on_both_backends!(
    rfc9396_what_was_agreed_ends_at_its_time,
    rfc9396_a_consent_is_bound_to_who_was_named,
);

const DAY: i64 = 86_400;

/// Data for a purpose, for a day.
fn detail(sets: &[&str], purpose: &str, how_often: &str) -> Value {
    json!({"type": "personal_data", "data_sets": sets, "purpose": purpose, "period": DAY, "use": how_often})
}

/// A request for nothing but details.
fn asking(client: &str, details: &[Value]) -> Asked {
    Asked::by(client).with("scope", "openid").and("authorization_details", &json!(details).to_string())
}

/// What introspection by a client says.
async fn told(world: &World, client: &str, token: &str) -> Value {
    world.post_as(client, "/oidc/introspect", &[("token", token)]).await.granted().body
}

/// UserInfo, which must answer.
async fn read(world: &World, tokens: &Tokens) -> Value {
    world.userinfo(tokens.get("access_token")).await.granted().body
}

/// The page on which a person who proved who they are is asked.
async fn consent_page(world: &World, browser: &mut Browser, asked: &Asked, person: &Person) -> Page {
    let page = browser.begin_with_number(world, asked, person).await;
    let code = world.sandbox.next_code(person).await;
    browser.enter_code(&page, &code).await.page().expect("allow")
}

async fn rfc9396_7_what_was_agreed_is_in_every_answer(world: &World) {
    for client in [FUND, CHARITY] {
        let person = world.person();
        let mut browser = world.browser();
        let asked = asking(client, &[detail(&["phone", "birth_date"], "A scholarship", "repeated")]);
        let pushed = if client == FUND { world.pushed(&asked).await } else { asked };
        let page = consent_page(world, &mut browser, &pushed, &person).await;
        assert!(page.text().contains("A scholarship") && page.text().contains("repeatedly"), "{page}");
        let code = code_of(&browser.allow_everything(&page).await.away());
        let tokens = world.redeem(client, &code).await.granted();

        let agreed = tokens.body["authorization_details"].clone();
        let until = agreed[0]["until"].as_i64().expect("an end");
        let wanted = json!([{
            "type": "personal_data", "data_sets": ["birth_date", "phone"], "purpose": "A scholarship",
            "basis": "consent", "until": until, "use": "repeated",
        }]);
        assert_eq!(agreed, wanted, "enriched");
        let state = told(world, client, tokens.get("access_token")).await;
        assert_eq!(state["authorization_details"], wanted);
        assert!((0..=DAY).contains(&(until - state["iat"].as_i64().expect("iat"))), "{state}");
        for _ in 0..2 {
            let claims = read(world, &tokens).await;
            assert_eq!(claims["phone_number"], format!("+{}", person.number), "{claims}");
            assert!(claims["birthdate"].is_string() && claims.get("name").is_none(), "{claims}");
        }
        if client == CHARITY {
            let token = jwt::verify(tokens.get("access_token"), &world.keys().await);
            assert_eq!(token.claims["authorization_details"], wanted, "RFC 9396 §9.1");
        }
        let shown = world.command(&["consents", "list", &person.number]);
        assert!(shown.contains("A scholarship") && shown.contains("\"use\":\"repeated\""), "{shown}");
    }
}

async fn rfc9396_what_is_read_once_is_read_once_and_agreed_to_each_time(world: &World) {
    for client in [FUND, CHARITY] {
        let person = world.person();
        let mut browser = world.browser();
        let asked = asking(client, &[detail(&["phone"], "To call back", "single")]);
        let page = consent_page(world, &mut browser, &asked, &person).await;
        assert!(page.text().contains("read it once"), "{page}");
        let code = code_of(&browser.allow_everything(&page).await.away());
        let tokens = world.redeem(client, &code).await.granted();
        // No resource server is told of it: it cannot know whether it was read.
        let state = told(world, API, tokens.get("access_token")).await;
        assert!(state["active"] == true && state.get("authorization_details").is_none(), "{state}");
        if client == CHARITY {
            let claims = jwt::verify(tokens.get("access_token"), &world.keys().await).claims;
            assert!(claims.get("authorization_details").is_none(), "{claims}");
        }
        // Of readings at the same time one gets the data.
        let readings = join_all((0..6).map(|_| read(world, &tokens))).await;
        let given = readings.iter().filter(|claims| claims["phone_number"].is_string()).count();
        assert_eq!(given, 1, "{readings:?}");
        assert!(read(world, &tokens).await.get("phone_number").is_none());
        // It is asked for again, and is another permission.
        let silent = browser.begin(world, &asked.clone().and("prompt", "none")).await.away();
        assert_eq!(param(&silent, "error").as_deref(), Some("consent_required"), "{silent}");
        let again = code_of(&browser.sign_in(world, &asked, &person).await);
        let again = world.redeem(client, &again).await.granted();
        assert!(read(world, &again).await["phone_number"].is_string());
        assert!(read(world, &tokens).await.get("phone_number").is_none());
    }
}

async fn rfc9396_a_consent_holds_for_purpose_term_and_data_alone(world: &World) {
    let (person, mut browser) = (world.person(), world.browser());
    let agreed = detail(&["phone", "address"], "A loan", "repeated");
    code_of(&browser.sign_in(world, &asking(FUND, std::slice::from_ref(&agreed)), &person).await);
    let silent = async |browser: &mut Browser, details: &[Value]| {
        browser.begin(world, &asking(FUND, details).and("prompt", "none")).await.away()
    };
    let mut less = agreed.clone();
    less["data_sets"] = json!(["phone"]);
    for covered in [agreed.clone(), less] {
        code_of(&silent(&mut browser, &[covered]).await);
    }
    for (member, other) in [
        ("purpose", json!("A car")),
        ("period", json!(DAY - 1)),
        ("data_sets", json!(["phone", "address", "pinfl"])),
        ("use", json!("single")),
        ("locations", json!([API_URI])),
    ] {
        let mut changed = agreed.clone();
        changed[member] = other;
        let url = silent(&mut browser, &[changed]).await;
        assert_eq!(param(&url, "error").as_deref(), Some("consent_required"), "{member}: {url}");
    }
    // For that purpose is not for every purpose.
    let general = browser.begin(world, &Asked::by(FUND).and("prompt", "none")).await.away();
    assert_eq!(param(&general, "error").as_deref(), Some("consent_required"), "{general}");
}

async fn rfc9396_what_is_read_once_leaves_other_consents_alone(world: &World) {
    let (person, mut browser) = (world.person(), world.browser());
    let usual = Asked::by(FUND).with("scope", "openid profile offline_access");
    let code = code_of(&browser.sign_in(world, &usual, &person).await);
    let standing = world.redeem(FUND, &code).await.granted();
    let once = asking(FUND, &[detail(&["address"], "A delivery", "single")]);
    let code = code_of(&browser.sign_in(world, &once, &person).await);
    let delivery = world.redeem(FUND, &code).await.granted();
    code_of(&browser.begin(world, &usual.clone().and("prompt", "none")).await.away());
    let refreshed = world.refresh(FUND, standing.get("refresh_token")).await.granted();
    assert!(read(world, &refreshed).await["name"].is_string());
    let claims = read(world, &delivery).await;
    assert!(claims["address"].is_object() && claims.get("name").is_none(), "{claims}");
    // It can be ended alone.
    let another = code_of(&browser.sign_in(world, &once, &person).await);
    let another = world.redeem(FUND, &another).await.granted();
    let listed = world.command(&["consents", "list", &person.number]);
    assert_eq!(listed.matches("A delivery").count(), 2, "{listed}");
    let newest = listed.lines().find(|line| line.contains("A delivery")).expect("a consent");
    world.command(&["consents", "end", newest.split(' ').next().expect("an identifier")]);
    until("its end", async || (!world.is_active(FUND, another.get("access_token")).await).then_some(()))
        .await;
    let refreshed = world.refresh(FUND, refreshed.get("refresh_token")).await.granted();
    assert!(world.is_active(FUND, delivery.get("access_token")).await);
    code_of(&browser.begin(world, &usual.clone().and("prompt", "none")).await.away());
    // One that stands for a purpose is part of the newest consent, which counts.
    let more = asking(FUND, &[detail(&["address"], "Deliveries", "repeated")]);
    let mut other = world.browser();
    let page = consent_page(world, &mut other, &more, &person).await;
    assert!(page.text().contains("No longer asked for"), "{page}");
    other.allow_everything(&page).await.away();
    world.refresh(FUND, refreshed.get("refresh_token")).await.refused(400, "invalid_grant");
}

async fn rfc9396_a_sign_in_without_data_leaves_what_is_read_once_alone(world: &World) {
    let (person, mut browser) = (world.person(), world.browser());
    let once = asking(FUND, &[detail(&["address"], "A delivery", "single")]);
    let code = code_of(&browser.sign_in(world, &once, &person).await);
    let delivery = world.redeem(FUND, &code).await.granted();
    // It is the first time that this person goes on to the service for itself.
    code_of(&world.browser().sign_in(world, &Asked::by(FUND).with("scope", "openid"), &person).await);
    assert!(world.is_active(FUND, delivery.get("access_token")).await);
    assert!(read(world, &delivery).await["address"].is_object());
}

async fn rfc9396_a_request_for_more_than_one_reading_ends_what_its_page_says(world: &World) {
    let (person, mut browser) = (world.person(), world.browser());
    let usual = Asked::by(FUND).with("scope", "openid profile");
    code_of(&browser.sign_in(world, &usual, &person).await);
    let once = [detail(&["address"], "A delivery", "single")];
    let both = asking(FUND, &once).with("scope", "openid phone");
    let mut other = world.browser();
    let page = consent_page(world, &mut other, &both, &person).await;
    assert!(page.text().contains("No longer asked for"), "{page}");
    // What may be withheld stays unticked: then nothing is left but what is read once.
    code_of(&other.press(&page, "allow", &[]).await.away());
    let silent = |asked: &Asked| asked.clone().and("prompt", "none");
    let ended = other.begin(world, &silent(&usual)).await.away();
    assert_eq!(param(&ended, "error").as_deref(), Some("consent_required"), "{ended}");
    code_of(&other.begin(world, &silent(&Asked::by(FUND).with("scope", "openid phone"))).await.away());
}

async fn rfc9396_7_each_object_is_granted_by_whatever_covers_it(world: &World) {
    let (person, mut browser) = (world.person(), world.browser());
    let agreed = detail(&["phone", "address"], "A loan", "repeated");
    code_of(&browser.sign_in(world, &asking(FUND, &[agreed]), &person).await);
    let parts = [detail(&["phone"], "A loan", "repeated"), detail(&["address"], "A loan", "repeated")];
    let code = code_of(&browser.begin(world, &asking(FUND, &parts).and("prompt", "none")).await.away());
    let tokens = world.redeem(FUND, &code).await.granted();
    let sets = |index: usize| tokens.body["authorization_details"][index]["data_sets"].clone();
    assert_eq!((sets(0), sets(1)), (json!(["phone"]), json!(["address"])), "{}", tokens.body);
    let claims = read(world, &tokens).await;
    assert!(claims["phone_number"].is_string() && claims["address"].is_object(), "{claims}");
}

async fn rfc9396_what_was_allowed_for_one_purpose_is_called_allowed_for_no_other(world: &World) {
    let person = world.person();
    let loan = [detail(&["phone"], "A loan", "repeated")];
    code_of(&world.browser().sign_in(world, &asking(FUND, &loan), &person).await);
    let others = [
        Asked::by(FUND).with("scope", "openid phone"),
        asking(FUND, &[detail(&["phone"], "A car", "repeated")]),
        asking(FUND, &[detail(&["phone"], "A loan", "single")]),
    ];
    for asked in others {
        let page = consent_page(world, &mut world.browser(), &asked, &person).await;
        assert!(!page.text().contains("Allowed before") && page.text().contains("New"), "{page}");
    }
    let again = asking(FUND, &loan).and("prompt", "consent");
    let page = consent_page(world, &mut world.browser(), &again, &person).await;
    assert!(page.text().contains("Allowed before"), "{page}");
}

async fn rfc9396_a_person_sees_who_else_is_told(world: &World) {
    let mut far = detail(&["phone"], "Far", "repeated");
    far["locations"] = json!([API_URI]);
    let mut here = detail(&["phone"], "Here", "repeated");
    here["locations"] = json!([world.issuer.as_str().trim_end_matches('/')]);
    let near = detail(&["phone"], "Near", "repeated");
    let once = detail(&["phone"], "Once", "single");
    for (detail, resource, api, tax) in [
        (&far, None, true, false),
        (&near, None, true, true),
        (&near, Some(TAX_URI), false, true),
        (&here, None, false, false),
        (&once, None, false, false),
    ] {
        let mut asked = asking(FUND, std::slice::from_ref(detail));
        if let Some(resource) = resource {
            asked = asked.and("resource", resource);
        }
        let page = consent_page(world, &mut world.browser(), &asked, &world.person()).await;
        let named = |owner: &str| page.text().contains(owner);
        let both = (named("The owner of Api"), named("The owner of Tax"));
        assert_eq!(both, (api, tax), "{detail}: {page}");
        assert_eq!(named("Also told of this"), api || tax, "{detail}: {page}");
    }
}

async fn rfc9396_5_invalid_details_are_refused_wherever_they_are_sent(world: &World) {
    let mut unknown = detail(&["phone"], "A loan", "single");
    unknown["colour"] = "red".into();
    let overlapping = detail(&["phone"], "A loan", "single");
    for (asked, words) in [
        (asking(FUND, &[unknown.clone()]), "unknown member"),
        (asking(FUND, &[json!({"type": "payment"})]), "authorization_details_types_supported"),
        (asking(SHOP, &[detail(&["phone"], "A loan", "single")]), "that the client registered"),
        (asking(FUND, &[overlapping]).with("scope", "openid phone"), "scope or claims"),
        (asking(FUND, &[]), "JSON array"),
    ] {
        let url = world.browser().begin(world, &asked).await.away();
        assert_eq!(param(&url, "error").as_deref(), Some("invalid_authorization_details"), "{url}");
        let said = param(&url, "error_description").expect("words");
        assert!(said.contains(words), "{said}");
        world.push(&asked).await.refused(400, "invalid_authorization_details");
    }
    let fields = [("scope", "openid"), ("authorization_details", "[{\"type\":\"payment\"}]")];
    let refused = world.post_as(KIOSK, "/oidc/device_authorization", &fields).await;
    refused.refused(400, "invalid_authorization_details");
    let long = format!("[{}]", " ".repeat(1_000));
    let fields = [("scope", "openid"), ("authorization_details", long.as_str())];
    let refused = world.post_as(KIOSK, "/oidc/device_authorization", &fields).await;
    refused.refused(400, "invalid_authorization_details");
    // In a signed object it is an array, and held to the same.
    let issuer = world.issuer.as_str().trim_end_matches('/');
    let claims = json!({
        "iss": SIGNER, "aud": issuer, "client_id": SIGNER, "response_type": "code", "scope": "openid",
        "redirect_uri": crate::support::CALLBACK, "nonce": "n", "authorization_details": [unknown],
    });
    let object = crate::support::signing::sign(SIGNER, Alg::ES256, "oauth-authz-req+jwt", &claims);
    let url = world.browser().begin(world, &Asked::of_object(SIGNER, &object)).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("invalid_authorization_details"), "{url}");
}

async fn rfc9396_6_1_the_token_endpoint_narrows_and_never_widens(world: &World) {
    for client in [FUND, CHARITY] {
        let person = world.person();
        let details = [detail(&["phone"], "Calls", "repeated"), detail(&["address"], "Post", "repeated")];
        let asked = asking(client, &details).with("scope", "openid offline_access");
        let code = code_of(&world.browser().sign_in(world, &asked, &person).await);
        let more =
            json!([{"type": "personal_data", "data_sets": ["pinfl"], "purpose": "Calls", "use": "repeated"}]);
        let more = more.to_string();
        let fields = [&redemption(&code)[..], &[("authorization_details", &more)]].concat();
        world.post_as(client, "/oidc/token", &fields).await.refused(400, "invalid_authorization_details");
        let calls =
            json!([{"type": "personal_data", "data_sets": ["phone"], "purpose": "Calls", "use": "repeated"}]);
        let calls = calls.to_string();
        let fields = [&redemption(&code)[..], &[("authorization_details", &calls)]].concat();
        let narrow = world.post_as(client, "/oidc/token", &fields).await.granted();
        assert_eq!(narrow.body["authorization_details"].as_array().map(Vec::len), Some(1), "{}", narrow.body);
        let claims = read(world, &narrow).await;
        assert!(claims["phone_number"].is_string() && claims.get("address").is_none(), "{claims}");

        // The grant is as wide as it was, and a refused narrowing uses nothing up.
        let refresh = |token, details| {
            [("grant_type", "refresh_token"), ("refresh_token", token), ("authorization_details", details)]
        };
        let token = narrow.get("refresh_token");
        let refused = world.post_as(client, "/oidc/token", &refresh(token, &more)).await;
        refused.refused(400, "invalid_authorization_details");
        let wide = world.refresh(client, token).await.granted();
        let claims = read(world, &wide).await;
        assert!(claims["phone_number"].is_string() && claims["address"].is_object(), "{claims}");
        // As the response has it.
        let post = json!([wide.body["authorization_details"][1]]).to_string();
        let narrow = world.post_as(client, "/oidc/token", &refresh(wide.get("refresh_token"), &post)).await;
        let claims = read(world, &narrow.granted()).await;
        assert!(claims.get("phone_number").is_none() && claims["address"].is_object(), "{claims}");
    }
}

async fn rfc9396_9_2_a_resource_server_learns_what_is_its_business(world: &World) {
    for client in [FUND, CHARITY] {
        let person = world.person();
        let mut far = detail(&["phone"], "Far", "repeated");
        far["locations"] = json!([API_URI]);
        let near = detail(&["address"], "Near", "repeated");
        let asked = asking(client, &[far, near]);
        let code = code_of(&world.browser().sign_in(world, &asked, &person).await);
        let tokens = world.redeem(client, &code).await.granted();
        let purposes = |state: &Value| -> Vec<String> {
            let details = state["authorization_details"].as_array().cloned().unwrap_or_default();
            details.iter().map(|detail| detail["purpose"].as_str().expect("a purpose").to_owned()).collect()
        };
        let token = tokens.get("access_token");
        assert_eq!(purposes(&told(world, client, token).await), ["Far", "Near"]);
        assert_eq!(purposes(&told(world, API, token).await), ["Far", "Near"]);
        assert_eq!(purposes(&told(world, TAX, token).await), ["Near"]);
        if client == CHARITY {
            // What all who get a signed token can read is what all of them are told (RFC 9396 §9.1).
            let claims = jwt::verify(token, &world.keys().await).claims;
            assert_eq!(purposes(&claims), ["Near"], "{claims}");
            let code = code_of(&world.browser().sign_in(world, &asked, &person).await);
            let fields = [&redemption(&code)[..], &[("resource", API_URI)]].concat();
            let tokens = world.post_as(client, "/oidc/token", &fields).await.granted();
            let claims = jwt::verify(tokens.get("access_token"), &world.keys().await).claims;
            assert_eq!(purposes(&claims), ["Far", "Near"], "{claims}");
        }
        let claims = read(world, &tokens).await;
        assert!(claims.get("phone_number").is_none() && claims["address"].is_object(), "{claims}");

        // A token that is for one of them says no more than is for it.
        let code = code_of(&world.browser().sign_in(world, &asked, &person).await);
        let fields = [&redemption(&code)[..], &[("resource", TAX_URI)]].concat();
        let tokens = world.post_as(client, "/oidc/token", &fields).await.granted();
        assert_eq!(purposes(&tokens.body), ["Near"]);
    }
    // Nor may a location be one that the request leaves out.
    let mut far = detail(&["phone"], "Far", "repeated");
    far["locations"] = json!([API_URI]);
    let url = world.browser().begin(world, &asking(FUND, &[far]).and("resource", TAX_URI)).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("invalid_authorization_details"), "{url}");
}

async fn rfc9396_a_person_sees_the_purpose_in_their_language_and_may_refuse(world: &World) {
    let purpose = "Kredit <b>\"arizasi\"</b>";
    for (language, words) in
        [("uz-Latn", "bir marta"), ("uz-Cyrl", "бир марта"), ("ru", "один раз"), ("en", "once, until")]
    {
        let (person, mut browser) = (world.person(), world.browser());
        browser.languages = language.to_owned();
        let asked = asking(FUND, &[detail(&["phone"], purpose, "single")]);
        let page = consent_page(world, &mut browser, &asked, &person).await;
        assert!(page.text().contains(words) && page.text().contains(purpose), "{page}");
        assert!(!page.body.contains("<b>\""), "nothing of it is markup: {page}");
        let url = browser.press(&page, "deny", &[]).await.away();
        assert_eq!(param(&url, "error").as_deref(), Some("access_denied"), "{url}");
    }
}

async fn rfc9396_a_law_gives_nothing_for_a_purpose_that_was_not_shown(world: &World) {
    let (person, mut browser) = (world.person(), world.browser());
    let mut lawful = detail(&["phone"], "An inspection", "repeated");
    lawful["basis"] = "statutory".into();
    let asked = asking(BUREAU, &[lawful.clone()]);
    let page = consent_page(world, &mut browser, &asked, &person).await;
    assert!(page.text().contains("An inspection") && page.text().contains("Law 123"), "{page}");
    let code = code_of(&browser.press(&page, "allow", &[]).await.away());
    let tokens = world.redeem(BUREAU, &code).await.granted();
    assert_eq!(tokens.body["authorization_details"][0]["basis"], "statutory");
    assert!(read(world, &tokens).await["phone_number"].is_string());
    code_of(&browser.begin(world, &asked.and("prompt", "none")).await.away());
    lawful["purpose"] = "Another inspection".into();
    let url = browser.begin(world, &asking(BUREAU, &[lawful.clone()]).and("prompt", "none")).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("interaction_required"), "{url}");
    lawful["basis"] = "consent".into();
    let url = browser.begin(world, &asking(BUREAU, &[lawful])).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("invalid_authorization_details"), "{url}");
}

async fn rfc9396_3_a_device_asks_with_a_purpose(world: &World) {
    let (person, mut browser) = (world.person(), world.browser());
    let details = json!([detail(&["phone"], "A ticket", "single")]).to_string();
    let fields = [("scope", "openid"), ("authorization_details", details.as_str())];
    let device = world.post_as(KIOSK, "/oidc/device_authorization", &fields).await.granted();
    let page = browser.open("/device").await.page().expect("user-code");
    let typed = [("user_code", device.get("user_code"))];
    let page = browser.press(&page, "continue", &typed).await.page().expect("leave");
    let page = browser.press(&page, "continue", &[]).await.page().expect("phone");
    let page = browser.enter_number(&page, &person.number).await.page().expect("code");
    let sms = world.sandbox.next_code(&person).await;
    let page = browser.enter_code(&page, &sms).await.page().expect("allow").expect("for-device");
    assert!(page.text().contains("A ticket"), "{page}");
    browser.allow_everything(&page).await.page().expect("device-done");
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    let fields = [("grant_type", grant), ("device_code", device.get("device_code"))];
    let tokens = world.post_as(KIOSK, "/oidc/token", &fields).await.granted();
    assert_eq!(tokens.body["authorization_details"][0]["purpose"], "A ticket");
    assert!(read(world, &tokens).await["phone_number"].is_string());
    assert!(read(world, &tokens).await.get("phone_number").is_none());
}

async fn rfc9396_what_was_agreed_ends_at_its_time(setup: Setup) {
    let world = setup.start().await;
    let (person, mut browser) = (world.person(), world.browser());
    let mut short = detail(&["phone"], "A call", "repeated");
    short["period"] = json!(300);
    let asked = asking(CHARITY, &[short, detail(&["address"], "Post", "repeated")]);
    let code = code_of(&browser.sign_in(&world, &asked, &person).await);
    let tokens = world.redeem(CHARITY, &code).await.granted();
    assert!(read(&world, &tokens).await["phone_number"].is_string());
    world.advance(301).await;
    let claims = read(&world, &tokens).await;
    assert!(claims.get("phone_number").is_none() && claims["address"].is_object(), "{claims}");
    let state = told(&world, CHARITY, tokens.get("access_token")).await;
    assert_eq!(state["authorization_details"].as_array().map(Vec::len), Some(1), "{state}");
    let url = browser.begin(&world, &asked.and("prompt", "none")).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("consent_required"), "{url}");
}

async fn rfc9396_a_consent_is_bound_to_who_was_named(setup: Setup) {
    let world = setup.start().await;
    let (person, mut browser) = (world.person(), world.browser());
    let asked = asking(CHARITY, &[detail(&["phone"], "A call", "repeated")]);
    let code = code_of(&browser.sign_in(&world, &asked, &person).await);
    let tokens = world.redeem(CHARITY, &code).await.granted();
    let knows = async |server: &str| {
        let state = told(&world, server, tokens.get("access_token")).await;
        state.get("authorization_details").is_some()
    };
    assert!(knows(API).await && knows(TAX).await);
    let silent = asked.clone().and("prompt", "none");
    code_of(&browser.begin(&world, &silent).await.away());
    let import = |text: &str| {
        let file = world.folder.file("again.toml");
        std::fs::write(&file, text).expect("a file");
        world.command(&["client", "import", &file.display().to_string()]);
    };
    // Somebody else answers for the resource server now: nobody agreed that they are told.
    let sold = client(TAX, &format!("resource_server = true\nresource_uris = [\"{TAX_URI}\"]\n"));
    import(&sold.replace("The owner of Tax", "Somebody else"));
    until("the change", async || (!knows(TAX).await).then_some(())).await;
    assert!(knows(API).await);
    let url = browser.begin(&world, &silent).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("consent_required"), "{url}");
    // A consent to nothing but details is one that its terms are held against.
    let buying = "grant_types = [\"authorization_code\"]\nresource_servers = [\"api\"]\n";
    let bought = client(CHARITY, &format!("{buying}{DETAILED}{ALL_DATA}"));
    import(&bought.replace("The owner of Charity", "Another owner"));
    let own = async || {
        let answer = world.post_as(CHARITY, "/oidc/token", &[("grant_type", "client_credentials")]).await;
        (answer.status == 400).then_some(())
    };
    until("the change", own).await;
    let page = consent_page(&world, &mut world.browser(), &asked, &person).await;
    assert!(page.has("changes") && page.text().contains("The owner of Api"), "{page}");
    assert!(!page.text().contains("Somebody else"), "{page}");
}
