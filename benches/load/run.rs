//! A measurement from beginning to end: users prepare, run for a while uncounted, then counted, in a closed loop.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use clap::ValueEnum as _;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::drive::Failure;
use crate::flags::Flags;
use crate::flows::{self, Identity, User, World};
use crate::http::{Connection, Target};
use crate::metrics::Counters;
use crate::process::{self, Usage};
use crate::report::{Outcome, Report};
use crate::scenario::Scenario;
use crate::server::Server;
use crate::statistics::Histogram;
use crate::{flood, gateway, people, tell_apart, turns};

/// Failures in a row after which a user gives up.
const MOST_FAILURES: u32 = 50;

/// Personal numbers of one birthday, of which each person has one.
const MOST_PEOPLE: usize = 1_000_000;

/// All that was measured of one provider.
pub(crate) struct Measured {
    pub outcomes: Vec<(Scenario, Outcome)>,
    /// How many scenarios could not be measured.
    pub broken: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    WarmUp,
    Counted,
    Over,
}

/// What one user saw while it was counted.
struct Tally {
    latencies: Histogram,
    failed: u64,
    first_failure: Option<Failure>,
}

/// Measures all that `flags` ask for, one scenario after another.
///
/// # Errors
/// In words, when nothing can be measured.
pub(crate) async fn run(flags: Flags) -> Result<(), String> {
    if flags.users == 0 || flags.seconds == 0 {
        return Err("at least one user and one second are needed".to_owned());
    }
    if flags.people < flags.users || flags.people > MOST_PEOPLE {
        return Err(format!("at least one person for each user is needed, and at most {MOST_PEOPLE}"));
    }
    if let Some(folder) = &flags.files {
        return people::write(folder, flags.first_number, flags.people, 0).map_err(|error| error.to_string());
    }
    tokio::select! {
        outcome = begin(&flags) => outcome,
        _ = tokio::signal::ctrl_c() => Err("interrupted".to_owned()),
    }
}

async fn begin(flags: &Flags) -> Result<(), String> {
    let gateway = gateway::start().await.map_err(|error| format!("the gateway: {error}"))?;
    if let Some(rate) = flags.password_flood {
        return flood::run(flags, gateway, rate).await;
    }
    if let Some(samples) = flags.tell_apart {
        return tell_apart::run(flags, gateway, samples).await;
    }
    let broken = match &flags.turns {
        Some(older) => turns::run(flags, older, gateway).await?,
        None => measure_all(flags, gateway, None).await?.broken,
    };
    if broken > 0 { Err(format!("{broken} scenarios could not be measured")) } else { Ok(()) }
}

/// Measures one provider, which it starts unless one runs already; `turn` names it among others.
///
/// # Errors
/// In words, when nothing can be measured.
pub(crate) async fn measure_all(
    flags: &Flags,
    gateway: SocketAddr,
    turn: Option<&str>,
) -> Result<Measured, String> {
    let server = match &flags.base {
        Some(base) => Server::running(flags, base)?,
        None => Server::start(flags, gateway, 0).await?,
    };
    let world = Rc::new(World::discover(&server.base).await?);
    let mut observer = Observer::new(&server)?;
    let report = Report::begin(flags, &server, observer.usage(), turn);
    let scenarios = match flags.scenario.as_slice() {
        [] => Scenario::value_variants(),
        chosen => chosen,
    };
    let mut measured = Measured { outcomes: Vec::new(), broken: 0 };
    for scenario in scenarios {
        match measure(flags, *scenario, &server, &world, &mut observer).await {
            Ok(outcome) => {
                report.line(*scenario, &outcome);
                measured.outcomes.push((*scenario, outcome));
            }
            Err(problem) => {
                measured.broken += 1;
                report.problem(*scenario, &problem);
            }
        }
    }
    Ok(measured)
}

async fn measure(
    flags: &Flags,
    scenario: Scenario,
    server: &Server,
    world: &Rc<World>,
    observer: &mut Observer,
) -> Result<Outcome, Failure> {
    let users = prepare(flags, scenario, server, world).await?;
    let phase = Rc::new(Cell::new(Phase::WarmUp));
    let mut running = JoinSet::new();
    for user in users {
        running.spawn_local(keep_going(scenario, user, phase.clone()));
    }
    tokio::time::sleep(Duration::from_secs(flags.warm_up)).await;
    // The process is read next to the clock on both sides: asking for counters is not to be counted.
    let counters_before = observer.counters().await;
    let usage_before = observer.usage();
    let own_before = own_cpu_seconds();
    let begun = Instant::now();
    phase.set(Phase::Counted);
    tokio::time::sleep(Duration::from_secs(flags.seconds)).await;
    phase.set(Phase::Over);
    let seconds = begun.elapsed().as_secs_f64();
    let own_cpu_seconds = own_cpu_seconds() - own_before;
    let usage_after = observer.usage();
    let counters_after = observer.counters().await;

    let mut outcome = Outcome {
        latencies: Histogram::new(),
        failed: 0,
        first_failure: None,
        seconds,
        usage: usage_before.zip(usage_after),
        own_cpu_seconds,
        counters: counters_before.zip(counters_after).map(|(before, after)| after.since(before)),
    };
    while let Some(tally) = running.join_next().await {
        let tally = tally.map_err(|error| error.to_string())?;
        outcome.latencies.merge(&tally.latencies);
        outcome.failed += tally.failed;
        outcome.first_failure = outcome.first_failure.or(tally.first_failure);
    }
    Ok(outcome)
}

/// How long whole sign-ins by SMS took.
///
/// # Errors
/// In words, when one failed.
pub(crate) async fn measure_sign_ins(
    flags: &Flags,
    server: &Server,
    world: &Rc<World>,
) -> Result<Histogram, Failure> {
    let outcome = measure(flags, Scenario::SignIn, server, world, &mut Observer::new(server)?).await?;
    match outcome.first_failure {
        Some(failure) => Err(format!("{} sign-ins failed: {failure}", outcome.failed)),
        None => Ok(outcome.latencies),
    }
}

fn own_cpu_seconds() -> f64 {
    process::usage(std::process::id()).unwrap_or_default().cpu_seconds
}

async fn prepare(
    flags: &Flags,
    scenario: Scenario,
    server: &Server,
    world: &Rc<World>,
) -> Result<Vec<User>, Failure> {
    let first = if server.is_own() { people::FIRST_NUMBER } else { flags.first_number };
    let mut preparing = JoinSet::new();
    for index in 0..flags.users {
        let identity = Identity {
            numbers: people::share(first, index, flags.users, flags.people),
            codes: flows::codes(flags.sandbox.as_deref(), &flags.code)?,
            client_id: scenario.client_id(),
            client_secret: people::secret(scenario.client_id()),
            scope: scenario.scope(),
        };
        let (mut user, world) = (User::new(world.clone(), identity), world.clone());
        preparing.spawn_local(async move { scenario.prepare(&mut user, &world).await.map(|()| user) });
    }
    let mut users = Vec::new();
    while let Some(user) = preparing.join_next().await {
        users.push(user.map_err(|error| error.to_string())??);
    }
    Ok(users)
}

/// One user's closed loop: the next flow begins when the last one has ended.
async fn keep_going(scenario: Scenario, mut user: User, phase: Rc<Cell<Phase>>) -> Tally {
    let mut tally = Tally { latencies: Histogram::new(), failed: 0, first_failure: None };
    let mut in_a_row = 0;
    while phase.get() != Phase::Over && in_a_row < MOST_FAILURES {
        let begun = Instant::now();
        let outcome = scenario.flow(&mut user).await;
        let took = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let counted = phase.get() == Phase::Counted;
        match outcome {
            Ok(()) => {
                in_a_row = 0;
                if counted {
                    tally.latencies.record(took);
                }
            }
            Err(failure) => {
                in_a_row += 1;
                tally.failed += u64::from(counted);
                tally.first_failure.get_or_insert(failure);
                // A server that refuses quickly must not be flooded, nor this core taken from the others.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
    if in_a_row == MOST_FAILURES {
        tally.failed += 1;
    }
    tally
}

/// Looks at the server's process and counters.
struct Observer {
    pid: Option<u32>,
    operations: Option<(Connection, String)>,
}

impl Observer {
    fn new(server: &Server) -> Result<Self, String> {
        let operations = match &server.operations {
            Some(base) => {
                let target = Target::parse(base)?;
                let request = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", target.host);
                Some((Connection::new(target.address), request))
            }
            None => None,
        };
        Ok(Self { pid: server.pid, operations })
    }

    /// The server's process alone: neither this program nor the stores' processes.
    fn usage(&self) -> Option<Usage> {
        self.pid.and_then(process::usage)
    }

    async fn counters(&mut self) -> Option<Counters> {
        let (connection, request) = self.operations.as_mut()?;
        match connection.exchange(request.as_bytes()).await {
            Ok(()) if connection.status() == 200 => {
                Some(Counters::parse(&String::from_utf8_lossy(connection.body())))
            }
            _ => None,
        }
    }
}
