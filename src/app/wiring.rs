//! Which adapter and which setting goes where.

use std::sync::Arc;
use std::time::Duration;

use super::stores::{StartError, Stores, cannot_start};
use crate::notices::sms::{self, Eskiz, EskizSettings, Gateway, Gateways, PlayMobile, PlayMobileSettings};
use crate::notices::{Outbox, receipts};
use crate::oidc::{self, Oidc};
use crate::people::People;
use crate::platform::config::{self, Settings};
use crate::platform::ephemeral::Ephemeral;
use crate::platform::outbound::Outbound;
use crate::platform::web::cookies::Cookies;
use crate::release::Release;
use crate::sign_in::{
    Caps, Limits, SessionBounds, Sessions, Settings as SignInSettings, SignIn, SignInAttempts,
};

pub(super) async fn oidc(
    stores: &Stores,
    ephemeral: &Ephemeral,
    people: &People,
) -> Result<Oidc, StartError> {
    let (db, clock, keyring) = (&stores.db, &stores.clock, &stores.keyring);
    let (tokens, sign_in) = (&stores.settings.tokens, &stores.settings.sign_in);
    let lifetimes = oidc::Lifetimes {
        code: tokens.code_seconds.into(),
        access: tokens.access_seconds.into(),
        id: tokens.id_seconds.into(),
        refresh_idle: i64::from(tokens.refresh_idle_days) * 86_400,
        refresh_absolute: i64::from(tokens.refresh_absolute_days) * 86_400,
    };
    let revoked = oidc::Revoked::load(db.clone(), ephemeral.clone(), clock.clone(), lifetimes.access)
        .await
        .map_err(cannot_start)?;
    let bounds = SessionBounds {
        idle: sign_in.session_idle_seconds.into(),
        absolute: sign_in.session_absolute_seconds.into(),
    };
    Ok(Oidc {
        issuer: Arc::from(stores.settings.server.issuer.as_str()),
        clock: clock.clone(),
        clients: Arc::new(stores.clients().await?),
        keys: Arc::new(stores.keys().await?),
        release: Release::new(db.clone(), people.clone(), clock.clone()),
        sessions: Sessions::new(ephemeral.clone(), clock.clone(), bounds),
        attempts: SignInAttempts::new(ephemeral.clone(), clock.clone(), sign_in.transaction_seconds.into()),
        codes: oidc::Codes::new(ephemeral.clone()),
        grants: oidc::Grants::new(db.clone(), clock.clone(), revoked.clone()),
        revoked,
        access_tokens: Arc::new(oidc::AccessTokens::new(keyring)),
        refresh_tokens: Arc::new(oidc::RefreshTokens::new(keyring)),
        subject_ids: Arc::new(oidc::SubjectIds::new(keyring)),
        lifetimes,
        logout: oidc::LogoutNotifier::new(Outbound::new(
            stores.settings.outbound.clone(),
            stores.settings.environment == config::Environment::Sandbox,
        )),
        cookies: Cookies { https: stores.settings.server.issuer.is_https() },
        metrics: Arc::clone(&stores.metrics),
    })
}

pub(super) fn sign_in(stores: &Stores, ephemeral: &Ephemeral, people: People, outbox: &Outbox) -> SignIn {
    let settings = &stores.settings;
    let (sign_in, limits) = (&settings.sign_in, &settings.limits);
    let policy = SignInSettings {
        host: settings.server.issuer.host().to_owned(),
        code_seconds: sign_in.code_seconds.into(),
        code_tries: sign_in.code_tries.into(),
        resend_after: sign_in.resend_after_seconds.iter().map(|seconds| i64::from(*seconds)).collect(),
        failures_per_account: limits.failures_per_account.into(),
        daily_cap: limits.sends_per_number_day.into(),
        constant_codes: settings.sandbox.constant_codes.clone(),
        relaxed_limits: settings.sandbox.relaxed_limits,
        test_numbers: settings.environment == config::Environment::Sandbox,
    };
    let caps = Caps {
        number_10m: limits.sends_per_number_10m.into(),
        number_hour: limits.sends_per_number_hour.into(),
        address_5m: limits.sends_per_address_5m.into(),
        // Twelve windows of five minutes: what an address may cost in an hour whatever is lost.
        address_hour: u64::from(limits.sends_per_address_5m) * 12,
        client_hour: limits.sends_per_client_hour.into(),
        country_hour: limits.sends_per_country_hour.into(),
    };
    let (clock, metrics) = (stores.clock.clone(), Arc::clone(&stores.metrics));
    SignIn {
        limits: Limits::new(ephemeral.clone(), outbox.clone(), clock.clone(), caps, Arc::clone(&metrics)),
        settings: Arc::new(policy),
        ephemeral: ephemeral.clone(),
        people,
        outbox: outbox.clone(),
        codes: Arc::new(stores.keyring.mac("code")),
        clock,
        metrics,
    }
}

pub(super) fn gateways(settings: &Settings) -> Result<Gateways, StartError> {
    let client = sms::client(Duration::from_secs(10)).map_err(cannot_start)?;
    let sms = &settings.sms;
    let callback = match (&sms.callback_base, &sms.callback_secret) {
        (Some(base), Some(secret)) => {
            Some(receipts::eskiz_url(base.as_str().trim_end_matches('/'), secret.expose()))
        }
        _ => None,
    };
    let all = sms.gateways.iter().filter_map(|gateway| match gateway {
        config::Gateway::Eskiz => sms.eskiz.as_ref().map(|own| {
            let settings = EskizSettings {
                base_url: own.base_url.as_str().trim_end_matches('/').to_owned(),
                email: own.email.clone(),
                password: own.password.expose().to_owned().into(),
                from: own.from.clone(),
            };
            Gateway::Eskiz(Eskiz::new(client.clone(), settings, callback.clone()))
        }),
        config::Gateway::PlayMobile => sms.playmobile.as_ref().map(|own| {
            let settings = PlayMobileSettings {
                url: own.url.as_str().to_owned(),
                login: own.login.clone(),
                password: own.password.expose().to_owned().into(),
                originator: own.originator.clone(),
            };
            Gateway::PlayMobile(PlayMobile::new(client.clone(), settings))
        }),
    });
    Ok(Gateways::new(all.collect()))
}
