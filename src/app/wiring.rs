//! Builds the subjects from adapters and settings.

mod messages;
mod sign_in;

use std::sync::Arc;

use super::settings::Environment;
use super::stores::{StartError, Stores, cannot_start};
use crate::accounts::Representations;
use crate::accounts::passkeys::Passkeys;
use crate::cabinet::{self, Cabinet, Complaints};
use crate::clients::{ClientKeys, SelfRegistrationRules, SubjectIds};
use crate::desk::Desk;
use crate::first_party::{self, FirstParty};
use crate::grants::{Grants, Revocations};
use crate::ledger::Ledger;
use crate::life_events::{
    Deaths, Enrolments, LifeEvents, NOTICES, Openings, ProofLimits, Recoveries, Remote,
};
use crate::mobile_id::{Identifications, Rules};
use crate::notices::{Deliveries, Outbox, SmsWishes};
use crate::oidc::{
    AccessTokens, Authorization, Ciba, Codes, DataApi, DataLimits, Devices, Lifetimes, Logout,
    LogoutNotifier, Proofs, Provider, PushedRequests, RefreshTokens, Registrations, SingleUse, Tokens,
};
use crate::oneid::{self, OneId};
use crate::pages::{Completion, Pages, SignOut};
use crate::people::People;
use crate::platform::certificates::{ClientCertificates, MutualTlsSettings};
use crate::platform::ephemeral::Ephemeral;
use crate::platform::web::cookies::Cookies;
use crate::platform::webauthn::RelyingParty;
use crate::release::Release;
use crate::sign_in::{ApprovalCaps, Eri, EriPolicy, Face, QrCodes, SignIn};
use crate::sign_up::SignUp;
use crate::signals::Signals;
use crate::staff::{Ceremonies, StaffSessions};

pub(crate) use messages::gateways;
pub(super) use messages::{mailer, notice_sms};
pub(super) use sign_in::{offered, sign_in};

/// The state that the OpenID Connect endpoints share.
pub(super) async fn provider(stores: &Stores, ephemeral: &Ephemeral) -> Result<Provider, StartError> {
    let issuer = stores.settings.server.issuer.as_str();
    let single_use = SingleUse::new(ephemeral.clone());
    let server = &stores.settings.server;
    let mtls = server.mtls.as_ref();
    let certificates = mtls.map(ClientCertificates::new).transpose();
    let bases: Vec<&str> = std::iter::once(issuer).chain(mtls.map(MutualTlsSettings::base)).collect();
    Ok(Provider {
        issuer: Arc::from(issuer),
        clock: stores.clock.clone(),
        clients: Arc::new(stores.clients().await?),
        client_keys: ClientKeys::new(stores.outbound(), stores.clock.clone()),
        proofs: Proofs::new(&bases, &stores.keyring, stores.clock.clone(), single_use.clone()),
        single_use,
        certificates: certificates.map_err(cannot_start)?.unwrap_or_default(),
        keys: Arc::new(stores.keys().await?),
        subject_ids: Arc::new(SubjectIds::new(&stores.keyring)),
        offered: offered(&stores.settings),
        metrics: Arc::clone(&stores.metrics),
        audit: stores.audit.clone(),
    })
}

/// What issues, validates and revokes tokens, and the revocation list, which follows other nodes.
pub(super) async fn tokens(
    stores: &Stores,
    ephemeral: &Ephemeral,
    provider: &Provider,
    (people, sign_in): (&People, &SignIn),
) -> Result<(Tokens, Revocations), StartError> {
    let (db, clock, settings) = (&stores.db, &stores.clock, &stores.settings.tokens);
    let lifetimes = Lifetimes {
        access: settings.access_seconds.into(),
        id: settings.id_seconds.into(),
        refresh_idle: i64::from(settings.refresh_idle_days) * 86_400,
        refresh_absolute: i64::from(settings.refresh_absolute_days) * 86_400,
        refresh_repeat: settings.refresh_repeat_seconds.into(),
    };
    let revocations = Revocations::load(db.clone(), ephemeral.clone(), clock.clone(), lifetimes.access)
        .await
        .map_err(cannot_start)?;
    let grants =
        Grants::new(db.clone(), ephemeral.clone(), clock.clone(), revocations.clone(), stores.audit.clone());
    let access_tokens = AccessTokens::new(
        provider.clone(),
        &stores.keyring,
        (grants.clone(), revocations.clone()),
        people.clone(),
        lifetimes.access,
    );
    let origin = Arc::from(stores.settings.server.issuer.url().origin().ascii_serialization());
    let devices = Devices::new(provider.clone(), sign_in.clone(), grants.clone(), &stores.keyring, origin);
    let asking = &stores.settings.ciba;
    let caps = ApprovalCaps {
        open: asking.open_per_person.into(),
        seconds: asking.seconds.into(),
        client_hour: asking.per_client_hour.into(),
    };
    let mute = i64::from(asking.mute_days) * 86_400;
    let parts = (provider.clone(), sign_in.clone());
    let ciba = Ciba::new(parts, (&stores.keyring, db.clone()), stores.outbound(), (caps, mute));
    let limits = DataLimits {
        readings: stores.settings.data.readings_per_minute.into(),
        verifications: stores.settings.data.verifications_per_minute.into(),
        unfound: stores.settings.data.unfound_per_hour.into(),
        wrong: stores.settings.data.wrong_per_day.into(),
    };
    let data = DataApi::new(
        db.clone(),
        (stores.ledger.clone(), stores.inbox()),
        (ephemeral.clone(), stores.registries(ephemeral)?),
        limits,
        stores.settings.environment == Environment::Sandbox,
    );
    let tokens = Tokens {
        provider: provider.clone(),
        receipts: stores.receipts().await?,
        codes: Codes::new(&stores.keyring, sign_in.sessions.clone()),
        grants,
        ledger: stores.ledger.clone(),
        people: people.clone(),
        access_tokens,
        refresh_tokens: Arc::new(RefreshTokens::new(&stores.keyring)),
        devices,
        ciba,
        data,
        lifetimes,
    };
    Ok((tokens, revocations))
}

/// The authorization endpoint, and the completion of sign-ins that it began.
pub(super) fn authorization(
    stores: &Stores,
    tokens: &Tokens,
    sign_in: &SignIn,
    release: &Release,
) -> Authorization {
    Authorization {
        provider: tokens.provider.clone(),
        sign_in: sign_in.clone(),
        release: release.clone(),
        codes: tokens.codes.clone(),
        grants: tokens.grants.clone(),
        code_seconds: stores.settings.tokens.code_seconds.into(),
        pushed: PushedRequests::new(
            sign_in.sessions.clone(),
            sign_in.ephemeral.clone(),
            stores.settings.pushed_requests.seconds.into(),
            stores.settings.pushed_requests.most_per_client.into(),
            sign_in.attempts.seconds,
        ),
        networks: Arc::new(stores.keyring.mac("client-network")),
        cookies: cookies(stores),
    }
}

/// The endpoint where services register themselves.
pub(super) fn registrations(
    stores: &Stores,
    provider: &Provider,
    sign_in: &SignIn,
    release: &Release,
) -> Registrations {
    let settings = &stores.settings.registration;
    Registrations {
        provider: provider.clone(),
        release: release.clone(),
        sign_in: sign_in.clone(),
        outbound: stores.outbound(),
        rules: SelfRegistrationRules {
            most_pending: settings.most_pending.into(),
            approves: stores.settings.environment == Environment::Sandbox,
        },
        requests_per_minute: settings.requests_per_minute.into(),
        networks: Arc::new(stores.keyring.mac("client-network")),
    }
}

/// OneID's own protocol, over the same sign-in, grants and persons.
pub(super) fn oneid(stores: &Stores, tokens: &Tokens, sign_in: &SignIn) -> OneId {
    let provider = &tokens.provider;
    OneId {
        clock: stores.clock.clone(),
        clients: Arc::clone(&provider.clients),
        subject_ids: Arc::clone(&provider.subject_ids),
        codes: oneid::Codes::new(&stores.keyring, sign_in.ephemeral.clone(), sign_in.sessions.clone()),
        sign_in: sign_in.clone(),
        grants: tokens.grants.clone(),
        ledger: tokens.ledger.clone(),
        people: tokens.people.clone(),
        code_seconds: stores.settings.tokens.code_seconds.into(),
        token_seconds: tokens.lifetimes.access,
        cookies: cookies(stores),
        metrics: Arc::clone(&stores.metrics),
        audit: stores.audit.clone(),
    }
}

/// Sign-ins for this provider's own pages.
///
/// # Errors
/// [`StartError`] when the name of who runs it cannot be shown to people.
pub(super) fn first_party(
    stores: &Stores,
    provider: &Provider,
    sign_in: &SignIn,
) -> Result<FirstParty, StartError> {
    let issuer = stores.settings.server.issuer.url();
    let home = issuer.join(cabinet::PATH).map_err(cannot_start)?;
    let client = first_party::own_client(&stores.rules(), &home, &stores.settings.site.operator);
    let client = Arc::new(client.map_err(cannot_start)?);
    Ok(FirstParty::new(client, sign_in.clone(), Arc::clone(&provider.subject_ids)))
}

/// Identification in Mobile-ID, from an application's form to its completion.
pub(super) fn enrolments(
    stores: &Stores,
    ephemeral: &Ephemeral,
    outbox: &Outbox,
    (life_events, rules): (LifeEvents, Rules),
) -> Result<Enrolments, StartError> {
    let registries = stores.registries(ephemeral)?;
    let issuer = stores.settings.server.issuer.url();
    let notice_url = issuer.join(NOTICES).map_err(cannot_start)?;
    let identifications = Identifications::new(
        (stores.db.clone(), stores.clock.clone()),
        (stores.audit.clone(), Arc::clone(&stores.metrics)),
        &stores.keyring,
        life_events.people.clone(),
        (outbox.clone(), ephemeral.clone(), registries.clone()),
        rules,
    );
    let sends = (outbox.clone(), ephemeral.clone());
    let billing = (registries.billing(), notice_url.as_str());
    Ok(Enrolments::new(identifications, (life_events, stores.first_credentials()?), sends, billing))
}

/// Identification in Mobile-ID by these rules, as commands have it: messages that it stores are sent by a running node.
///
/// # Errors
/// [`StartError`].
pub async fn enrolments_of(stores: &Stores, rules: Rules) -> Result<Enrolments, StartError> {
    let ephemeral = stores.ephemeral().await?;
    let outbox = Outbox::new(
        stores.db.clone(),
        stores.clock.clone(),
        gateways(&stores.settings)?,
        Deliveries::new(ephemeral.clone()),
        stores.charges(),
        Arc::clone(&stores.metrics),
    );
    enrolments(stores, &ephemeral, &outbox, (stores.life_events().await?, rules))
}

/// Identification and its end without a place: in the app and on the person's own pages.
pub(super) fn remote(stores: &Stores, ephemeral: &Ephemeral, enrolments: &Enrolments) -> Remote {
    let limits = &stores.settings.mobile_app;
    Remote {
        identifications: enrolments.identifications.clone(),
        life_events: enrolments.life_events.clone(),
        registries: enrolments.identifications.registries().clone(),
        ephemeral: ephemeral.clone(),
        limits: ProofLimits {
            faces: limits.faces_per_person_day.into(),
            signatures: limits.signatures_per_person_day.into(),
        },
    }
}

/// What learns of deaths.
pub(super) fn deaths(stores: &Stores, enrolments: &Enrolments) -> Deaths {
    Deaths {
        exchange: stores.exchange(),
        registries: enrolments.identifications.registries().clone(),
        life_events: enrolments.life_events.clone(),
        per_hour: stores.settings.exchange.deaths_per_hour,
    }
}

/// The workplace of staff who identify people.
pub(super) fn desk(
    stores: &Stores,
    ephemeral: &Ephemeral,
    (enrolments, openings, recoveries): (&Enrolments, Openings, Recoveries),
) -> Desk {
    let (settings, issuer) = (&stores.settings.desk, &stores.settings.server.issuer);
    let (staff, cookies) = (stores.staff(), cookies(stores));
    let origin = issuer.url().origin().ascii_serialization();
    Desk {
        sessions: StaffSessions::new(staff.clone(), ephemeral.clone(), cookies, settings),
        ceremonies: Ceremonies::new(staff.clone(), ephemeral.clone(), relying_party(stores)),
        staff,
        identifications: enrolments.identifications.clone(),
        enrolments: enrolments.clone(),
        openings,
        recoveries,
        charges: stores.charges(),
        clock: stores.clock.clone(),
        codes: Arc::new(stores.keyring.mac("desk code")),
        forms: Arc::new(stores.keyring.mac("desk form")),
        cookies,
        origin: Arc::from(origin),
        proof_seconds: settings.proof_seconds.into(),
        link_seconds: settings.link_minutes * 60,
    }
}

/// What recovers accounts.
///
/// # Errors
/// [`StartError`] when passwords cannot be hashed.
pub(super) fn recoveries(
    stores: &Stores,
    ephemeral: &Ephemeral,
    outbox: &Outbox,
    life_events: &LifeEvents,
) -> Result<Recoveries, StartError> {
    let first = stores.first_credentials()?;
    Ok(Recoveries {
        life_events: life_events.clone(),
        passwords: first.passwords,
        accounts: first.accounts,
        emails: stores.emails(),
        outbox: outbox.clone(),
        ephemeral: ephemeral.clone(),
        host: Arc::from(stores.settings.server.issuer.host()),
        address: first.address,
    })
}

/// The citizen's own pages.
pub(super) fn cabinet(
    stores: &Stores,
    pages: &Pages,
    tokens: &Tokens,
    first_party: FirstParty,
    (enrolments, remote, recoveries): (Enrolments, Remote, Recoveries),
) -> Cabinet {
    let (sign_in, release) = (pages.sign_in.clone(), pages.release.clone());
    Cabinet {
        first_party,
        sign_in,
        release,
        life_events: pages.life_events.clone(),
        enrolments,
        remote,
        recoveries,
        representations: representations(stores),
        logout: pages.sign_out.logout().clone(),
        ledger: Ledger::new(stores.db.clone(), stores.clock.clone(), &stores.keyring),
        inbox: stores.inbox(),
        emails: stores.emails(),
        wishes: SmsWishes::new(stores.db.clone(), stores.clock.clone()),
        charges: stores.charges(),
        ciba: tokens.ciba.clone(),
        receipts: tokens.receipts.clone(),
        passkeys: pages.passkeys.clone(),
        complaints: Complaints::new(stores.db.clone(), stores.clock.clone(), &stores.keyring),
        clients: Arc::clone(&pages.clients),
        forms: Arc::new(stores.keyring.mac("cabinet form")),
        cookies: pages.cookies,
        origin: Arc::clone(&pages.origin),
        history_days: stores.settings.sign_in.history_days,
    }
}

/// The pages that people see.
///
/// # Errors
/// [`StartError`] when passwords cannot be hashed.
pub(super) fn pages(
    stores: &Stores,
    authorization: Authorization,
    oneid: OneId,
    ((devices, ciba), first_party): ((Devices, Ciba), FirstParty),
    signals: Signals,
) -> Result<Pages, StartError> {
    let settings = &stores.settings;
    let Authorization { provider, sign_in, release, grants, .. } = authorization.clone();
    let life_events = LifeEvents {
        people: sign_in.people.clone(),
        grants,
        release: release.clone(),
        inbox: sign_in.inbox.clone(),
        signals,
        clock: stores.clock.clone(),
        audit: stores.audit.clone(),
    };
    let logout = Logout {
        provider: provider.clone(),
        sessions: sign_in.sessions.clone(),
        notifier: LogoutNotifier::new(provider.clone(), stores.db.clone(), stores.outbound()),
    };
    let registries = stores.registries(&sign_in.ephemeral)?;
    let origin: Arc<str> = settings.server.issuer.url().origin().ascii_serialization().into();
    let eri = settings.eri.as_ref().map(|eri| {
        Eri::new(registries.clone(), EriPolicy::from(eri), (&stores.keyring, stores.clock.clone()))
    });
    let away = sign_in.ephemeral.clone();
    let face = settings.face.as_ref().map(|face| Face::new(registries, face, (away, &origin)));
    Ok(Pages {
        first_party: first_party.clone(),
        passkeys: passkeys(stores, &sign_in),
        qr: QrCodes::new(sign_in.ephemeral.clone(), stores.clock.clone()),
        qr_forms: Arc::new(stores.keyring.mac("qr form")),
        sign_in,
        release,
        life_events,
        passwords: stores.passwords()?,
        clients: provider.clients,
        subject_ids: provider.subject_ids,
        completion: Completion::new(authorization, oneid, (devices, ciba), first_party),
        sign_out: SignOut::new(logout, stores.keyring.mac("sign-out")),
        networks: Arc::new(stores.keyring.mac("client-network")),
        cookies: cookies(stores),
        eri,
        face,
        representations: representations(stores),
        origin,
    })
}

/// Which organisations people act for.
fn representations(stores: &Stores) -> Representations {
    Representations::new(stores.db.clone(), &stores.keyring, stores.clock.clone())
}

/// Whom passkeys are bound to: this provider's host and origin.
fn relying_party(stores: &Stores) -> RelyingParty {
    let issuer = &stores.settings.server.issuer;
    RelyingParty { id: issuer.host().to_owned(), origin: issuer.url().origin().ascii_serialization() }
}

/// People's passkeys.
fn passkeys(stores: &Stores, sign_in: &SignIn) -> Passkeys {
    Passkeys::new(
        sign_in.accounts.clone(),
        (stores.db.clone(), stores.clock.clone()),
        (stores.audit.clone(), sign_in.inbox.clone()),
        stores.keyring.mac("passkey user"),
        (sign_in.ephemeral.clone(), relying_party(stores)),
    )
}

fn cookies(stores: &Stores) -> Cookies {
    Cookies { https: stores.settings.server.issuer.is_https() }
}

/// Registration on-line.
///
/// # Errors
/// [`StartError`].
pub(super) fn sign_up(
    stores: &Stores,
    (ephemeral, outbox): (&Ephemeral, &Outbox),
    pages: &Pages,
    first_party: &FirstParty,
) -> Result<SignUp, StartError> {
    let registrations = Openings {
        life_events: pages.life_events.clone(),
        first: stores.first_credentials()?,
        outbox: outbox.clone(),
        ephemeral: ephemeral.clone(),
        host: Arc::from(stores.settings.server.issuer.host()),
    };
    Ok(SignUp {
        settings: Arc::new(stores.settings.sign_up.clone()),
        sign_in: pages.sign_in.clone(),
        registries: stores.registries(ephemeral)?,
        registrations,
        client: first_party.client().clone(),
        codes: Arc::new(stores.keyring.mac("code")),
        networks: Arc::new(stores.keyring.mac("client-network")),
        proofs: pages.eri.as_ref().map(|eri| eri.proofs.clone()),
        cookies: pages.cookies,
        origin: Arc::clone(&pages.origin),
    })
}
