//! The command line.

use std::path::PathBuf;

use clap::Parser;

use crate::scenario::Scenario;

/// Measures flows of a Yagona provider: rates, latencies, and what the server spends on each.
#[derive(Clone, Parser)]
#[command(name = "load")]
pub(crate) struct Flags {
    /// Measure the provider at this base URL (http only) instead of starting one.
    #[arg(long)]
    pub base: Option<String>,
    /// The operations port's base URL of that provider, for its counters.
    #[arg(long)]
    pub operations: Option<String>,
    /// The process of that provider; without it, whoever listens on the base URL's port.
    #[arg(long)]
    pub pid: Option<u32>,
    /// Virtual users, each with a connection and test people of its own.
    #[arg(long, default_value_t = 16)]
    pub users: usize,
    /// Enrolled test people, at least one for each user: each new sign-in is the next person's of its user's share.
    #[arg(long, default_value_t = 1000)]
    pub people: usize,
    /// Measure this yagona binary instead of the one that cargo built together with this program.
    #[arg(long, conflicts_with = "base")]
    pub binary: Option<PathBuf>,
    /// Measure this older binary and the other one in turns, and compare them. Each turn starts a provider of its own on
    /// empty stores: with --database-url, EVERYTHING IN SCHEMA `public` OF THAT DATABASE IS DROPPED (DROP SCHEMA public
    /// CASCADE), and with --redis-url, ALL KEYS OF THAT REDIS NUMBER ARE REMOVED (FLUSHDB), before each turn.
    #[arg(long, value_name = "OTHER_BINARY", conflicts_with = "base")]
    pub turns: Option<PathBuf>,
    /// With --turns: how many turns each binary gets.
    #[arg(long, default_value_t = 3, requires = "turns")]
    pub rounds: usize,
    /// Instead of rates, tell whether an attacker could tell enrolled, blocked and unknown numbers apart by time: this many
    /// samples of each.
    #[arg(long, value_name = "SAMPLES", conflicts_with_all = ["base", "turns", "scenario"])]
    pub tell_apart: Option<usize>,
    /// Instead of rates, tell what so many password guesses a second cost those who sign in by SMS. Take few users: --users 4.
    #[arg(long, value_name = "GUESSES", conflicts_with_all = ["base", "turns", "scenario", "tell_apart"])]
    pub password_flood: Option<u64>,
    /// Length of each measurement, in seconds.
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// Time before each measurement in which nothing is counted, in seconds.
    #[arg(long, default_value_t = 2)]
    pub warm_up: u64,
    /// What to measure: repeatable; all of it by default.
    #[arg(long, value_enum)]
    pub scenario: Vec<Scenario>,
    /// Name the scenarios and stop.
    #[arg(long)]
    pub list: bool,
    /// Print one JSON object per scenario instead of a table.
    #[arg(long)]
    pub json: bool,
    /// The own provider's database (postgres://…); a fresh SQLite file by default.
    #[arg(long)]
    pub database_url: Option<String>,
    /// The own provider's Redis (redis://…); in-process state by default.
    #[arg(long)]
    pub redis_url: Option<String>,
    /// Threads of the own provider that serve requests.
    #[arg(long, default_value_t = 1)]
    pub workers: usize,
    /// The core of the own provider.
    #[arg(long, default_value_t = 0)]
    pub server_core: usize,
    /// The core of the load itself.
    #[arg(long, default_value_t = 1)]
    pub own_core: usize,
    /// A further TOML file, whose tables replace those of the own provider's configuration.
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// The code that every test number gets; with --sandbox, codes are read from there instead.
    #[arg(long, default_value = "123456")]
    pub code: String,
    /// The sandbox that shows messages at `/messages?to=`.
    #[arg(long)]
    pub sandbox: Option<String>,
    /// First of the test numbers with --base: the people have this number and those after it.
    #[arg(long, default_value_t = crate::people::FIRST_NUMBER)]
    pub first_number: u64,
    /// Write people.toml and clients.toml, as a provider measured with --base needs them, into this folder and stop.
    #[arg(long)]
    pub files: Option<PathBuf>,
    /// Keep the own provider's folder.
    #[arg(long)]
    pub keep: bool,
    #[arg(long, hide = true)]
    bench: bool,
    #[arg(long, hide = true)]
    run: bool,
}
