use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::log::lost_lines;
use super::process::Process;
use super::round_trips;
use super::routes::{BACKGROUND, RoundTrip, Route, Routes};

type Labels<const N: usize> = [(&'static str, &'static str); N];

/// The metrics; one instance per process, shared by all workers.
///
/// Plain counters and gauges are fields, each one atomic addition. Those with labels are methods, whose result can
/// be resolved once (`Metrics::route`, `Metrics::tokens`) and kept. Label values are constants of the program, never
/// input, so that their number is bounded.
pub struct Metrics {
    registry: Registry,
    routes: Routes,
    /// Round trips of background work.
    background: Route,
    /// Age of the oldest row that should have been purged, in seconds.
    pub purge_lag_seconds: Gauge,
    /// Messages waiting in the outbox.
    pub outbox_depth: Gauge,
    /// Age of the oldest message waiting in the outbox, in seconds.
    pub outbox_age_seconds: Gauge,
    /// Logout tokens that services were not sent yet.
    pub logouts_waiting: Gauge,
    logouts: Family<Labels<1>, Counter>,
    /// Rows that this node has written to the audit log.
    pub audit_rows: Counter,
    /// Rows of the audit log that were dropped because too many waited: gaps.
    pub audit_dropped: Counter,
    /// Rows of the audit log that wait to be written.
    pub audit_waiting: Gauge,
    /// Rows of the audit log that have no place in its tree yet.
    pub audit_unplaced: Gauge,
    /// Entries of the ledger that this node gave their places.
    pub ledger_entries: Counter,
    /// For how long the oldest entry of the ledger has waited for its place, in seconds.
    pub ledger_waiting_seconds: Gauge,
    /// Clients that are stored and not served: their rows are malformed, or the rules refuse them.
    pub clients_refused: Gauge,
    /// Contracts of clients that end within the time of warning.
    pub contracts_ending: Gauge,
    /// Deaths about which registers contradict each other.
    pub deaths_contradicted: Gauge,
    /// Clients that their contracts suspended.
    pub clients_suspended: Gauge,
    task_failures: Family<Labels<1>, Counter>,
    sms_sends: Family<Labels<2>, Counter>,
    sms_deliveries: Family<Labels<2>, Counter>,
    mails: Family<Labels<1>, Counter>,
    /// Mails that wait to be sent.
    pub mails_waiting: Gauge,
    sign_ins: Family<Labels<2>, Counter>,
    identifications: Family<Labels<2>, Counter>,
    sign_ups: Family<Labels<1>, Counter>,
    tokens: Family<Labels<2>, Counter>,
    limits: Family<Labels<1>, Counter>,
    brakes: Family<Labels<1>, Counter>,
    brakes_held: Family<Labels<1>, Gauge>,
    clock_skew: Family<Labels<1>, Gauge>,
    ready: Family<Labels<1>, Gauge>,
    registry_calls: Family<Labels<2>, Counter>,
    registry_seconds: Family<Labels<1>, Histogram>,
    registry_open: Family<Labels<1>, Gauge>,
}

/// Upper bounds of how long registers take to answer, in seconds: from what stands beside this provider to the longest timeout.
const REGISTRY_SECONDS: [f64; 10] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

impl Metrics {
    /// All metrics, at zero.
    pub fn new() -> Arc<Self> {
        let routes = Routes::default();
        let mut metrics = Self {
            registry: Registry::default(),
            background: routes.route(BACKGROUND),
            routes,
            purge_lag_seconds: Gauge::default(),
            outbox_depth: Gauge::default(),
            outbox_age_seconds: Gauge::default(),
            logouts_waiting: Gauge::default(),
            logouts: Family::default(),
            audit_rows: Counter::default(),
            audit_dropped: Counter::default(),
            audit_waiting: Gauge::default(),
            audit_unplaced: Gauge::default(),
            ledger_entries: Counter::default(),
            ledger_waiting_seconds: Gauge::default(),
            clients_refused: Gauge::default(),
            contracts_ending: Gauge::default(),
            deaths_contradicted: Gauge::default(),
            clients_suspended: Gauge::default(),
            task_failures: Family::default(),
            sms_sends: Family::default(),
            sms_deliveries: Family::default(),
            mails: Family::default(),
            mails_waiting: Gauge::default(),
            sign_ins: Family::default(),
            identifications: Family::default(),
            sign_ups: Family::default(),
            tokens: Family::default(),
            limits: Family::default(),
            brakes: Family::default(),
            brakes_held: Family::default(),
            clock_skew: Family::default(),
            ready: Family::default(),
            registry_calls: Family::default(),
            registry_seconds: Family::new_with_constructor(|| Histogram::new(REGISTRY_SECONDS)),
            registry_open: Family::default(),
        };
        metrics.register();
        Arc::new(metrics)
    }

    fn register(&mut self) {
        let process = self.registry.sub_registry_with_prefix("process");
        process.register_collector(Box::new(Process));
        let own = self.registry.sub_registry_with_prefix("yagona");
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        own.register("build", "The version that is running", version);
        let lag = "Age of the oldest row that should have been purged";
        own.register("purge_lag_seconds", lag, self.purge_lag_seconds.clone());
        own.register("outbox_depth", "Messages waiting in the outbox", self.outbox_depth.clone());
        let age = "Age of the oldest message waiting in the outbox";
        own.register("outbox_age_seconds", age, self.outbox_age_seconds.clone());
        let waiting = "Logout tokens that services were not sent yet";
        own.register("logout_deliveries_waiting", waiting, self.logouts_waiting.clone());
        own.register("logout_deliveries", "Tries to deliver a logout token", self.logouts.clone());
        own.register("audit_rows", "Rows written to the audit log", self.audit_rows.clone());
        let dropped = "Rows of the audit log that were dropped because too many waited";
        own.register("audit_dropped", dropped, self.audit_dropped.clone());
        own.register("audit_waiting", "Rows of the audit log to be written", self.audit_waiting.clone());
        let unplaced = "Rows of the audit log without a place in its tree";
        own.register("audit_unplaced", unplaced, self.audit_unplaced.clone());
        let places = "Entries of the ledger that were given their places";
        own.register("ledger_entries", places, self.ledger_entries.clone());
        let waiting = "For how long the oldest entry of the ledger has waited for its place";
        own.register("ledger_waiting_seconds", waiting, self.ledger_waiting_seconds.clone());
        own.register_collector(Box::new(LostLines));
        let refused = "Clients that are stored and not served";
        own.register("clients_refused", refused, self.clients_refused.clone());
        let ending = "Contracts of clients that end within contracts.warn_days";
        own.register("contracts_ending", ending, self.contracts_ending.clone());
        let contradicted = "Deaths about which registers contradict each other, until somebody looked";
        own.register("deaths_contradicted", contradicted, self.deaths_contradicted.clone());
        own.register(
            "clients_suspended",
            "Clients without a contract in force",
            self.clients_suspended.clone(),
        );
        let failures = "How often background work panicked and was begun again";
        own.register("task_failures", failures, self.task_failures.clone());
        own.register("sms_sends", "Messages sent to gateways", self.sms_sends.clone());
        own.register("sms_deliveries", "Delivery reports of gateways", self.sms_deliveries.clone());
        own.register("mails", "What became of mails", self.mails.clone());
        own.register("mails_waiting", "Mails that wait to be sent", self.mails_waiting.clone());
        own.register("sign_ins", "Steps of sign-ins", self.sign_ins.clone());
        own.register(
            "identifications",
            "Applications for identification in Mobile-ID",
            self.identifications.clone(),
        );
        own.register("sign_ups", "Registrations of people on-line", self.sign_ups.clone());
        own.register("tokens", "Responses of the token endpoint", self.tokens.clone());
        own.register("limits", "Requests that exceeded a rate limit", self.limits.clone());
        own.register("brakes", "How often a brake on guessing took hold", self.brakes.clone());
        own.register("brakes_held", "Brakes on guessing that hold", self.brakes_held.clone());
        let skew = "Seconds by which a store's clock is ahead of this machine's";
        own.register("clock_skew_seconds", skew, self.clock_skew.clone());
        own.register("ready", "Whether a check of /health/ready is passed", self.ready.clone());
        own.register(
            "registry_calls",
            "Questions to state registers, by what came of them",
            self.registry_calls.clone(),
        );
        let seconds = "How long state registers took to answer";
        own.register("registry_seconds", seconds, self.registry_seconds.clone());
        let open = "Whether a state register is left alone after failed calls";
        own.register("registry_open", open, self.registry_open.clone());
        own.register_collector(Box::new(self.routes.clone()));
    }

    /// Counts one statement and its response, for the request in whose task this is called, or else
    /// for the background, like the two below.
    pub fn count_statement(&self) {
        round_trips::count(RoundTrip::Statement, &self.background);
    }

    /// Counts one commit.
    pub fn count_commit(&self) {
        round_trips::count(RoundTrip::Commit, &self.background);
    }

    /// Counts one command, or one pipeline of them, sent to Redis.
    pub fn count_redis(&self) {
        round_trips::count(RoundTrip::Redis, &self.background);
    }

    /// The metrics of a route; the same handle for the same name, to be resolved at start.
    pub fn route(&self, name: &'static str) -> Route {
        self.routes.route(name)
    }

    /// A try to deliver a logout token: delivered, failed or given up.
    pub fn logouts(&self, outcome: &'static str) -> Counter {
        self.logouts.get_or_create_owned(&[("outcome", outcome)])
    }

    /// How often a task of the background work panicked, by its name.
    pub fn task_failures(&self, task: &'static str) -> Counter {
        self.task_failures.get_or_create_owned(&[("task", task)])
    }

    /// A message sent to a gateway: accepted, refused or unknown.
    pub fn sms_sends(&self, gateway: &'static str, outcome: &'static str) -> Counter {
        self.sms_sends.get_or_create_owned(&[("gateway", gateway), ("outcome", outcome)])
    }

    /// A delivery report of a gateway.
    pub fn sms_deliveries(&self, gateway: &'static str, state: &'static str) -> Counter {
        self.sms_deliveries.get_or_create_owned(&[("gateway", gateway), ("state", state)])
    }

    /// A step of a registration on-line, by what came of it.
    pub fn sign_ups(&self, outcome: &'static str) -> Counter {
        self.sign_ups.get_or_create_owned(&[("outcome", outcome)])
    }

    /// What became of a mail, or of one try.
    pub fn mails(&self, outcome: &'static str) -> Counter {
        self.mails.get_or_create_owned(&[("outcome", outcome)])
    }

    /// A step of a sign-in and its outcome.
    pub fn sign_ins(&self, step: &'static str, outcome: &'static str) -> Counter {
        self.sign_ins.get_or_create_owned(&[("step", step), ("outcome", outcome)])
    }

    /// An application for identification in Mobile-ID: its door, and how far it got.
    pub fn identifications(&self, door: &'static str, outcome: &'static str) -> Counter {
        self.identifications.get_or_create_owned(&[("door", door), ("outcome", outcome)])
    }

    /// A response of the token endpoint, by grant type: `ok` or the error code.
    pub fn tokens(&self, grant: &'static str, outcome: &'static str) -> Counter {
        self.tokens.get_or_create_owned(&[("grant", grant), ("outcome", outcome)])
    }

    /// A request that exceeded a rate limit, by the limit's name.
    pub fn limits(&self, limit: &'static str) -> Counter {
        self.limits.get_or_create_owned(&[("limit", limit)])
    }

    /// How often the brake on guessing took hold: of the country, a client or a network.
    pub fn brakes(&self, scope: &'static str) -> Counter {
        self.brakes.get_or_create_owned(&[("scope", scope)])
    }

    /// How many such brakes hold at this node.
    pub fn brakes_held(&self, scope: &'static str) -> Gauge {
        self.brakes_held.get_or_create_owned(&[("scope", scope)])
    }

    /// 1 while a check of readiness is passed, else 0.
    pub fn ready(&self, check: &'static str) -> Gauge {
        self.ready.get_or_create_owned(&[("check", check)])
    }

    /// A question to a state register, by what came of it: `answered`, `kept` (an earlier answer), `failed`, `resting` (left alone),
    /// `crowded` (too many at once), or the error.
    pub fn registry_calls(&self, register: &'static str, outcome: &'static str) -> Counter {
        self.registry_calls.get_or_create_owned(&[("register", register), ("outcome", outcome)])
    }

    /// How long a state register took to answer.
    pub fn registry_seconds(&self, register: &'static str) -> Histogram {
        self.registry_seconds.get_or_create_owned(&[("register", register)])
    }

    /// 1 while a state register is left alone after failed calls, else 0.
    pub fn registry_open(&self, register: &'static str) -> Gauge {
        self.registry_open.get_or_create_owned(&[("register", register)])
    }

    /// By how many seconds a store's clock is ahead of this machine's.
    pub fn clock_skew(&self, store: &'static str) -> Gauge {
        self.clock_skew.get_or_create_owned(&[("store", store)])
    }

    /// All metrics in OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut page = String::with_capacity(8 * 1024);
        // Writing to a String cannot fail.
        let _ = text::encode(&mut page, &self.registry);
        page
    }
}

/// The lines of the log that were lost, which the log counts.
#[derive(Debug)]
struct LostLines;

impl Collector for LostLines {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let help = "Lines of the log that were dropped because nobody read them";
        let lost = encoder.encode_descriptor("log_lost_lines", help, None, MetricType::Counter)?;
        ConstCounter::new(lost_lines()).encode(lost)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn alerts_and_dashboard_ask_for_metrics_that_there_are() {
        let metrics = Metrics::new();
        // Families are exported once they have a value.
        for count in [
            metrics.logouts("a"),
            metrics.sms_sends("a", "b"),
            metrics.sms_deliveries("a", "b"),
            metrics.mails("a"),
            metrics.sign_ups("a"),
            metrics.sign_ins("a", "b"),
            metrics.identifications("a", "b"),
            metrics.tokens("a", "b"),
            metrics.limits("a"),
            metrics.brakes("a"),
            metrics.task_failures("a"),
        ] {
            count.inc();
        }
        let registry = metrics.registry_open("a");
        for gauge in [metrics.brakes_held("a"), metrics.clock_skew("a"), metrics.ready("a"), registry] {
            gauge.set(1);
        }
        let exported = metrics.encode();
        let types = exported.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
        let known: Vec<&str> = types.collect();
        let alerts = include_str!("../../../deploy/monitoring/alerts.yaml");
        let dashboard = include_str!("../../../deploy/monitoring/dashboard.json");
        for text in [alerts, dashboard] {
            let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let mut asked: Vec<&str> = words.filter(|word| word.starts_with("yagona_")).collect();
            asked.dedup();
            assert!(asked.len() > 10);
            for name in asked {
                let family = name.trim_end_matches("_bucket").trim_end_matches("_total");
                assert!(known.contains(&family), "{name} is none of {known:?}");
            }
        }
    }

    #[test]
    fn each_alarm_that_operators_are_told_of_has_a_rule() {
        let manual = include_str!("../../../docs/operations.md");
        let alerts = include_str!("../../../deploy/monitoring/alerts.yaml");
        let (_, told) = manual.split_once("Alert on: ").unwrap();
        // Events of the log have no metric.
        let told = told.split("the events").next().unwrap();
        let quoted: Vec<&str> = told.split('`').skip(1).step_by(2).collect();
        assert!(quoted.len() > 15, "{quoted:?}");
        for word in quoted {
            let is_there = match word {
                // One rule has all that a gateway does not accept.
                "refused" | "unknown" => alerts.contains("outcome!=\"accepted\""),
                word => alerts.contains(word),
            };
            assert!(is_there, "there is no alert with {word}");
        }
    }

    #[test]
    fn metrics_are_exported_under_their_names() {
        let metrics = Metrics::new();
        (0..6).for_each(|_| metrics.count_statement());
        (0..3).for_each(|_| metrics.count_commit());
        metrics.outbox_depth.set(4);
        metrics.sms_sends("eskiz", "accepted").inc();
        metrics.sms_sends("eskiz", "accepted").inc();
        metrics.limits("number_10m").inc();
        let page = metrics.encode();
        for line in [
            "yagona_sql_round_trips_total{cause=\"background\"} 6",
            "yagona_sql_commits_total{cause=\"background\"} 3",
            "yagona_redis_round_trips_total{cause=\"background\"} 0",
            "yagona_outbox_depth 4",
            "yagona_sms_sends_total{gateway=\"eskiz\",outcome=\"accepted\"} 2",
            "yagona_limits_total{limit=\"number_10m\"} 1",
            "# EOF",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is missing in\n{page}");
        }
        assert!(page.contains("yagona_build_info{version=\""), "{page}");
    }

    #[test]
    fn responses_of_a_route_are_counted_by_status_and_duration() {
        let metrics = Metrics::new();
        metrics.route("/token").record(200, Duration::from_micros(300));
        metrics.route("/token").record(200, Duration::from_secs(60));
        metrics.route("/token").record(401, Duration::from_micros(90));
        metrics.route("/never").name();
        let page = metrics.encode();
        for line in [
            "yagona_http_requests_total{route=\"/token\",status=\"200\"} 2",
            "yagona_http_requests_total{route=\"/token\",status=\"401\"} 1",
            "yagona_http_request_duration_seconds_count{route=\"/token\"} 3",
            "yagona_http_request_duration_seconds_bucket{le=\"0.0001\",route=\"/token\"} 1",
            "yagona_http_request_duration_seconds_bucket{le=\"0.0005\",route=\"/token\"} 2",
            "yagona_http_request_duration_seconds_bucket{le=\"+Inf\",route=\"/token\"} 3",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is missing in\n{page}");
        }
        assert!(!page.contains("/never"), "{page}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_and_cpu_time_of_the_process_are_exported() {
        let page = Metrics::new().encode();
        assert!(page.contains("process_resident_memory_bytes "), "{page}");
        assert!(page.contains("process_cpu_seconds_total "), "{page}");
        assert!(page.contains("process_open_fds "), "{page}");
    }
}
