//! `yagona demo`: provider, sandbox and portal on loopback, with embedded stores.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

use clap::Args;
use secrecy::ExposeSecret;

use super::{demo_data, demo_registers, demo_staff, serve};
use crate::app::settings::Settings;
use crate::app::{App, StartError, Stores, cannot_start, test_people};
use crate::clients::{ClientFile, ClientSecret, ContractFile};
use crate::demo::portal;
use crate::notices::receipts;
use crate::people::test_people::TestPerson;
use crate::platform::telemetry;
use crate::sandbox;

/// A port that others can be told: 0 would be any.
fn port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(0) => {
            Err("0 would be any port: name one, since services and the sandbox are told of it".to_owned())
        }
        other => other.map_err(|_| "it is not a port, 1 to 65535".to_owned()),
    }
}

/// Runs the demo on this machine.
#[derive(Args)]
pub(super) struct Demo {
    /// PostgreSQL instead of the embedded database: postgres://user:password@host/database
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Redis instead of in-process state: redis://host:port/number
    #[arg(long, value_name = "URL")]
    redis_url: Option<String>,
    /// Deletes the data of earlier demos first; data that no demo marked as its own are left alone
    #[arg(long)]
    reset: bool,
    /// Port of the provider
    #[arg(long, default_value_t = 8080, value_parser = port)]
    port: u16,
    /// Port of the sandbox
    #[arg(long, default_value_t = 8081, value_parser = port)]
    sandbox_port: u16,
    /// Port of the sandbox's mail server
    #[arg(long, default_value_t = 8025, value_parser = port)]
    mail_port: u16,
    /// Port of the portal
    #[arg(long, default_value_t = 8082, value_parser = port)]
    portal_port: u16,
    /// Port of health and metrics
    #[arg(long, default_value_t = 8089, value_parser = port)]
    operations_port: u16,
    /// Folder in which data is stored, under `var/`
    #[arg(long, default_value = ".", value_name = "DIR")]
    dir: PathBuf,
}

/// The relying parties; `{portal}` is replaced by the portal's origin.
const CLIENTS: &str = include_str!("../../config/demo-clients.toml");

/// The contracts that they live under.
const CONTRACTS: &str = include_str!("../../config/demo-contracts.toml");

impl Demo {
    pub(super) async fn run(self) -> Result<(), StartError> {
        let provider = listen(self.port, "--port")?;
        let outside = listen(self.sandbox_port, "--sandbox-port")?;
        let mail = listen(self.mail_port, "--mail-port")?;
        let service = listen(self.portal_port, "--portal-port")?;
        let operations = listen(self.operations_port, "--operations-port")?;
        let settings = self.settings()?;
        let _log = telemetry::start_log(&settings.log).map_err(cannot_start)?;
        if self.reset {
            demo_data::reset(&settings).await?;
        }
        let people = test_people(&settings)?;
        let sandbox = sandbox::start_with_mail(outside, mail, sandbox_settings(&settings, &people)?);
        let sandbox = sandbox.map_err(cannot_start)?;
        let stores = Stores::open_unverified(settings).await?;
        demo_data::mark(&stores).await?;
        let app = App::build(stores).await?;
        let portal_base = format!("http://localhost:{}", self.portal_port);
        let clients = ClientFile::parse(&CLIENTS.replace("{portal}", &portal_base)).map_err(cannot_start)?;
        let portal_settings = self.portal_settings(&clients, &people, portal_base);
        let contracts = ContractFile::parse(CONTRACTS).map_err(cannot_start)?;
        app.clients().import_contracts(&contracts).await.map_err(cannot_start)?;
        app.clients().register(clients).await.map_err(cannot_start)?;
        demo_staff::add(app.staff()).await?;
        let portal = portal::start(service, portal_settings).map_err(cannot_start)?;
        let server = app.server(provider).map_err(cannot_start)?;
        let operations = operations.into_iter().next().map(|listener| app.operations(listener));
        let operations = operations.transpose().map_err(cannot_start)?;
        let handles = [server.handle(), sandbox.handle(), portal.handle()];
        actix_web::rt::spawn(server);
        actix_web::rt::spawn(sandbox);
        actix_web::rt::spawn(portal);
        if let Some(operations) = operations {
            actix_web::rt::spawn(operations);
        }
        app.work();
        println!("{}", self.banner(&people));
        let mut signals = serve::Signals::new();
        signals.next().await;
        println!("\nShutting down.");
        let hurried = async {
            signals.next().await;
        };
        app.drain(&handles, hurried).await;
        Ok(())
    }

    fn settings(&self) -> Result<Settings, StartError> {
        let issuer = format!("http://localhost:{}", self.port);
        let sandbox = format!("http://localhost:{}", self.sandbox_port);
        // A developer may allow the address of their own service besides the portal's.
        let mut allowed = vec![format!("localhost:{}", self.portal_port)];
        let environment: Vec<(String, String)> = super::demo_environment().collect();
        let named = environment.iter().find(|(key, _)| key == "YAGONA__OUTBOUND__ALLOW");
        allowed.extend(named.map(|(_, value)| value.clone()));
        let mut own = vec![
            ("SERVER__ISSUER", issuer.clone()),
            ("SERVER__LISTEN", format!("127.0.0.1:{}", self.port)),
            ("SERVER__OPERATIONS_LISTEN", format!("127.0.0.1:{}", self.operations_port)),
            ("SMS__CALLBACK_BASE", issuer),
            ("SMS__ESKIZ__BASE_URL", format!("{sandbox}/eskiz/api")),
            ("SMS__PLAYMOBILE__URL", format!("{sandbox}/playmobile/broker-api/send")),
            ("EMAIL__PORT", self.mail_port.to_string()),
            ("REGISTRIES__GATEWAY__BASE_URL", format!("{sandbox}/gateway")),
            ("REGISTRIES__GATEWAY__TOKEN_URL", format!("{sandbox}/gateway/oauth2/token")),
            ("REGISTRIES__BIOMETRICS__BASE_URL", format!("{sandbox}/biometrics")),
            ("REGISTRIES__OPERATORS__BASE_URL", format!("{sandbox}/operators")),
            ("REGISTRIES__BILLING__BASE_URL", format!("{sandbox}/billing")),
            ("REGISTRIES__EIMZO__BASE_URL", format!("{sandbox}/eimzo")),
            ("REGISTRIES__MYID__BASE_URL", format!("{sandbox}/myid")),
            ("ERI__CAPIWS", format!("ws://localhost:{}/service/cryptapi", self.sandbox_port)),
            ("OUTBOUND__ALLOW", allowed.join(",")),
            ("SUPPORT__URL", format!("{sandbox}/")),
            ("SITE__PRIVACY_URL", format!("{sandbox}/privacy")),
        ];
        own.extend(self.database_url.clone().map(|url| ("DATABASE__URL", url)));
        own.extend(self.redis_url.clone().map(|url| ("REDIS__URL", url)));
        let own = own.into_iter().map(|(key, value)| (format!("YAGONA__{key}"), value));
        // The command line takes precedence over the environment.
        let named: Vec<(String, String)> = own.collect();
        let others = environment.into_iter().filter(|(key, _)| !named.iter().any(|(own, _)| own == key));
        let all: Vec<(String, String)> = others.chain(named.iter().cloned()).collect();
        Settings::demo_with(&self.dir, all.into_iter()).map_err(cannot_start)
    }

    fn portal_settings(
        &self,
        clients: &ClientFile,
        people: &[TestPerson],
        base_url: String,
    ) -> portal::Settings {
        let party = |client: &crate::clients::Registration| portal::RelyingParty {
            client_id: client.client_id.clone(),
            client_secret: ClientSecret::given(
                client.authentication.client_secret.as_deref().unwrap_or_default(),
            )
            .expose()
            .to_owned(),
            name: client.identity.client_name.clone(),
            names: names(client),
            scopes: scopes(client),
        };
        // Who has nowhere to send a browser to signs nobody in: those are the services of the counter.
        let (parties, others): (Vec<_>, Vec<_>) =
            clients.clients.iter().partition(|client| !client.redirects.redirect_uris.is_empty());
        let by_law =
            |client: &&&crate::clients::Registration| client.data.basis.as_deref() == Some("statutory");
        let asking = others.iter().find(|client| !by_law(client));
        let counter = asking
            .zip(others.iter().find(by_law))
            .map(|(asking, lawful)| portal::CounterParties { asking: party(asking), lawful: party(lawful) });
        portal::Settings {
            issuer: format!("http://localhost:{}", self.port),
            base_url,
            parties: parties.into_iter().map(party).collect(),
            login_hint: people.first().map(|person| person.phone.digits().to_owned()),
            phone: format!("http://localhost:{}/phone", self.sandbox_port),
            counter,
        }
    }

    fn banner(&self, people: &[TestPerson]) -> String {
        let (port, sandbox, portal, operations) =
            (self.port, self.sandbox_port, self.portal_port, self.operations_port);
        let mut who = String::new();
        for person in people {
            who.push_str(&format!("    +{}  {}\n", person.phone.digits(), person.about));
        }
        format!(
            "\n  The Yagona demo is running, on this machine only.\n\n\
             \x20 Open            http://localhost:{portal}        the portal: press “Sign in with Yagona”\n\
             \x20 Then read       http://localhost:{sandbox}/phone  the phone: the code arrives here\n\
             \x20 And mails       http://localhost:{sandbox}/mail   what is sent to addresses that people gave\n\
             \x20 At a counter    http://localhost:{portal}/counter  a clerk asks, the person answers on the phone\n\n\
             \x20 At the desk     http://localhost:{port}/desk    staff identify people; `staff link demo-operator`, as below,\n\
             \x20                                              makes the link for a passkey (or demo-supervisor, -administrator, -notary)\n\n\
             \x20 The provider    http://localhost:{port}        (the issuer)\n\
             \x20 The sandbox     http://localhost:{sandbox}        (simulates SMS gateways, state registers and a phone)\n\
             \x20 Health, metrics http://localhost:{operations}/metrics\n\n\
             \x20 People\n{who}\n\
             \x20 Try             give a data set or not; sign in again; sign out; another language; a wrong code five times;\n\
             \x20                 http://localhost:{sandbox}/switches to make a gateway fail\n\
             \x20 In another shell `cargo run --release -- client list` and the other commands work on this demo.\n\
             \x20 Stop it with Ctrl-C.\n"
        )
    }
}

/// The names of a service in other languages and scripts.
fn names(client: &crate::clients::Registration) -> BTreeMap<String, String> {
    let tagged = client.other.iter().filter_map(|(member, value)| {
        let tag = member.strip_prefix("client_name#")?;
        Some((tag.to_owned(), value.as_str()?.to_owned()))
    });
    tagged.collect()
}

fn scopes(client: &crate::clients::Registration) -> Vec<String> {
    let mut scopes = vec!["openid".to_owned()];
    for entry in client.data.data_sets.iter().flatten() {
        let scope = crate::people::DataSet::parse(&entry.name).map(crate::people::DataSet::scope);
        if let Some(scope) = scope.filter(|scope| !scopes.iter().any(|known| known == scope)) {
            scopes.push(scope.to_owned());
        }
    }
    scopes
}

fn sandbox_settings(settings: &Settings, people: &[TestPerson]) -> Result<sandbox::Settings, StartError> {
    let missing = || StartError("the demo's configuration names both SMS gateways".to_owned());
    let eskiz = settings.sms.eskiz.as_ref().ok_or_else(missing)?;
    let playmobile = settings.sms.playmobile.as_ref().ok_or_else(missing)?;
    let callback = match (&settings.sms.callback_base, &settings.sms.callback_secret) {
        (Some(base), Some(secret)) => {
            Some(receipts::playmobile_url(base.as_str().trim_end_matches('/'), secret.expose_secret()))
        }
        _ => None,
    };
    let registries = demo_registers::settings(&settings.registries, people)?;
    let people = people.iter().map(|person| {
        let record = person.record();
        sandbox::TestPerson {
            phone: person.phone.digits().to_owned(),
            pinfl: record.pinfl.digits().to_owned(),
            name: record.names.latin.for_pages().full(),
            about: person.about.clone(),
        }
    });
    Ok(sandbox::Settings {
        people: people.collect(),
        eskiz: sandbox::EskizAccount {
            email: eskiz.email.clone(),
            password: eskiz.password.expose_secret().to_owned(),
            from: eskiz.from.clone(),
        },
        playmobile: sandbox::PlayMobileAccount {
            login: playmobile.login.clone(),
            password: playmobile.password.expose_secret().to_owned(),
            originator: playmobile.originator.clone(),
        },
        playmobile_callback: callback,
        provider: Some(settings.server.issuer.as_str().to_owned()),
        registries,
    })
}

/// Binds a port on loopback, on IPv6 as well if available, since `localhost` may resolve to either.
fn listen(port: u16, flag: &str) -> Result<Vec<TcpListener>, StartError> {
    let occupied = |address: SocketAddr| {
        StartError(format!(
            "port {} is in use: another program, perhaps another demo, listens on {address}; stop it, or choose another port with {flag}",
            address.port()
        ))
    };
    let first = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut listeners = vec![TcpListener::bind(first).map_err(|_| occupied(first))?];
    let second = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    match TcpListener::bind(second) {
        Ok(listener) => listeners.push(listener),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => return Err(occupied(second)),
        Err(_) => {}
    }
    Ok(listeners)
}
