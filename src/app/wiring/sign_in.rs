//! Builds signing in from its settings: what is offered, what each step costs, how long things last.

use std::sync::Arc;

use crate::app::settings::{Environment, Settings};
use crate::app::stores::Stores;
use crate::notices::Outbox;
use crate::notices::inbox::Inbox;
use crate::people::People;
use crate::platform::ephemeral::Ephemeral;
use crate::sign_in::risk::{TollRules, Tolls, TravelRules};
use crate::sign_in::{
    Brake, BrakeRules, Caps, EndedSessions, Flood, ForgottenBrowsers, FormCaps, Guessed, History,
    KnownBrowsers, Limits, Means, SessionBounds, Sessions, Settings as SignInSettings, SignIn,
    SignInAttempts, UnlockProofs,
};

/// Signing in: its steps, their limits, and sessions.
pub(in crate::app) fn sign_in(
    stores: &Stores,
    ephemeral: &Ephemeral,
    people: People,
    (outbox, inbox): (&Outbox, &Inbox),
    (ended, forgotten): (EndedSessions, ForgottenBrowsers),
) -> SignIn {
    let settings = &stores.settings;
    let (sign_in, limits) = (&settings.sign_in, &settings.limits);
    let policy = SignInSettings {
        host: settings.server.issuer.host().to_owned(),
        address: settings.server.issuer.url()[url::Position::BeforeScheme..url::Position::AfterPort]
            .to_owned(),
        code_seconds: sign_in.code_seconds.into(),
        code_tries: sign_in.code_tries.into(),
        resend_after: sign_in.resend_after_seconds.iter().map(|seconds| i64::from(*seconds)).collect(),
        delays: stores.delays(),
        daily_cap: limits.sends_per_number_day.into(),
        networks: limits.networks.clone(),
        travel: TravelRules { networks: limits.travel.networks_hour.into() },
        reply_number: settings.sms.playmobile.as_ref().and_then(|gateway| gateway.reply_number.clone()),
        constant_codes: settings.sandbox.constant_codes.0.clone(),
        relaxed_limits: settings.sandbox.relaxed_limits,
        test_numbers: settings.environment == Environment::Sandbox,
        registers: settings.sign_up.offered,
        offered: offered(settings).to_vec(),
    };
    let site_5m = limits.sends_per_site_5m.max(limits.sends_per_address_5m);
    let region_5m = limits.sends_per_region_5m.max(site_5m);
    let caps = Caps {
        number_10m: limits.sends_per_number_10m.into(),
        number_hour: limits.sends_per_number_hour.into(),
        address_5m: limits.sends_per_address_5m.into(),
        line_5m: limits.sends_per_line_5m.max(limits.sends_per_address_5m).into(),
        site_5m: site_5m.into(),
        region_5m: region_5m.into(),
        provider_5m: limits.sends_per_provider_5m.max(region_5m).into(),
        strangers_share: limits.strangers_share_percent.into(),
        client_hour: limits.sends_per_client_hour.into(),
        country_hour: limits.sends_per_country_hour.into(),
        toll: toll_rules(stores),
    };
    let bounds = SessionBounds {
        idle: sign_in.session_idle_seconds.into(),
        absolute: sign_in.session_absolute_seconds.into(),
    };
    let (clock, metrics) = (stores.clock.clone(), Arc::clone(&stores.metrics));
    let attempt_seconds = sign_in.attempt_seconds.into();
    SignIn {
        attempts: SignInAttempts::new(
            ephemeral.clone(),
            stores.keyring.sealer("attempt"),
            clock.clone(),
            attempt_seconds,
        ),
        sessions: Sessions::new(ephemeral.clone(), clock.clone(), bounds, ended),
        history: History::new(
            stores.db.clone(),
            clock.clone(),
            stores.keyring.sealer("sign-in"),
            Arc::clone(&metrics),
        ),
        limits: Limits::new(outbox.clone(), clock.clone(), caps, Arc::clone(&metrics)),
        flood: Flood::new(FormCaps { address: caps.address_5m, site: caps.site_5m }),
        tolls: Tolls::new(caps.toll, &stores.keyring),
        brake: Brake::new(ephemeral.clone(), clock.clone(), brake_rules(stores), Arc::clone(&metrics)),
        password_brake: Brake::new(
            ephemeral.clone(),
            clock.clone(),
            password_brake_rules(stores),
            Arc::clone(&metrics),
        ),
        known: KnownBrowsers::new(&stores.keyring, forgotten.known.clone()),
        forgotten,
        unlocking: UnlockProofs::new(&stores.keyring, clock.clone()),
        settings: Arc::new(policy),
        ephemeral: ephemeral.clone(),
        accounts: stores.accounts(),
        people,
        outbox: outbox.clone(),
        inbox: inbox.clone(),
        codes: Arc::new(stores.keyring.mac("code")),
        clock,
        metrics,
        audit: stores.audit.clone(),
    }
}

/// The means of signing in that this installation offers, in the order in which pages show them.
pub(in crate::app) fn offered(settings: &Settings) -> Arc<[Means]> {
    let is_offered = |means: &Means| match means {
        Means::MobileId => true,
        Means::Password => settings.passwords.enabled,
        Means::Passkey => settings.accounts.passkeys,
        Means::Qr => settings.sign_in.by_phone,
        Means::Eri => settings.eri.is_some(),
        Means::Face => settings.face.is_some(),
    };
    Means::ALL.into_iter().filter(is_offered).collect()
}

fn toll_rules(stores: &Stores) -> TollRules {
    let toll = &stores.settings.limits.toll;
    TollRules {
        address: toll.address_codes_10m.into(),
        number: toll.number_codes_10m.into(),
        accounts: toll.address_accounts_hour.into(),
        wait: toll.wait_seconds.into(),
        bits: toll.work_bits,
    }
}

fn brake_rules(stores: &Stores) -> BrakeRules {
    let (brake, code_seconds) = (&stores.settings.limits.brake, stores.settings.sign_in.code_seconds);
    BrakeRules {
        of: Guessed::Codes,
        window: brake.window_seconds.into(),
        country_codes: brake.country_codes.into(),
        client_codes: brake.client_codes.into(),
        network_codes: brake.network_codes.into(),
        address_codes: u64::MAX,
        share: brake.share_percent.into(),
        tries: brake.code_tries.into(),
        wait: brake.wait_seconds.into(),
        code_seconds: code_seconds.into(),
    }
}

/// Nothing is sent for a password, so that only counts and share say anything.
fn password_brake_rules(stores: &Stores) -> BrakeRules {
    let brake = &stores.settings.limits.password_brake;
    BrakeRules {
        of: Guessed::Passwords,
        window: brake.window_seconds.into(),
        country_codes: brake.country_tries.into(),
        client_codes: u64::MAX,
        network_codes: brake.network_tries.into(),
        address_codes: brake.address_tries.into(),
        share: brake.share_percent.into(),
        ..brake_rules(stores)
    }
}
