//! What a measurement found, as a table for people or as JSON lines for tools.

use std::fs;

use serde_json::json;

use crate::comparison::Figures;
use crate::drive::Failure;
use crate::flags::Flags;
use crate::metrics::Counters;
use crate::process::Usage;
use crate::scenario::Scenario;
use crate::server::Server;
use crate::statistics::Histogram;

/// One scenario's measurement.
pub(crate) struct Outcome {
    pub latencies: Histogram,
    pub failed: u64,
    pub first_failure: Option<Failure>,
    /// How long it was counted.
    pub seconds: f64,
    /// The server's process before and after.
    pub usage: Option<(Usage, Usage)>,
    /// Processor time of this program itself in between, in seconds.
    pub own_cpu_seconds: f64,
    /// The server's work in between.
    pub counters: Option<Counters>,
}

impl Outcome {
    fn rate(&self) -> f64 {
        self.latencies.count() as f64 / self.seconds
    }

    /// Per completed flow; nothing when there was none.
    fn per_flow(&self, total: f64) -> Option<f64> {
        (self.latencies.count() > 0).then(|| total / self.latencies.count() as f64)
    }

    /// How much of its core this program used; near 1, it and not the server was the limit.
    fn own_load(&self) -> f64 {
        self.own_cpu_seconds / self.seconds
    }

    fn counted(&self, total: fn(&Counters) -> f64) -> Option<f64> {
        self.counters.as_ref().and_then(|counters| self.per_flow(total(counters)))
    }

    /// What is compared of it, in the order of [`crate::comparison::COLUMNS`].
    pub(crate) fn figures(&self) -> Figures {
        [
            self.cpu_microseconds(),
            Some(self.rate()),
            Some(self.latencies.quantile(0.99)),
            self.counted(|all| all.sql_round_trips),
            self.counted(|all| all.sql_commits),
            self.counted(|all| all.redis_round_trips),
            self.counted(|all| all.receipts),
        ]
    }

    fn cpu_microseconds(&self) -> Option<f64> {
        let (before, after) = self.usage?;
        self.per_flow((after.cpu_seconds - before.cpu_seconds) * 1e6)
    }
}

/// Prints as measurements come in.
pub(crate) struct Report {
    json: bool,
}

impl Report {
    /// Says what is measured, on what and under which conditions; `turn` names it among others.
    pub(crate) fn begin(flags: &Flags, server: &Server, idle: Option<Usage>, turn: Option<&str>) -> Self {
        if flags.json {
            let setting = server.setting();
            let conditions = setting.map(|setting| &setting.conditions);
            let start = json!({
                "turn": turn, "binary": setting.map(|setting| &setting.binary),
                "stores": stores(flags, server), "limits": conditions.map(|found| found.limits),
                "log_level": conditions.map(|found| &found.level),
                "log_format": conditions.map(|found| &found.format),
                "log_file_system": setting.map(|setting| &setting.file_system),
                "receipts": conditions.map(|found| found.receipts), "people": flags.people,
                "users": flags.users, "seconds": flags.seconds, "warm_up": flags.warm_up,
                "workers": server.is_own().then_some(flags.workers), "machine": machine(),
                "cold_start_ms": server.cold_start, "idle_rss_mib": idle.map(|usage| usage.resident),
            });
            println!("{start}");
            return Self { json: true };
        }
        if let Some(turn) = turn {
            println!("\n{turn}");
        }
        println!("{}", conditions(flags, server));
        if let Some(milliseconds) = server.cold_start {
            println!("first start to first answer, people enrolled on the way: {milliseconds:.1} ms");
        }
        if let Some(usage) = idle {
            println!("memory idle {:.1} MiB", usage.resident);
        }
        println!(
            "\n{:<32} {:>9} {:>8} {:>8} {:>8} {:>9} {:>8} {:>6} {:>8} {:>6} {:>6} {:>7}",
            "flow",
            "per s",
            "p50 ms",
            "p95 ms",
            "p99 ms",
            "CPU us",
            "RSS MiB",
            "SQL",
            "commits",
            "Redis",
            "rcpts",
            "failed"
        );
        Self { json: false }
    }

    /// One scenario's figures.
    pub(crate) fn line(&self, scenario: Scenario, outcome: &Outcome) {
        let quantile = |share| outcome.latencies.quantile(share);
        let [_, _, _, sql, commits, redis, receipts] = outcome.figures();
        let resident = outcome.usage.map(|(_, after)| after.resident);
        if self.json {
            let line = json!({
                "scenario": scenario.name(), "flows": outcome.latencies.count(), "per_second": outcome.rate(),
                "p50_ms": quantile(0.5), "p95_ms": quantile(0.95), "p99_ms": quantile(0.99),
                "cpu_us_per_flow": outcome.cpu_microseconds(), "rss_mib": resident,
                "peak_rss_mib": outcome.usage.map(|(_, after)| after.peak),
                "sql_round_trips_per_flow": sql, "sql_commits_per_flow": commits,
                "redis_round_trips_per_flow": redis, "receipts_per_flow": receipts, "failed": outcome.failed,
                "load_core_busy": outcome.own_load(),
                "first_failure": outcome.first_failure,
            });
            println!("{line}");
            return;
        }
        println!(
            "{:<32} {:>9.0} {:>8.2} {:>8.2} {:>8.2} {:>9} {:>8} {:>6} {:>8} {:>6} {:>6} {:>7}",
            scenario.name(),
            outcome.rate(),
            quantile(0.5),
            quantile(0.95),
            quantile(0.99),
            figure(outcome.cpu_microseconds(), 0),
            figure(resident, 1),
            figure(sql, 2),
            figure(commits, 2),
            figure(redis, 2),
            figure(receipts, 2),
            outcome.failed
        );
        if scenario.sends_message() && receipts.is_some_and(|receipts| (receipts - 1.0).abs() > 0.1) {
            println!("    not one receipt for each flow: the CPU time is not that of whole flows");
        }
        if outcome.own_load() > 0.9 {
            println!(
                "    the load's own core was {:.0} % busy: the server may do more",
                outcome.own_load() * 100.0
            );
        }
        if let Some(failure) = &outcome.first_failure {
            println!("    first failure: {failure}");
        }
    }

    /// A scenario that could not be measured.
    pub(crate) fn problem(&self, scenario: Scenario, problem: &str) {
        if self.json {
            println!("{}", json!({"scenario": scenario.name(), "problem": problem}));
        } else {
            println!("{:<32} not measured: {problem}", scenario.name());
        }
    }
}

/// Which stores an own provider has, or where another one is.
fn stores(flags: &Flags, server: &Server) -> String {
    if !server.is_own() {
        return server.base.clone();
    }
    let database = flags.database_url.as_deref().filter(|url| url.starts_with("postgres"));
    let database = database.map_or("SQLite", |_| "PostgreSQL");
    let ephemeral = flags.redis_url.as_deref().map_or("in-process state", |_| "Redis");
    format!("{database} and {ephemeral}")
}

/// The conditions in one line.
fn conditions(flags: &Flags, server: &Server) -> String {
    let load = format!("{} users, {} people, {} s each", flags.users, flags.people, flags.seconds);
    let stores = stores(flags, server);
    let setting = match server.setting() {
        Some(setting) => {
            let found = &setting.conditions;
            format!(
                "limits {}, log {} in {} to a file ({}), receipts {}, {} worker(s), {}",
                if found.limits { "on" } else { "OFF" },
                found.level,
                found.format,
                setting.file_system,
                if found.receipts { "on" } else { "OFF" },
                flags.workers,
                setting.binary,
            )
        }
        None => "limits, log and receipts as that provider has them".to_owned(),
    };
    format!("{load}; {stores}; {setting}; {}", machine())
}

/// A figure as tables show it.
pub(crate) fn figure(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}"))
}

fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    // Not the parallelism available here: this process is bound to one core.
    let cores = info.lines().filter(|line| line.starts_with("processor")).count();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map(|(_, name)| name.trim());
    format!("{cores} core(s) of {}", model.unwrap_or("an unknown processor"))
}
