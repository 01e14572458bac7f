use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RoundTrip {
    /// A statement sent to the database, with its answer.
    Statement,
    /// A transaction made durable.
    Commit,
    /// A command, or a pipeline of them, sent to Redis.
    Redis,
}

impl RoundTrip {
    pub(super) const ALL: [Self; 3] = [Self::Statement, Self::Commit, Self::Redis];
}

/// Upper bounds of the histogram's buckets, in microseconds: from static files to store timeouts.
const BOUNDS: [u64; 12] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 500_000, 2_500_000, 10_000_000];

/// The label of background round trips; never a route of requests.
pub(super) const BACKGROUND: &str = "background";

/// The metrics of one route, resolved once at start; counting costs two or three atomic additions.
///
/// Given to a resource as `app_data`, it is found by the [`Requests`](super::Requests) middleware.
#[derive(Clone)]
pub struct Route(Arc<Counts>);

struct Counts {
    name: &'static str,
    /// By status, from 100 to 599.
    statuses: [AtomicU64; 500],
    buckets: [AtomicU64; BOUNDS.len() + 1],
    microseconds: AtomicU64,
    /// By [`RoundTrip`].
    round_trips: [AtomicU64; 3],
}

impl Route {
    fn new(name: &'static str) -> Self {
        Self(Arc::new(Counts {
            name,
            statuses: [const { AtomicU64::new(0) }; 500],
            buckets: [const { AtomicU64::new(0) }; BOUNDS.len() + 1],
            microseconds: AtomicU64::new(0),
            round_trips: Default::default(),
        }))
    }

    /// Its name in metrics and logs.
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// Counts one response.
    pub fn record(&self, status: u16, elapsed: Duration) {
        if let Some(count) = self.0.statuses.get(usize::from(status).wrapping_sub(100)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let microseconds = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().position(|bound| microseconds <= *bound).unwrap_or(BOUNDS.len());
        self.0.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.0.microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }

    /// Counts round trips of its requests.
    pub(super) fn add(&self, kind: RoundTrip, count: u64) {
        self.0.round_trips[kind as usize].fetch_add(count, Ordering::Relaxed);
    }
}

/// All routes.
#[derive(Clone, Default)]
pub(super) struct Routes(Arc<Mutex<BTreeMap<&'static str, Route>>>);

impl Routes {
    /// The route of that name; the same one for every worker.
    pub(super) fn route(&self, name: &'static str) -> Route {
        let mut routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        routes.entry(name).or_insert_with(|| Route::new(name)).clone()
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Routes")
    }
}

impl Collector for Routes {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let routes: Vec<Route> =
            self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        encode_requests(&mut encoder, &routes)?;
        encode_durations(&mut encoder, &routes)?;
        RoundTrip::ALL.into_iter().try_for_each(|kind| encode_round_trips(&mut encoder, &routes, kind))
    }
}

fn encode_requests(encoder: &mut DescriptorEncoder, routes: &[Route]) -> fmt::Result {
    let help = "Answers by route and status";
    let mut requests = encoder.encode_descriptor("http_requests", help, None, MetricType::Counter)?;
    for Route(counts) in routes {
        for (status, count) in (100_u32..).zip(&counts.statuses) {
            let count = count.load(Ordering::Relaxed);
            if count > 0 {
                let labels = [("route", counts.name.to_owned()), ("status", status.to_string())];
                requests.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            }
        }
    }
    Ok(())
}

fn encode_durations(encoder: &mut DescriptorEncoder, routes: &[Route]) -> fmt::Result {
    let (name, help) = ("http_request_duration_seconds", "Time from a request's head to its answer's");
    let mut durations = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
    for Route(counts) in routes {
        let mut bounds = BOUNDS.iter().map(|bound| *bound as f64 / 1e6);
        let buckets: Vec<(f64, u64)> = counts
            .buckets
            .iter()
            .map(|count| (bounds.next().unwrap_or(f64::INFINITY), count.load(Ordering::Relaxed)))
            .collect();
        let count = buckets.iter().map(|(_, count)| count).sum::<u64>();
        if count > 0 {
            let sum = counts.microseconds.load(Ordering::Relaxed) as f64 / 1e6;
            let labels = [("route", counts.name)];
            durations.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
        }
    }
    Ok(())
}

fn encode_round_trips(encoder: &mut DescriptorEncoder, routes: &[Route], kind: RoundTrip) -> fmt::Result {
    let (name, help) = match kind {
        RoundTrip::Statement => ("sql_round_trips", "Statements sent to the database, by who caused them"),
        RoundTrip::Commit => ("sql_commits", "Transactions made durable, by who caused them"),
        RoundTrip::Redis => ("redis_round_trips", "Commands sent to Redis, by who caused them"),
    };
    let mut trips = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for Route(counts) in routes {
        let count = counts.round_trips[kind as usize].load(Ordering::Relaxed);
        // The background is exported from the start, so that its metrics are never missing.
        if count > 0 || counts.name == BACKGROUND {
            let labels = [("cause", counts.name)];
            trips.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
    }
    Ok(())
}
