//! Builds what reaches people: gateways of SMS, messages about notices, mails.

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;

use crate::app::settings::Settings;
use crate::app::stores::{StartError, Stores, cannot_start};
use crate::clients::ClientId;
use crate::first_party::FirstParty;
use crate::notices::charges::Charges;
use crate::notices::email::{Mailer, ServiceName, Transport};
use crate::notices::inbox::Inbox;
use crate::notices::sms::{self, Eskiz, Gateway, GatewayName, Gateways, PlayMobile};
use crate::notices::{NoticeSms, Outbox, receipts};
use crate::oidc::Provider;
use crate::people::People;
use crate::platform::ephemeral::Ephemeral;

/// What sends SMS about notices.
pub(in crate::app) fn notice_sms(
    stores: &Stores,
    ephemeral: &Ephemeral,
    (people, outbox): (People, &Outbox),
    charges: Charges,
) -> NoticeSms {
    let issuer = stores.settings.server.issuer.url();
    let address = format!("{}/cabinet", &issuer[url::Position::BeforeScheme..url::Position::AfterPort]);
    NoticeSms::new(
        (stores.db.clone(), stores.clock.clone(), ephemeral.clone()),
        people,
        (outbox.clone(), Arc::clone(&stores.metrics)),
        charges,
        (&address, stores.settings.notices.sms_per_day, stores.settings.notices.quiet_hours()),
    )
}

/// What sends mails, where a mail server is set.
///
/// # Errors
/// [`StartError`] when the settings name what cannot be used.
pub(in crate::app) fn mailer(
    stores: &Stores,
    (inbox, people): (&Inbox, &People),
    provider: &Provider,
    first_party: &FirstParty,
) -> Result<Option<Mailer>, StartError> {
    let (Some(settings), Some(emails)) = (&stores.settings.email, stores.emails()) else { return Ok(None) };
    let issuer = stores.settings.server.issuer.url();
    let transport = Transport::new(settings, stores.settings.server.issuer.host()).map_err(cannot_start)?;
    let (clients, own) = (Arc::clone(&provider.clients), first_party.client().clone());
    let service: ServiceName = Arc::new(move |id, language| {
        let id = ClientId::parse(id)?;
        let client = if id == own.id { own.clone() } else { clients.find(&id)? };
        Some(client.shown(language).name.to_owned())
    });
    let address = &issuer[url::Position::BeforeHost..url::Position::AfterPort];
    let read = (inbox.clone(), people.clone());
    let sent = (transport, Arc::clone(&stores.metrics));
    let pages = issuer.origin().ascii_serialization();
    Ok(Some(Mailer::new(emails, read, sent, service, (&pages, address))))
}

/// The SMS gateways in the order of the settings.
///
/// # Errors
/// [`StartError`] when the HTTP client cannot be made.
pub(crate) fn gateways(settings: &Settings) -> Result<Gateways, StartError> {
    let client = sms::client(Duration::from_secs(10)).map_err(cannot_start)?;
    let sms = &settings.sms;
    let callback = match (&sms.callback_base, &sms.callback_secret) {
        (Some(base), Some(secret)) => {
            Some(receipts::eskiz_url(base.as_str().trim_end_matches('/'), secret.expose_secret()))
        }
        _ => None,
    };
    let all = sms.gateways.iter().filter_map(|gateway| match gateway {
        GatewayName::Eskiz => sms
            .eskiz
            .clone()
            .map(|settings| Gateway::Eskiz(Eskiz::new(client.clone(), settings, callback.clone()))),
        GatewayName::PlayMobile => sms
            .playmobile
            .clone()
            .map(|settings| Gateway::PlayMobile(PlayMobile::new(client.clone(), settings))),
    });
    Ok(Gateways::new(all.collect()))
}
