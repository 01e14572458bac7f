//! Whether time tells an attacker which numbers are enrolled: enrolled, blocked and unknown numbers are entered in turn, and
//! what an attacker can measure is compared.
//!
//! Measured are the answers of the three steps themselves, and the answer to another request of the attacker at a random
//! moment after a number was entered: whatever the provider does for enrolled numbers alone, at whatever beat, delays it.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use crate::drive::{Browser, Failure};
use crate::flags::Flags;
use crate::flows::World;
use crate::people;
use crate::server::Server;
use crate::statistics::{auc, auc_error};

/// The moments of the second request, in milliseconds after the answer to the number: they cover some beats of the outbox.
const GAPS: [(u64, u64); 6] = [(0, 10), (10, 20), (20, 30), (30, 40), (40, 60), (60, 100)];

/// How far from a half an area may be by the goal, for a quiet machine.
const TOLERANCE: f64 = 0.03;

/// A kind of number.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Enrolled,
    Blocked,
    Unknown,
}

const KINDS: [Kind; 3] = [Kind::Enrolled, Kind::Blocked, Kind::Unknown];

/// What one number took, in microseconds.
struct Sample {
    kind: Kind,
    number: f64,
    code_page: f64,
    wrong_code: f64,
    /// Which of [`GAPS`], and what the second request took.
    second: (usize, f64),
}

/// Enters `samples` numbers of each kind and prints what tells them apart.
///
/// # Errors
/// In words, when it cannot be measured.
pub(crate) async fn run(flags: &Flags, gateway: SocketAddr, samples: usize) -> Result<(), String> {
    if samples == 0 {
        return Err("at least one sample is needed".to_owned());
    }
    // Each sample has a number of its own, so that no limit tells anything; the unknown ones have no record.
    let mut flags = flags.clone();
    flags.people = samples * 2;
    let server = Server::start(&flags, gateway, samples).await?;
    let world = Rc::new(World::discover(&server.base).await?);
    let mut order: Vec<(Kind, usize)> =
        KINDS.iter().flat_map(|kind| (0..samples).map(move |index| (*kind, index))).collect();
    fastrand::shuffle(&mut order);
    let mut taken = Vec::with_capacity(order.len());
    // The first ones warm up connections and statements.
    for index in 0..20 {
        measure(&world, Kind::Unknown, &number(Kind::Unknown, samples * 3 + index, samples), 0).await?;
    }
    for (turn, (kind, index)) in order.into_iter().enumerate() {
        let number = number(kind, index, samples);
        taken.push(measure(&world, kind, &number, turn % GAPS.len()).await?);
    }
    print(&taken, samples);
    Ok(())
}

fn number(kind: Kind, index: usize, samples: usize) -> String {
    let place = match kind {
        Kind::Enrolled => index,
        Kind::Blocked => samples + index,
        Kind::Unknown => 2 * samples + index,
    };
    people::number(people::FIRST_NUMBER, place)
}

async fn measure(world: &Rc<World>, kind: Kind, number: &str, gap: usize) -> Result<Sample, Failure> {
    let (mut victim, mut other) = (Browser::new(world.target.clone()), Browser::new(world.target.clone()));
    let start = world.authorization_request(people::ES256, "openid profile phone");
    let form = victim.open(&start, "phone").await?;
    let decoy = other.open(&start, "phone").await?;
    tokio::time::sleep(Duration::from_millis(fastrand::u64(30..50))).await;

    let (entered, page) = timed(victim.enter(form, "phone", number)).await;
    let page = page?;
    let (from, to) = GAPS[gap];
    tokio::time::sleep(Duration::from_micros(fastrand::u64(from * 1000..to * 1000))).await;
    // A number that nobody has and that no sample uses.
    let unused = people::number(people::FIRST_NUMBER + 500_000, fastrand::usize(..400_000));
    let (second, answer) = timed(other.enter(decoy, "phone", &unused)).await;
    answer?;
    tokio::time::sleep(Duration::from_millis(150)).await;
    let (code_page, form) = timed(victim.open(&page, "code")).await;
    let form = form?;
    let (wrong_code, answer) = timed(victim.enter(form, "code", "000001")).await;
    answer?;
    Ok(Sample { kind, number: entered, code_page, wrong_code, second: (gap, second) })
}

async fn timed<T>(doing: impl Future<Output = T>) -> (f64, T) {
    let begun = Instant::now();
    let done = doing.await;
    (begun.elapsed().as_nanos() as f64 / 1000.0, done)
}

fn print(taken: &[Sample], samples: usize) {
    println!(
        "{samples} samples of each kind; area 0.5: nothing tells them apart; * more than {TOLERANCE} away"
    );
    println!(
        "{:<34} {:>9} {:>9} {:>9}   {:>16}   {:>16}",
        "median of, in us", "enrolled", "blocked", "unknown", "enrolled/unknown", "blocked/unknown"
    );
    line("answer to the number", taken, |sample| Some(sample.number));
    line("code page", taken, |sample| Some(sample.code_page));
    line("answer to a wrong code", taken, |sample| Some(sample.wrong_code));
    line("another request, 0-100 ms later", taken, |sample| Some(sample.second.1));
    for (index, (from, to)) in GAPS.iter().enumerate() {
        line(&format!("another request, {from}-{to} ms later"), taken, |sample| {
            (sample.second.0 == index).then_some(sample.second.1)
        });
    }
}

fn line(name: &str, taken: &[Sample], value: impl Fn(&Sample) -> Option<f64>) {
    let of = |kind: Kind| -> Vec<f64> {
        taken.iter().filter(|sample| sample.kind == kind).filter_map(&value).collect()
    };
    let [enrolled, blocked, unknown] = KINDS.map(of);
    let area = |these: &[f64]| {
        let (area, error) = (auc(these, &unknown), auc_error(these.len(), unknown.len()));
        let sign = if (area - 0.5).abs() > TOLERANCE { "*" } else { " " };
        format!("{area:.3} +-{error:.3} {sign}")
    };
    println!(
        "{name:<34} {:>9.0} {:>9.0} {:>9.0}   {:>16}   {:>16}",
        median(&enrolled),
        median(&blocked),
        median(&unknown),
        area(&enrolled),
        area(&blocked)
    );
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
