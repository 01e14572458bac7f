use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Ticks per second in `/proc`: fixed by Linux's user-space ABI.
const TICKS_PER_SECOND: f64 = 100.0;

/// Memory, CPU time and open files of this process, read from `/proc` on each export.
///
/// Without `/proc` these metrics are absent, as in Prometheus's own clients.
#[derive(Debug)]
pub(super) struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        if let Some(bytes) =
            fs::read_to_string("/proc/self/status").ok().and_then(|text| resident_bytes(&text))
        {
            let help = "Resident memory in bytes";
            let metric = encoder.encode_descriptor("resident_memory_bytes", help, None, MetricType::Gauge)?;
            ConstGauge::new(bytes).encode(metric)?;
        }
        if let Some(seconds) = fs::read_to_string("/proc/self/stat").ok().and_then(|text| cpu_seconds(&text))
        {
            let help = "Processor time, user and system, in seconds";
            let metric = encoder.encode_descriptor("cpu_seconds", help, None, MetricType::Counter)?;
            ConstCounter::new(seconds).encode(metric)?;
        }
        if let Ok(entries) = fs::read_dir("/proc/self/fd") {
            let metric =
                encoder.encode_descriptor("open_fds", "Open files and sockets", None, MetricType::Gauge)?;
            ConstGauge::new(entries.count() as u64).encode(metric)?;
        }
        Ok(())
    }
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? * 1024)
}

/// User and system time: the 14th and 15th field; the second is a name in brackets that may contain spaces.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_lines_are_read() {
        assert_eq!(resident_bytes("Name:\ty\nVmRSS:\t   11904 kB\nThreads:\t4\n"), Some(11_904 * 1024));
        let stat = "4711 (a ) b) S 1 2 3 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 4 0 1000";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(cpu_seconds("nonsense"), None);
    }
}
