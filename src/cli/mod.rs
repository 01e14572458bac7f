//! The commands. Each is one file: read what was asked for, ask the subject, say what came of it.

mod check;
mod client;
mod consents;
#[cfg_attr(not(feature = "stand-ins"), path = "no_demo.rs")]
mod demo;
mod keys;
mod people;
mod serve;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::app::settings::{self, Settings};
use crate::app::{StartError, Stores, cannot_start};
use crate::platform::config;
use crate::platform::db;

/// Yagona: sign-in with Mobile-ID for a country.
#[derive(Parser)]
#[command(name = "yagona", version, about, disable_help_subcommand = true)]
struct Cli {
    #[cfg_attr(not(feature = "stand-ins"), doc = "The configuration file.")]
    #[cfg_attr(
        feature = "stand-ins",
        doc = "The configuration file; without it, the demo's configuration and stores."
    )]
    #[arg(short, long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the country in miniature on this machine: provider, sandbox and a portal that signs people in.
    #[cfg_attr(not(feature = "stand-ins"), command(hide = true))]
    Demo(demo::Demo),
    /// Runs the provider.
    Serve,
    /// Looks whether the provider could run: configuration, connections, migrations, clocks, keys.
    Check,
    /// Brings the database up to this version.
    Migrate,
    /// Registers and manages relying parties.
    #[command(subcommand)]
    Client(client::Client),
    /// Manages keyring and signing keys.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Unlocks accounts, and ends everything that a person has begun.
    #[command(subcommand)]
    People(people::People),
    /// Lists and ends consents of a person.
    #[command(subcommand)]
    Consents(consents::Consents),
}

/// Runs the command that the process was started with.
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
    }
}

/// The settings that a command works on.
fn settings(file: Option<&Path>) -> Result<Settings, StartError> {
    match file {
        Some(file) => settings::load(Some(file), config::environment()).map_err(cannot_start),
        None if cfg!(not(feature = "stand-ins")) => Err(StartError(
            "no configuration is named: give its file with --config FILE; this build has no demo whose configuration \
             commands could act on"
                .to_owned(),
        )),
        None => Settings::demo_with(Path::new("."), config::environment()).map_err(cannot_start),
    }
}

async fn migrate(settings: Settings) -> Result<(), StartError> {
    let stores = Stores::open(settings).await?;
    match db::migrate(&stores.db).await.map_err(cannot_start)? {
        0 => println!("The database is up to date."),
        applied => println!("{applied} migration(s) applied; the database is up to date."),
    }
    stores.db.close().await;
    Ok(())
}
