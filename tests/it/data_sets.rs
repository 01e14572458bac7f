//! The data sets of annex 3 of resolution 679: shown, agreed to and released like all others.

use serde_json::{Value, json};

use crate::support::client_file::{OFFICE, SHOP};
use crate::support::{Asked, World, code_of, jwt, on_both_backends};

on_both_backends!(
    r109_r111_what_registers_hold_is_shown_agreed_to_and_released,
    r111_what_a_registration_does_not_name_is_not_released,
);

const SCOPES: &str = "openid birth_place temporary_address tin employment photo";

async fn r109_r111_what_registers_hold_is_shown_agreed_to_and_released(world: &World) {
    let (person, mut browser) = (world.person(), world.browser());
    let claims = json!({"id_token": {
        "tin": null, "photo": null,
        "verified_claims": {"verification": {"trust_framework": null}, "claims": {"tin": null, "place_of_birth": null}},
    }});
    let asked =
        Asked::by(OFFICE).with("scope", SCOPES).and("claims", &claims.to_string()).and("ui_locales", "en");
    let page = browser.begin_with_number(world, &asked, &person).await;
    let code = world.sandbox.next_code(&person).await;
    let page = browser.enter_code(&page, &code).await.page().expect("allow");
    let text = page.text();
    for words in [
        "Place of birth",
        "Samarqand viloyati, UZ",
        "Taxpayer number",
        "512345678",
        "Employment",
        "Misol MCHJ",
        "Hisobchi",
        "Photo of the face",
        "The photo on your document",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("Temporary address"), "the record has none: {text}");
    let code = code_of(&browser.allow_everything(&page).await.away());
    let tokens = world.redeem(OFFICE, &code).await.granted();
    let told = world.userinfo(tokens.get("access_token")).await.granted().body;
    assert_eq!(told["place_of_birth"], json!({"country": "UZ", "region": "Samarqand viloyati"}));
    assert_eq!(told["tin"], "512345678");
    let job = json!({"employer": "Misol MCHJ", "employer_tin": "301234567", "position": "Hisobchi"});
    assert_eq!(told["employment"], job);
    assert_eq!(told["photo"], json!({"content_type": "image/jpeg", "content": "/9j//9k="}));
    assert!(told.get("temporary_address").is_none() && told.get("name").is_none(), "{told}");
    // An ID token has no picture, and nobody proved a taxpayer number when somebody was identified.
    let own = jwt::read(tokens.get("id_token")).claims;
    assert_eq!(own["tin"], "512345678");
    assert!(own.get("photo").is_none(), "{own}");
    assert_eq!(own["verified_claims"]["claims"], json!({"place_of_birth": told["place_of_birth"]}));
}

async fn r111_what_a_registration_does_not_name_is_not_released(world: &World) {
    let tokens =
        world.tokens(&Asked::by(SHOP).with("scope", &format!("{SCOPES} profile")), &world.person()).await;
    let told = world.userinfo(tokens.get("access_token")).await.granted().body;
    for claim in ["place_of_birth", "tin", "employment", "photo", "temporary_address"] {
        assert_eq!(told.get(claim), None::<&Value>, "{told}");
    }
    assert!(told["name"].is_string());
}
