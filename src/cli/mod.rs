//! The commands, one file each: read the arguments, call the subject, print the result.

mod audit;
mod check;
mod client;
mod consents;
#[cfg_attr(not(feature = "stand-ins"), path = "no_demo.rs")]
mod demo;
mod keys;
mod operator;
mod people;
mod serve;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::app::settings::{self, Settings};
use crate::app::{StartError, Stores, cannot_start};
use crate::platform::config;
use crate::platform::db;

/// Yagona: an OpenID Connect provider for sign-in with Mobile-ID.
#[derive(Parser)]
#[command(name = "yagona", version, about, disable_help_subcommand = true)]
struct Cli {
    #[cfg_attr(not(feature = "stand-ins"), doc = "The configuration file.")]
    #[cfg_attr(
        feature = "stand-ins",
        doc = "The configuration file; default: the demo's configuration and stores."
    )]
    #[arg(short, long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
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
    /// Applies pending database migrations.
    Migrate,
    /// Registers and manages clients (relying parties).
    #[command(subcommand)]
    Client(client::Client),
    /// Manages the keyring and the signing keys.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Unlocks accounts and ends a person's access.
    #[command(subcommand)]
    People(people::People),
    /// Lists and ends consents of a person.
    #[command(subcommand)]
    Consents(consents::Consents),
    /// Verifies the audit log.
    #[command(subcommand)]
    Audit(audit::Audit),
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
    let file = cli.config.as_deref();
    match cli.command {
        Command::Demo(demo) => demo.run().await,
        Command::Serve => serve::run(settings(file)?).await,
        Command::Check => check::run(file).await,
        Command::Migrate => migrate(settings(file)?).await,
        Command::Client(client) => client.run(settings(file)?).await,
        Command::Keys(keys) => keys.run(file).await,
        Command::People(people) => people.run(settings(file)?).await,
        Command::Consents(consents) => consents.run(settings(file)?).await,
        Command::Audit(audit) => audit.run(settings(file)?).await,
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
        None => Settings::demo_with(Path::new("."), config::environment()).map_err(cannot_start),
    }
}

async fn migrate(settings: Settings) -> Result<(), StartError> {
    let stores = Stores::open_unverified(settings).await?;
    let applied = db::migrate(&stores.db).await.map_err(cannot_start)?;
    stores.verify_keyring().await?;
    match applied {
        0 => println!("The database is up to date."),
        applied => {
            println!("{applied} migration(s) applied; the database is up to date.");
            // The table may not have been there before.
            let done = i64::try_from(applied).unwrap_or(i64::MAX);
            operator::recorded(&stores, "migrate", |event| event.count(done), async { Ok(()) }).await?;
        }
    }
    stores.db.close().await;
    Ok(())
}
