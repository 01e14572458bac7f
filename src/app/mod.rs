//! The composition root: the only place that knows which adapter is in use. It builds the provider from its settings,
//! serves it and runs its background work.

pub mod doctor;
mod incoming;
#[cfg(test)]
mod key_spaces;
mod readiness;
pub mod settings;
mod stores;
mod tasks;
mod tls;
mod wiring;
mod work;

use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{Server, ServerHandle, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, Data};

use actix_web::{App as Web, HttpRequest, HttpResponse, HttpServer};
use askama::Template as _;
use secrecy::ExposeSecret;

#[cfg(feature = "stand-ins")]
pub(crate) use stores::tables;
pub use stores::{StartError, Stores, cannot_start, test_people};
pub use wiring::enrolments_of;
pub(crate) use wiring::gateways;

use crate::audit::{self, Audit};
use crate::cabinet::{self, Cabinet};
use crate::clients::Registry;
use crate::desk::{self, Desk};
use crate::grants::Revocations;
use crate::ledger;
use crate::life_events::{self, Deaths, Enrolments};
use crate::mobile_app::{self, MobileApp};
use crate::notices::charges::Charges;
use crate::notices::email::{Emails, Mailer};
use crate::notices::inbox::Inbox;
use crate::notices::receipts::{self, Receipts};
use crate::notices::{Deliveries, NoticeSms, Outbox};
use crate::oidc::{self, Authorization, Discovery, Registrations, Tokens, Transmitter};
use crate::oneid::{self, OneId};
use crate::pages::{self, Pages};
use crate::people::People;
use crate::platform::bytes;
use crate::platform::certificates::ClientCertificate;
use crate::platform::clock_check::ClockCheck;
use crate::platform::db::{self, Db};
use crate::platform::ephemeral::Ephemeral;
use crate::platform::telemetry::{
    self, ClientPages, Connections, Metrics, Operations, Requests, SandboxClock, check,
};
use crate::platform::web::assets;
use crate::platform::web::cors::OpenToScripts;
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond;
use crate::platform::web::site::Site;
use crate::platform::web::well_known::{self, SecurityTxt};
use crate::release::Release;
use crate::sign_in::{EndedSessions, ForgottenBrowsers};
use crate::sign_up::{self, SignUp};
use crate::staff::Staff;
use settings::{Environment, Settings};
use tasks::Tasks;

/// The provider, built but not yet serving.
pub struct App {
    settings: Settings,
    db: Db,
    ephemeral: Ephemeral,
    tokens: Tokens,
    revocations: Revocations,
    authorization: Authorization,
    oneid: OneId,
    registrations: Registrations,
    pages: Pages,
    cabinet: Cabinet,
    enrolments: Enrolments,
    mobile_app: MobileApp,
    deaths: Deaths,
    desk: Desk,
    sign_up: SignUp,
    outbox: Outbox,
    inbox: Inbox,
    charges: Charges,
    notice_sms: NoticeSms,
    emails: Option<Emails>,
    mailer: Option<Mailer>,
    transmitter: Transmitter,
    receipts: Receipts,
    discovery: Discovery,
    metrics: Arc<Metrics>,
    audit: Audit,
    clock_check: ClockCheck,
    draining: Arc<AtomicBool>,
    tasks: Tasks,
    /// Locked while the provider runs: embedded stores serve one node.
    _only_node: Option<File>,
    _only_node_on_server: Option<db::OnlyNode>,
}

impl App {
    /// Builds the provider: migrates the database, loads keys and clients, and stores the sandbox's test people.
    ///
    /// # Errors
    /// [`StartError`].
    #[expect(
        clippy::too_many_lines,
        reason = "each part is made once, in the order in which they need each other"
    )]
    pub async fn build(stores: Stores) -> Result<Self, StartError> {
        let only_node = stores::only_node(&stores)?;
        db::migrate(&stores.db).await.map_err(cannot_start)?;
        stores.verify_keyring().await?;
        let ephemeral = stores.ephemeral().await?;
        let clock_check = stores.clock_check(&ephemeral).await?;
        clock_check.at_start().await.map_err(cannot_start)?;
        let only_node_on_server = if ephemeral.is_shared() || stores.settings.database.is_embedded() {
            None
        } else {
            Some(db::only_node(stores.settings.database.url.expose_secret()).await.map_err(cannot_start)?)
        };
        stores.audit.node_started();
        let people = People::new(stores.db.clone(), &stores.keyring);
        stores::store_test_people(&stores, &people).await?;
        let charges = stores.charges();
        let deliveries = Deliveries::new(ephemeral.clone());
        let outbox = Outbox::new(
            stores.db.clone(),
            stores.clock.clone(),
            wiring::gateways(&stores.settings)?,
            deliveries,
            charges.clone(),
            Arc::clone(&stores.metrics),
        );
        let notice_sms = wiring::notice_sms(&stores, &ephemeral, (people.clone(), &outbox), charges.clone());
        let inbox = stores.inbox();
        let ended = EndedSessions::load(stores.db.clone()).await.map_err(cannot_start)?;
        let forgotten = ForgottenBrowsers::load(stores.db.clone()).await.map_err(cannot_start)?;
        let lists = (ended, forgotten);
        let sign_in = wiring::sign_in(&stores, &ephemeral, people.clone(), (&outbox, &inbox), lists);
        sign_in.limits.refresh().await.map_err(cannot_start)?;
        let provider = wiring::provider(&stores, &ephemeral).await?;
        provider.clients.add_usage().await.map_err(cannot_start)?;
        let (tokens, revocations) =
            wiring::tokens(&stores, &ephemeral, &provider, (&people, &sign_in)).await?;
        let first_party = wiring::first_party(&stores, &provider, &sign_in)?;
        let mailer = wiring::mailer(&stores, (&inbox, &people), &provider, &first_party)?;
        let release = Release::new(stores.db.clone(), people, stores.clock.clone(), stores.audit.clone());
        let authorization = wiring::authorization(&stores, &tokens, &sign_in, &release);
        let oneid = wiring::oneid(&stores, &tokens, &sign_in);
        let registrations = wiring::registrations(&stores, &tokens.provider, &sign_in, &release);
        let waiting = (tokens.devices.clone(), tokens.ciba.clone());
        let signals = stores.signals();
        let ways = (waiting, first_party.clone());
        let pages = wiring::pages(&stores, authorization.clone(), oneid.clone(), ways, signals.clone())?;
        let enrolments = wiring::enrolments(
            &stores,
            &ephemeral,
            &outbox,
            (pages.life_events.clone(), stores.identification_rules()),
        )?;
        let remote = wiring::remote(&stores, &ephemeral, &enrolments);
        let identification = (enrolments.clone(), remote);
        let recoveries = wiring::recoveries(&stores, &ephemeral, &outbox, &enrolments.life_events)?;
        let own = (identification.0.clone(), identification.1.clone(), recoveries.clone());
        let cabinet = wiring::cabinet(&stores, &pages, &tokens, first_party.clone(), own);
        let mobile_app =
            MobileApp::new(tokens.clone(), identification, charges.clone(), &stores.settings.mobile_app);
        let deaths = wiring::deaths(&stores, &enrolments);
        let sign_up = wiring::sign_up(&stores, (&ephemeral, &outbox), &pages, &first_party)?;
        let openings = sign_up.registrations.clone();
        let desk = wiring::desk(&stores, &ephemeral, (&enrolments, openings, recoveries));
        let transmitter = Transmitter::new(tokens.clone(), signals, stores.outbound());
        let secret =
            stores.settings.sms.callback_secret.as_ref().map(|secret| Arc::from(secret.expose_secret()));
        let receipts = Receipts { secret, outbox: outbox.clone(), metrics: Arc::clone(&stores.metrics) };
        Ok(Self {
            discovery: Discovery::new(
                stores.settings.server.issuer.as_str(),
                stores.settings.server.mtls.as_ref().map(|mtls| (mtls.base(), mtls.trust_anchors.is_some())),
                &wiring::offered(&stores.settings),
            ),
            inbox,
            charges,
            notice_sms,
            emails: stores.emails(),
            mailer,
            transmitter,
            settings: stores.settings,
            db: stores.db,
            ephemeral,
            tokens,
            revocations,
            authorization,
            oneid,
            registrations,
            pages,
            cabinet,
            enrolments,
            mobile_app,
            deaths,
            desk,
            sign_up,
            outbox,
            receipts,
            tasks: Tasks::new(Arc::clone(&stores.metrics)),
            metrics: stores.metrics,
            audit: stores.audit,
            clock_check,
            draining: Arc::default(),
            _only_node: only_node,
            _only_node_on_server: only_node_on_server,
        })
    }

    /// Places and members of staff, so that the demo can add its own at start.
    pub fn staff(&self) -> &Staff {
        &self.desk.staff
    }

    /// The clients, so that the demo can register its own at start.
    pub fn clients(&self) -> &Registry {
        &self.tokens.provider.clients
    }

    /// Serves pages and endpoints.
    ///
    /// # Errors
    /// When a listener or the certificate cannot be used.
    pub fn server(&self, listeners: Vec<TcpListener>) -> io::Result<Server> {
        let server = &self.settings.server;
        let (pages, authorization, tokens) =
            (self.pages.clone(), self.authorization.clone(), self.tokens.clone());
        let (receipts, discovery) = (self.receipts.clone(), self.discovery.clone());
        let (oneid, registrations) = (self.oneid.clone(), self.registrations.clone());
        let (cabinet, enrolments) = (self.cabinet.clone(), self.enrolments.clone());
        let (mobile_app, desk, sign_up) = (self.mobile_app.clone(), self.desk.clone(), self.sign_up.clone());
        let (transmitter, audit) = (Data::new(self.transmitter.clone()), self.audit.clone());
        let requests = Requests::new(&server.trusted_proxies, server.forwarded_header, bytes::fill);
        let workers = stores::workers(&self.settings);
        let connections =
            Connections::new(&server.trusted_proxies, server.connections_per_address, &self.metrics);
        let address = server.issuer.url()[url::Position::BeforeHost..url::Position::AfterPort].to_owned();
        let site = Data::new(Site::new(address, &self.settings.site, self.settings.support.clone()));
        let security = Data::new(SecurityTxt {
            contact: self.settings.security.contact.clone(),
            issuer: Arc::clone(&tokens.provider.issuer),
            clock: tokens.provider.clock.clone(),
        });
        let mutual = server.mtls.as_ref().and_then(|mtls| Some((mtls, mtls.listen?, server.tls.as_ref()?)));
        let mutual = mutual.map(|(mtls, address, tls)| {
            let named =
                |error| io::Error::other(format!("cannot listen on {address} (server.mtls.listen): {error}"));
            let listener = TcpListener::bind(address).map_err(named)?;
            let hosts = [server.issuer.host(), mtls.url.host_str().unwrap_or_default()];
            let address = listener.local_addr()?;
            io::Result::Ok((listener, address, tls::mutual_config(tls, &hosts)?))
        });
        let mutual = mutual.transpose()?;
        let for_certificates = Data::new(ForCertificates(mutual.as_ref().map(|(_, address, _)| *address)));
        let (metrics, most) = (Arc::clone(&self.metrics), server.max_body_bytes as usize);
        let http = HttpServer::new(move || {
            Web::new()
                .app_data(Data::new(pages.clone()))
                .app_data(Data::new(cabinet.clone()))
                .app_data(Data::new(enrolments.clone()))
                .app_data(Data::new(mobile_app.clone()))
                .app_data(Data::new(desk.clone()))
                .app_data(Data::new(sign_up.clone()))
                .app_data(Data::new(authorization.clone()))
                .app_data(Data::new(tokens.provider.clone()))
                .app_data(Data::new(tokens.devices.clone()))
                .app_data(Data::new(tokens.ciba.clone()))
                .app_data(Data::new(tokens.clone()))
                .app_data(Data::new(oneid.clone()))
                .app_data(Data::new(registrations.clone()))
                .app_data(transmitter.clone())
                .app_data(Data::new(receipts.clone()))
                .app_data(Data::new(discovery.clone()))
                .app_data(site.clone())
                .app_data(security.clone())
                .app_data(for_certificates.clone())
                .app_data(web::PayloadConfig::new(most))
                .app_data(metrics.route("other"))
                .wrap(from_fn(at_its_address))
                .wrap(from_fn(in_time))
                .wrap(requests.middleware())
                .configure(|config| oidc::routes(config, &metrics))
                .configure(|config| oneid::routes(config, &metrics))
                .configure(|config| tokens.ledger.published().routes(config, ledger::LOG, &metrics))
                .configure(|config| audit.tree().routes(config, audit::LOG, &metrics))
                .configure(|config| pages::routes(config, &metrics))
                .configure(|config| cabinet::routes(config, &metrics))
                .configure(|config| sign_up::routes(config, &metrics))
                .configure(|config| mobile_app::routes(config, &metrics))
                .configure(|config| desk::routes(config, &metrics))
                .configure(receipts::routes)
                .configure(|config| incoming::routes(config, &metrics))
                .configure(|config| life_events::routes(config, &metrics))
                .configure(well_known::routes)
                .configure(files)
                .default_service(web::to(not_found))
        });
        let http = http
            .workers(workers)
            .backlog(4096)
            .max_connections((server.max_connections as usize).div_ceil(workers))
            // TLS handshakes under way: no fewer than connections, so that a few hundred that never finish hold up nobody.
            .max_connection_rate((server.max_connections as usize).div_ceil(workers))
            .tls_handshake_timeout(TLS_HANDSHAKE)
            .on_connect(move |connection, extensions| {
                connections.admit(connection, extensions);
                if let Some(shown) = ClientCertificate::of_connection(connection) {
                    extensions.insert(shown);
                }
            })
            .disable_signals()
            .shutdown_timeout(server.drain_seconds.into())
            .client_request_timeout(Duration::from_secs(server.request_timeout_seconds.into()));
        let host = server.issuer.host();
        let tls = server.tls.as_ref().map(|tls| tls::server_config(tls, &[host])).transpose()?;
        let http = listeners.into_iter().try_fold(http, |http, listener| match &tls {
            None => http.listen(listener),
            Some(tls) => http.listen_rustls_0_23(listener, tls.clone()),
        })?;
        let http = match mutual {
            None => http,
            Some((listener, _, tls)) => http.listen_rustls_0_23(listener, tls)?,
        };
        Ok(http.run())
    }

    /// Serves health and metrics on a listener of their own.
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub fn operations(&self, listener: TcpListener) -> io::Result<Server> {
        let operations = Operations {
            metrics: Arc::clone(&self.metrics),
            checks: readiness::checks(self),
            remarks: readiness::remarks(self),
            draining: Arc::clone(&self.draining),
            sandbox_clock: self.sandbox_clock(),
            clients: Some(self.client_pages()),
        };
        telemetry::start(listener, operations)
    }

    /// The page of a client, for operators.
    fn client_pages(&self) -> ClientPages {
        let (provider, audit) = (self.tokens.provider.clone(), self.audit.clone());
        let place = doctor::Place::of(&self.settings);
        Arc::new(move |id: String| {
            let (provider, audit) = (provider.clone(), audit.clone());
            Box::pin(async move {
                let now = provider.clock.now();
                let examined = doctor::examine((&provider.clients, &audit), &id, (now, place), None).await;
                let examination = examined.map_err(|error| error.to_string())?;
                examination.map(|found| found.render().map_err(|error| error.to_string())).transpose()
            })
        })
    }

    /// The clock, if requests may move it (`sandbox.movable_clock`).
    fn sandbox_clock(&self) -> Option<SandboxClock> {
        let clock = self.pages.sign_in.clock.clone();
        let (provider, revocations) = (self.tokens.provider.clone(), self.revocations.clone());
        let sign_in = self.pages.sign_in.clone();
        let catch_up = check(move || {
            let (provider, revocations, sign_in) = (provider.clone(), revocations.clone(), sign_in.clone());
            async move {
                work::follow(&provider, &revocations, &sign_in).await;
                Ok(())
            }
        });
        clock.is_movable().then_some(SandboxClock { clock, catch_up })
    }

    /// Starts the background work: sending messages, reading changes of other nodes, purging.
    pub fn work(&self) {
        work::begin(self, &self.tasks);
    }

    /// Shuts down gracefully: readiness turns first; after a pause in which proxies notice, or once `hurried` is done,
    /// no more connections are accepted, running requests finish, taken messages are sent, and the database is closed.
    pub async fn drain(&self, handles: &[ServerHandle], hurried: impl Future<Output = ()>) {
        self.draining.store(true, Ordering::Relaxed);
        let production = self.settings.environment == Environment::Production;
        let usual = if production { DRAIN_DELAY } else { 0 };
        let delay = self.settings.server.drain_delay_seconds.unwrap_or(usual);
        if delay > 0 {
            let _ = tokio::time::timeout(Duration::from_secs(delay.into()), hurried).await;
        }
        for handle in handles {
            handle.stop(true).await;
        }
        let longest = Duration::from_secs(self.settings.server.drain_seconds.into());
        self.outbox.drain(longest).await;
        if let Err(error) = self.tokens.ledger.write_counts().await {
            tracing::warn!(event = "ledger.uncounted", %error, "the last reads are not added to the ledger");
        }
        if let Err(error) = self.pages.sign_in.history.flush().await {
            tracing::warn!(event = "sign_in_history.unwritten", %error, "the history of sign-ins was not written whole");
        }
        if let Err(error) = self.clients().add_usage().await {
            tracing::warn!(event = "usage.unadded", %error, "releases under contracts were not added up and are not counted");
        }
        self.inbox.drain(longest.max(AUDIT_DRAIN)).await;
        self.audit.node_stopped(longest.max(AUDIT_DRAIN)).await;
        self.db.close().await;
    }
}

/// The longest that a TLS handshake may take: old phones on slow networks need more than a second.
const TLS_HANDSHAKE: Duration = Duration::from_secs(5);

/// The longest that a request may take.
const LONGEST: Duration = Duration::from_secs(20);

// A database that hangs is given up, with an answer that says so, before the request itself is.
const _: () = assert!(db::DEADLINE.as_millis() * 2 < LONGEST.as_millis());

/// The usual pause before the listener closes, in seconds: two looks of a proxy that looks every five.
const DRAIN_DELAY: u32 = 10;

/// Style sheets, scripts and pictures.
fn files(config: &mut web::ServiceConfig) {
    config
        .route("/static/{file}", web::get().to(assets::get))
        // Asked for by browsers that read no links, and beside what is not a page.
        .route("/favicon.ico", web::get().to(async || assets::of("icon-192.png")))
        .route("/apple-touch-icon.png", web::get().to(async || assets::of("apple-touch-icon.png")));
}

/// Time for the last rows of the audit log, at least.
const AUDIT_DRAIN: Duration = Duration::from_secs(5);

/// Request timeout, since a slow client or store must not hold a connection indefinitely; and the headers that every answer
/// has, those of the framework included, and every answer that scripts of other sites may read.
async fn in_time(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let late = |_| Err(actix_web::error::ErrorRequestTimeout("the request took too long"));
    let answer = tokio::time::timeout(LONGEST, next.call(request)).await.unwrap_or_else(late);
    let mut response = answer.map_err(respond::completed)?;
    respond::complete(response.headers_mut());
    if response.request().app_data::<OpenToScripts>().is_some() {
        OpenToScripts::open(response.headers_mut());
    }
    Ok(response)
}

/// Address of the listener that asks clients for certificates, if there is one.
#[derive(Clone, Copy)]
struct ForCertificates(Option<SocketAddr>);

/// At the listener that asks for certificates there is what `mtls_endpoint_aliases` names: no page, no cookie, no form.
async fn at_its_address(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let own = request.app_data::<Data<ForCertificates>>().and_then(|own| own.0);
    let offered = oidc::paths::is_for_certificates(request.path());
    if own == Some(request.app_config().local_addr()) && !offered {
        return Ok(request.into_response(HttpResponse::NotFound().finish()).map_into_right_body());
    }
    next.call(request).await.map(ServiceResponse::map_into_left_body)
}

async fn not_found(request: HttpRequest, pages: Data<Pages>) -> HttpResponse {
    PageContext::new(&request, pages.cookies, None).problem(ProblemKind::NotFound, &Problem::default())
}
