//! The composition root: the only file that knows which adapter is in use. It builds the provider from its settings,
//! serves it and keeps its background work going.

use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{Server, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, Data};
use actix_web::{App as Web, HttpRequest, HttpResponse, HttpServer};

use crate::clients::{Registry, Rules};
use crate::journey::{self, Journey};
use crate::notices::receipts::{self, Receipts};
use crate::notices::sms::{self, Eskiz, EskizSettings, Gateway, Gateways, PlayMobile, PlayMobileSettings};
use crate::notices::{Deliveries, Outbox};
use crate::oidc::{self, Discovery, Oidc};
use crate::people::{People, test_people};
use crate::platform::clock::Clock;
use crate::platform::config::{self, Settings, Tls};
use crate::platform::db::{self, Db};
use crate::platform::ephemeral::Ephemeral;
use crate::platform::jose::Keys;
use crate::platform::seal::Keyring;
use crate::platform::telemetry::{self, Metrics, Operations, Requests, check};
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::visit::{Problem, Visit};
use crate::platform::web::{assets, cookies::Cookies};
use crate::release::Release;
use crate::sign_in::{Caps, Limits, Policy, SessionBounds, Sessions, SignIn, Transactions};

/// Why the provider does not start: one sentence for whoever started it.
#[derive(Debug)]
pub struct StartError(pub String);

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

/// Anything that keeps the provider from starting says so in its own words.
pub fn cannot_start(error: impl std::fmt::Display) -> StartError {
    StartError(error.to_string())
}

/// The stores and what every command needs of them.
pub struct Stores {
    /// The settings.
    pub settings: Settings,
    /// Time.
    pub clock: Clock,
    /// The keyring.
    pub keyring: Keyring,
    /// The database.
    pub db: Db,
    /// Counters.
    pub metrics: Arc<Metrics>,
}

impl Stores {
    /// Opens keyring and database. The sandbox makes a keyring where there is none; elsewhere that is an operator's
    /// decision.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn open(settings: Settings) -> Result<Self, StartError> {
        let sandbox = settings.environment == config::Environment::Sandbox;
        let path = &settings.keys.keyring;
        let keyring = if sandbox { Keyring::read_or_create(path) } else { Keyring::read(path) };
        let keyring = keyring.map_err(cannot_start)?;
        let metrics = Metrics::new();
        let patience = Duration::from_millis(settings.database.acquire_timeout_ms.into());
        let (url, most) = (settings.database.url.expose(), settings.database.max_connections);
        let db = db::connect(url, most, patience, Arc::clone(&metrics)).await.map_err(cannot_start)?;
        Ok(Self { settings, clock: Clock::System, keyring, db, metrics })
    }

    /// The relying parties.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn clients(&self) -> Result<Registry, StartError> {
        Registry::load(self.db.clone(), self.clock.clone(), self.rules()).await.map_err(cannot_start)
    }

    /// The signing keys.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn keys(&self) -> Result<Keys, StartError> {
        let bits = self.settings.keys.rsa_bits;
        Keys::load(self.db.clone(), &self.keyring, self.clock.clone(), bits).await.map_err(cannot_start)
    }

    /// The short-lived state that the settings name.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn ephemeral(&self) -> Result<Ephemeral, StartError> {
        match &self.settings.redis.url {
            None => Ok(Ephemeral::in_process(self.clock.clone(), &self.keyring)),
            Some(url) => {
                let timeout = Duration::from_millis(self.settings.redis.timeout_ms.into());
                let metrics = Arc::clone(&self.metrics);
                Ephemeral::redis(url.expose(), timeout, self.clock.clone(), &self.keyring, metrics)
                    .await
                    .map_err(cannot_start)
            }
        }
    }

    fn rules(&self) -> Rules {
        let sandbox = self.settings.environment == config::Environment::Sandbox;
        Rules {
            loopback_http: sandbox,
            sms_host: self.settings.server.issuer.host().to_owned(),
            shortest_secret: if sandbox { 8 } else { 32 },
        }
    }
}

/// The provider, built and not yet serving.
pub struct App {
    settings: Settings,
    db: Db,
    ephemeral: Ephemeral,
    journey: Journey,
    outbox: Outbox,
    receipts: Receipts,
    discovery: Discovery,
    metrics: Arc<Metrics>,
    draining: Arc<AtomicBool>,
    /// Held for as long as the provider lives: embedded stores serve one node.
    _only_node: Option<File>,
    _only_node_on_server: Option<db::OnlyNode>,
}

impl App {
    /// Builds the provider: migrated, keys and clients loaded, test people stored where there are any.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn build(stores: Stores) -> Result<Self, StartError> {
        let only_node = only_node(&stores)?;
        db::migrate(&stores.db).await.map_err(cannot_start)?;
        let ephemeral = stores.ephemeral().await?;
        let only_node_on_server = if ephemeral.is_shared() || stores.settings.database.is_embedded() {
            None
        } else {
            Some(db::only_node(stores.settings.database.url.expose()).await.map_err(cannot_start)?)
        };
        let people = People::new(stores.db.clone(), &stores.keyring);
        store_test_people(&stores, &people).await?;
        let deliveries = Deliveries::new(ephemeral.clone());
        let outbox = Outbox::new(
            stores.db.clone(),
            stores.clock.clone(),
            &stores.keyring,
            gateways(&stores.settings)?,
            deliveries,
            Arc::clone(&stores.metrics),
        );
        let oidc = build_oidc(&stores, &ephemeral, &people).await?;
        let sign_in = build_sign_in(&stores, &ephemeral, people, &outbox);
        sign_in.limits.refresh().await.map_err(cannot_start)?;
        let journey = Journey {
            sign_in,
            origin: Arc::from(stores.settings.server.issuer.url().origin().ascii_serialization()),
            sign_out: Arc::new(stores.keyring.mac("sign-out")),
            oidc,
        };
        let secret = stores.settings.sms.callback_secret.as_ref().map(|secret| Arc::from(secret.expose()));
        let receipts = Receipts { secret, outbox: outbox.clone(), metrics: Arc::clone(&stores.metrics) };
        Ok(Self {
            discovery: Discovery::new(stores.settings.server.issuer.as_str()),
            settings: stores.settings,
            db: stores.db,
            ephemeral,
            journey,
            outbox,
            receipts,
            metrics: stores.metrics,
            draining: Arc::default(),
            _only_node: only_node,
            _only_node_on_server: only_node_on_server,
        })
    }

    /// The relying parties, for whoever registers some at start.
    pub fn clients(&self) -> &Registry {
        &self.journey.oidc.clients
    }

    /// Serves pages and endpoints.
    ///
    /// # Errors
    /// When a listener or the certificate cannot be used.
    pub fn server(&self, listeners: Vec<TcpListener>) -> io::Result<Server> {
        let server = &self.settings.server;
        let (journey, oidc) = (self.journey.clone(), self.journey.oidc.clone());
        let (receipts, discovery) = (self.receipts.clone(), self.discovery.clone());
        let (requests, metrics, most) =
            (Requests::new(server, entropy), Arc::clone(&self.metrics), server.max_body_bytes);
        let http = HttpServer::new(move || {
            Web::new()
                .app_data(Data::new(journey.clone()))
                .app_data(Data::new(oidc.clone()))
                .app_data(Data::new(receipts.clone()))
                .app_data(Data::new(discovery.clone()))
                .app_data(web::PayloadConfig::new(most))
                .app_data(metrics.route("all"))
                .wrap(from_fn(in_time))
                .wrap(requests.clone())
                .configure(oidc::routes)
                .configure(journey::routes)
                .configure(receipts::routes)
                .route("/static/{file}", web::get().to(assets::get))
                .default_service(web::to(not_found))
        });
        let workers = match server.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            some => some,
        };
        let http = http
            .workers(workers)
            .backlog(4096)
            .disable_signals()
            .shutdown_timeout(server.drain_seconds.into())
            .client_request_timeout(Duration::from_secs(server.request_timeout_seconds.into()));
        let tls = server.tls.as_ref().map(|tls| tls_config(tls, server.issuer.host())).transpose()?;
        let http = listeners.into_iter().try_fold(http, |http, listener| match &tls {
            None => http.listen(listener),
            Some(tls) => http.listen_rustls_0_23(listener, tls.clone()),
        })?;
        Ok(http.run())
    }

    /// Serves health and metrics on a listener of their own.
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub fn operations(&self, listener: TcpListener) -> io::Result<Server> {
        let (db, ephemeral) = (self.db.clone(), self.ephemeral.clone());
        let operations = Operations {
            metrics: Arc::clone(&self.metrics),
            checks: vec![
                (
                    "database",
                    check(move || {
                        let db = db.clone();
                        async move { db.probe().await.map_err(|error| error.to_string()) }
                    }),
                ),
                (
                    "short_lived_state",
                    check(move || {
                        let ephemeral = ephemeral.clone();
                        async move { ephemeral.probe().await.map_err(|error| error.to_string()) }
                    }),
                ),
            ],
            draining: Arc::clone(&self.draining),
        };
        telemetry::start(listener, operations)
    }

    /// Begins the background work: sending messages, following other nodes, clearing up.
    pub fn work(&self) {
        tokio::spawn(self.outbox.clone().run());
        let (journey, db) = (self.journey.clone(), self.db.clone());
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(400)).await;
                if db.probe().await.is_ok() {
                    follow(&journey).await;
                }
            }
        });
        let (journey, ephemeral, outbox) =
            (self.journey.clone(), self.ephemeral.clone(), self.outbox.clone());
        let (metrics, keys) = (Arc::clone(&self.metrics), self.settings.keys.clone());
        tokio::spawn(async move {
            let mut seconds: u64 = 0;
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                seconds += 1;
                ephemeral.purge();
                if seconds.is_multiple_of(5) {
                    told("limits.unread", journey.sign_in.limits.refresh().await);
                    told("outbox.unmeasured", outbox.measure().await);
                }
                if seconds.is_multiple_of(10) {
                    clear_up(&journey, &outbox, &metrics).await;
                }
                if seconds % 3600 == 1 {
                    let rotated =
                        journey.oidc.keys.rotate_old(keys.rsa_bits, keys.rotation_days.into()).await;
                    told("keys.unrotated", rotated);
                }
            }
        });
    }

    /// Ends in order: no new requests, those under way to their end, messages handed over, stores closed.
    pub async fn drain(&self, handles: &[actix_web::dev::ServerHandle]) {
        self.draining.store(true, Ordering::Relaxed);
        for handle in handles {
            handle.stop(true).await;
        }
        self.outbox.drain(Duration::from_secs(self.settings.server.drain_seconds.into())).await;
        self.db.close().await;
    }
}

/// Takes over what other nodes and commands changed.
async fn follow(journey: &Journey) {
    told("clients.stale", journey.oidc.clients.refresh().await);
    told("keys.stale", journey.oidc.keys.refresh().await);
    told("revocations.stale", journey.oidc.revoked.refresh().await);
}

/// Rows removed in one statement.
const SWEEP: i64 = 2000;

/// Removes what has expired, as many sweeps as there is work for, and says how far behind it is.
async fn clear_up(journey: &Journey, outbox: &Outbox, metrics: &Metrics) {
    for _ in 0..50 {
        match journey.oidc.grants.purge(SWEEP).await {
            Ok(gone) if gone >= SWEEP.unsigned_abs() => {}
            other => {
                told("grants.unpurged", other.map(|_| ()));
                break;
            }
        }
    }
    told("messages.unpurged", outbox.purge(SWEEP * 10).await.map(|_| ()));
    match journey.oidc.grants.purge_lag().await {
        Ok(lag) => {
            metrics.purge_lag_seconds.set(lag);
        }
        Err(error) => told::<()>("lag.unknown", Err(error)),
    }
}

/// Background work that fails is said once, and tried again the next time.
fn told<T>(event: &str, result: Result<T, impl std::fmt::Display>) {
    if let Err(error) = result {
        tracing::warn!(event, %error, "background work failed and will be tried again");
    }
}

async fn build_oidc(stores: &Stores, ephemeral: &Ephemeral, people: &People) -> Result<Oidc, StartError> {
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
        transactions: Transactions::new(ephemeral.clone(), clock.clone(), sign_in.transaction_seconds.into()),
        codes: oidc::Codes::new(ephemeral.clone()),
        grants: oidc::Grants::new(db.clone(), clock.clone(), revoked.clone()),
        revoked,
        access_tokens: Arc::new(oidc::AccessTokens::new(keyring)),
        refresh_tokens: Arc::new(oidc::RefreshTokens::new(keyring)),
        subjects: Arc::new(oidc::Subjects::new(keyring)),
        lifetimes,
        logout: oidc::LogoutNotifier::new(stores.settings.outbound.clone()),
        cookies: Cookies { https: stores.settings.server.issuer.is_https() },
        metrics: Arc::clone(&stores.metrics),
    })
}

fn build_sign_in(stores: &Stores, ephemeral: &Ephemeral, people: People, outbox: &Outbox) -> SignIn {
    let settings = &stores.settings;
    let (sign_in, limits) = (&settings.sign_in, &settings.limits);
    let policy = Policy {
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
        policy: Arc::new(policy),
        ephemeral: ephemeral.clone(),
        people,
        outbox: outbox.clone(),
        codes: Arc::new(stores.keyring.mac("code")),
        clock,
        metrics,
    }
}

fn gateways(settings: &Settings) -> Result<Gateways, StartError> {
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

/// The people of the sandbox, as its settings name them; none elsewhere.
///
/// # Errors
/// [`StartError`] when their file is wrong.
pub fn test_people(settings: &Settings) -> Result<Vec<test_people::TestPerson>, StartError> {
    if settings.environment != config::Environment::Sandbox {
        return Ok(Vec::new());
    }
    let text = match &settings.sandbox.people {
        None => test_people::BUILT_IN.to_owned(),
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| cannot_start(format!("{}: {error}", path.display())))?,
    };
    test_people::parse(&text).map_err(|why| StartError(format!("the test people cannot be read: {why}")))
}

async fn store_test_people(stores: &Stores, people: &People) -> Result<(), StartError> {
    let all = test_people(&stores.settings)?;
    test_people::store(people, &all, stores.clock.now()).await.map_err(cannot_start)
}

/// Embedded stores serve one node: the second one is told so instead of corrupting the first one's work.
fn only_node(stores: &Stores) -> Result<Option<File>, StartError> {
    let url = stores.settings.database.url.expose();
    let Some(path) = url.strip_prefix("sqlite:") else { return Ok(None) };
    let path = path.trim_start_matches("//").split('?').next().unwrap_or(path);
    let lock = PathBuf::from(format!("{path}.node"));
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock)
        .map_err(|error| StartError(format!("{}: {error}", lock.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(_) => Err(StartError(format!(
            "another node already runs on {path}: embedded stores serve one node; stop it, or use PostgreSQL and Redis"
        ))),
    }
}

fn tls_config(tls: &Tls, host: &str) -> io::Result<rustls::ServerConfig> {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _};
    let invalid =
        |error: &dyn std::fmt::Display| io::Error::new(io::ErrorKind::InvalidData, error.to_string());
    let (chain, key) = match tls {
        Tls::Files { certificate, private_key } => {
            let chain: Result<Vec<_>, _> =
                CertificateDer::pem_file_iter(certificate).map_err(|error| invalid(&error))?.collect();
            let key = PrivateKeyDer::from_pem_file(private_key).map_err(|error| invalid(&error))?;
            (chain.map_err(|error| invalid(&error))?, key)
        }
        Tls::SelfSigned => {
            let names = vec![host.to_owned(), "localhost".to_owned(), "127.0.0.1".to_owned()];
            let made = rcgen::generate_simple_self_signed(names).map_err(|error| invalid(&error))?;
            let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
            (vec![made.cert.der().clone()], key.into())
        }
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| invalid(&error))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| invalid(&error))
}

/// A request that is sent too slowly, or takes too long, is given up: it may not hold a connection for ever.
async fn in_time(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    const LONGEST: Duration = Duration::from_secs(20);
    match tokio::time::timeout(LONGEST, next.call(request)).await {
        Ok(answer) => answer,
        Err(_) => Err(actix_web::error::ErrorRequestTimeout("the request took too long")),
    }
}

async fn not_found(request: HttpRequest, oidc: Data<Oidc>) -> HttpResponse {
    Visit::new(&request, oidc.cookies, None).problem(ProblemKind::NotFound, &Problem::default())
}

fn entropy(out: &mut [u8]) {
    for chunk in out.chunks_mut(12) {
        let random = crate::platform::bytes::random::<12>();
        let length = chunk.len();
        chunk.copy_from_slice(&random[..length]);
    }
}
