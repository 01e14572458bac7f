//! The commands, one file each: read the arguments, call the subject, print the result.

mod account;
mod audit;
mod check;
mod client;
mod complaints;
mod consents;
mod contract;
#[cfg_attr(not(feature = "stand-ins"), path = "no_demo.rs")]
mod demo;
#[cfg(feature = "stand-ins")]
mod demo_data;
#[cfg(feature = "stand-ins")]
mod demo_registers;
#[cfg(feature = "stand-ins")]
mod demo_staff;
mod doctor;
mod exchange;
mod fees;
mod health;
mod identifications;
mod institution;
mod keys;
mod ledger;
mod notices;
mod operator;
mod output;
mod people;
mod place;
mod receipts;
mod registration_output;
mod registrations;
mod registries;
mod serve;
mod shell;
mod staff;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use secrecy::ExposeSecret as _;

use crate::app::settings::{self, Settings};
use crate::app::{StartError, Stores, cannot_start};
use crate::platform::config;
use crate::platform::db;
use output::{Format, say};

/// Yagona: an OpenID Connect provider for sign-in with Mobile-ID.
#[derive(Parser)]
#[command(name = "yagona", version, about)]
struct Cli {
    #[cfg_attr(not(feature = "stand-ins"), doc = "The configuration file.")]
    #[cfg_attr(
        feature = "stand-ins",
        doc = "The configuration file; default: the demo's configuration and stores."
    )]
    #[arg(short, long, global = true, value_name = "FILE", env = "YAGONA_CONFIG")]
    config: Option<PathBuf>,
    /// How to print: for people, or as one JSON document
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs a demo on this machine: provider, sandbox and a portal (relying party).
    #[cfg_attr(not(feature = "stand-ins"), command(hide = true))]
    Demo(demo::Demo),
    /// Runs the provider.
    Serve,
    /// Checks whether the provider can run: configuration, connections, migrations, clocks, keys, clients.
    Check,
    /// Asks the running node of a configuration whether it is ready; for runtimes of containers.
    Health,
    /// Applies pending database migrations.
    Migrate,
    /// Registers and manages clients (relying parties).
    #[command(subcommand)]
    Client(client::Client),
    /// Stores and shows institutions, which have contracts.
    #[command(subcommand)]
    Institution(institution::Institution),
    /// Stores, shows and ends contracts, under which clients live.
    #[command(subcommand)]
    Contract(contract::Contract),
    /// Manages the keyring and the signing keys.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Unlocks accounts and ends a person's access.
    #[command(subcommand)]
    People(people::People),
    /// Lists, shows and closes complaints of people.
    #[command(subcommand)]
    Complaints(complaints::Complaints),
    /// Adds, lists and closes places where people are identified in person.
    #[command(subcommand)]
    Place(place::Place),
    /// Adds, lists and disables members of staff, and gives them links for passkeys.
    #[command(subcommand)]
    Staff(staff::Staff),
    /// Lists, shows and refuses applications for identification in Mobile-ID.
    #[command(subcommand)]
    Identifications(identifications::Identifications),
    /// Lists and ends consents of a person.
    #[command(subcommand)]
    Consents(consents::Consents),
    /// Reads the ledger of releases of data.
    #[command(subcommand)]
    Ledger(ledger::Ledger),
    /// Exports what SMS cost those who get them.
    #[command(subcommand)]
    Charges(notices::Charges),
    /// Exports what identification cost those who paid for it.
    #[command(subcommand)]
    Fees(fees::Fees),
    /// Exchanges lists of enrolled and returned numbers with operators.
    #[command(subcommand)]
    Exchange(exchange::Exchange),
    /// Takes in the civil registry's lists of deaths, and shows those that another register contradicts.
    #[command(subcommand)]
    Deaths(exchange::Deaths),
    /// Verifies and lists receipts of applications that people confirmed, and manages the keys that sign them.
    #[command(subcommand)]
    Receipts(receipts::Receipts),
    /// Asks state registers, operators, billing and E-IMZO whether they answer.
    #[command(subcommand)]
    Registries(registries::Registries),
    /// Verifies the audit log.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Prints the completions of a shell: put them where it looks for them.
    Completions(shell::Completions),
    /// Writes the manual pages into a folder.
    Man(shell::Man),
}

/// Runs the command of the command line.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let system = actix_web::rt::System::new();
    match system.block_on(command(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(StartError(why)) => {
            eprintln!("yagona: {}", why.trim_end());
            ExitCode::FAILURE
        }
    }
}

async fn command(cli: Cli) -> Result<(), StartError> {
    let (file, format) = (cli.config.as_deref(), cli.format);
    match cli.command {
        Command::Demo(_) if file.is_some() => Err(StartError(
            "the demo has a configuration of its own: leave out --config and YAGONA_CONFIG, or run `yagona serve` with that file"
                .to_owned(),
        )),
        Command::Demo(demo) => demo.run().await,
        Command::Serve => serve::run(settings(file)?).await,
        Command::Check => check::run(file, format).await,
        Command::Health => health::run(&settings(file)?, format).await,
        Command::Migrate => migrate(settings(file)?, file.is_none()).await,
        Command::Client(client) => client.run(settings(file)?, format).await,
        Command::Institution(institution) => institution.run(settings(file)?, format).await,
        Command::Contract(contract) => contract.run(settings(file)?, format).await,
        Command::Keys(keys) => keys.run(file, format).await,
        Command::People(people) => people.run(settings(file)?, format).await,
        Command::Complaints(complaints) => complaints.run(settings(file)?, format).await,
        Command::Place(place) => place.run(settings(file)?, format).await,
        Command::Staff(staff) => staff.run(settings(file)?, format).await,
        Command::Identifications(identifications) => identifications.run(settings(file)?, format).await,
        Command::Consents(consents) => consents.run(settings(file)?, format).await,
        Command::Ledger(ledger) => ledger.run(file, format).await,
        Command::Charges(charges) => charges.run(settings(file)?, format).await,
        Command::Fees(fees) => fees.run(settings(file)?, format).await,
        Command::Exchange(exchange) => exchange.run(settings(file)?, format).await,
        Command::Deaths(deaths) => deaths.run(settings(file)?, format).await,
        Command::Receipts(receipts) => receipts.run(file, format).await,
        Command::Registries(registries) => registries.run(&settings(file)?, format).await,
        Command::Audit(audit) => audit.run(settings(file)?, format).await,
        Command::Completions(completions) => completions.run::<Cli>(),
        Command::Man(man) => man.run::<Cli>(),
    }
}

/// The settings for a command: those of the named file, or the demo's.
fn settings(file: Option<&Path>) -> Result<Settings, StartError> {
    match file {
        Some(file) => settings::load(Some(file), config::environment()).map_err(cannot_start),
        None if cfg!(not(feature = "stand-ins")) => Err(StartError(
            "no configuration file: name one with --config FILE; this build has no demo configuration"
                .to_owned(),
        )),
        None => Settings::demo_with(Path::new("."), demo_environment()).map_err(cannot_start),
    }
}

/// The variables that the demo, and commands on it, go by. Those that say where things are belong to a provider that has
/// a configuration of its own: in a shell that is set up for one, the demo must not touch its stores or keys.
fn demo_environment() -> impl Iterator<Item = (String, String)> {
    const HARMLESS: [&str; 5] = ["LOG__", "LIMITS__", "SIGN_IN__", "TOKENS__", "OUTBOUND__ALLOW"];
    let (taken, ignored): (Vec<_>, Vec<_>) =
        config::environment().filter(|(name, _)| name.starts_with("YAGONA__")).partition(|(name, _)| {
            let name = name.trim_start_matches("YAGONA__");
            HARMLESS.iter().any(|harmless| name.starts_with(harmless))
        });
    if !ignored.is_empty() {
        let names: Vec<_> = ignored.into_iter().map(|(name, _)| name).collect();
        eprintln!("yagona: without --config this is the demo, which ignores {}", names.join(", "));
    }
    taken.into_iter()
}

/// The stores of a command that only reads, or acts on what there is: it makes neither database nor keyring, and changes no
/// schema.
///
/// # Errors
/// [`StartError`] when there is nothing to read, with the command that makes it.
async fn existing(settings: Settings) -> Result<Stores, StartError> {
    let missing = |what: &str, path: &Path, command: &str| {
        StartError(format!(
            "there is no {what} {}: `yagona {command}` makes it; or name another configuration with --config or YAGONA_CONFIG",
            path.display()
        ))
    };
    if let Some(path) = db::embedded_file(settings.database.url.expose_secret())
        && !path.exists()
    {
        return Err(missing("database", &path, "migrate"));
    }
    if !settings.keys.keyring.exists() {
        return Err(missing("keyring", &settings.keys.keyring, "keys init"));
    }
    let stores = Stores::open(settings).await?;
    let pending = db::pending_migrations(&stores.db).await.map_err(cannot_start)?;
    if pending.is_empty() {
        Ok(stores)
    } else {
        Err(StartError(format!(
            "the database is of an earlier version ({} pending): run `yagona migrate`",
            pending.join(", ")
        )))
    }
}

/// Applies migrations; `of_demo` to what without a configuration is the demo's, which may reset only what is marked as such.
async fn migrate(
    settings: Settings,
    #[cfg_attr(not(feature = "stand-ins"), expect(unused_variables, reason = "there is no demo"))]
    of_demo: bool,
) -> Result<(), StartError> {
    let stores = Stores::open_unverified(settings).await?;
    #[cfg(feature = "stand-ins")]
    if of_demo {
        demo_data::mark(&stores).await?;
    }
    let applied = db::migrate(&stores.db).await.map_err(cannot_start)?;
    stores.verify_keyring().await?;
    match applied {
        0 => say!("The database is up to date."),
        applied => {
            say!("{applied} migration(s) applied; the database is up to date.");
            // The table may not have been there before.
            let done = i64::try_from(applied).unwrap_or(i64::MAX);
            operator::recorded(&stores, "migrate", |event| event.count(done), async { Ok(()) }).await?;
        }
    }
    stores.db.close().await;
    Ok(())
}
