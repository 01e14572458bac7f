//! Whether a flood of password guesses delays those who sign in by SMS: sign-ins are measured twice at the same provider, without guesses
//! and with them, and the 99th percentiles are set against each other.
//!
//! Guesses come at a fixed rate, however slowly they are answered, each for a login of its own, so that nothing but the pool holds them
//! up. Few users sign in: what is asked is how long they wait, not how many a machine can bear.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::drive::{Browser, Failure};
use crate::flags::Flags;
use crate::flows::World;
use crate::forms::Form;
use crate::people;
use crate::run::measure_sign_ins;
use crate::server::Server;
use crate::statistics::Histogram;

/// Connections that guesses come over.
const GUESSERS: u64 = 64;

/// What became of the guesses.
#[derive(Default)]
struct Guesses {
    compared: Cell<u64>,
    busy: Cell<u64>,
    other: Cell<u64>,
    last_other: Cell<u16>,
}

/// Measures, and prints what was found.
///
/// # Errors
/// In words, when nothing can be measured.
pub(crate) async fn run(flags: &Flags, gateway: SocketAddr, rate: u64) -> Result<(), String> {
    let server = Server::start(flags, gateway, 0).await?;
    let world = Rc::new(World::discover(&server.base).await?);
    let quiet = measure_sign_ins(flags, &server, &world).await?;
    let guesses = Rc::new(Guesses::default());
    let mut guessing = JoinSet::new();
    for number in 0..GUESSERS {
        let (world, guesses) = (world.clone(), guesses.clone());
        guessing.spawn_local(async move { guess(&world, &guesses, (number, rate)).await });
    }
    let begun = Instant::now();
    let flooded = measure_sign_ins(flags, &server, &world).await?;
    let seconds = begun.elapsed().as_secs_f64();
    if let Some(Ok(Err(problem))) = guessing.try_join_next() {
        return Err(format!("no guess could be made: {problem}"));
    }
    guessing.abort_all();
    let p99 = |histogram: &Histogram| histogram.quantile(0.99);
    let per_second = |count: &Cell<u64>| count.get() as f64 / seconds;
    println!(
        "sign-ins by SMS, {} users, without guesses: {} of them, p99 {:.1} ms",
        flags.users,
        quiet.count(),
        p99(&quiet)
    );
    println!(
        "with guesses:                              {} of them, p99 {:.1} ms",
        flooded.count(),
        p99(&flooded)
    );
    println!(
        "guesses a second: {:.0} compared, {:.0} asked to come again, {:.0} answered otherwise (last {})",
        per_second(&guesses.compared),
        per_second(&guesses.busy),
        per_second(&guesses.other),
        guesses.last_other.get()
    );
    println!("ratio of the 99th percentiles: {:.2}", p99(&flooded) / p99(&quiet));
    Ok(())
}

/// One connection's share of the guesses.
async fn guess(world: &Rc<World>, guesses: &Guesses, (number, rate): (u64, u64)) -> Result<(), Failure> {
    let mut browser = Browser::new(world.target.clone());
    let start = world.authorization_request(people::ES256, "openid profile phone");
    let page = browser.open(&start, "phone").await?;
    let path = page.action.replacen("/sign-in/number", "/sign-in/password", 1);
    let form = browser.open(&path, "password").await?;
    let mut turns = interval(Duration::from_nanos(1_000_000_000 * GUESSERS / rate.max(1)));
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for guess in 0_u64.. {
        turns.tick().await;
        let mut form = Form { action: form.action.clone(), fields: form.fields.clone() };
        form.set("login", &format!("nobody.{number}.{guess}"));
        form.set("password", "guess guess guess");
        browser.post(&form.action, &form.fields).await?;
        let counter = match browser.connection.status() {
            422 => &guesses.compared,
            503 => &guesses.busy,
            other => {
                guesses.last_other.set(other);
                &guesses.other
            }
        };
        counter.set(counter.get() + 1);
    }
    Ok(())
}
