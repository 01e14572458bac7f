//! Latencies: a histogram of fixed size whose buckets are at most 1.6 % wide.

/// The probability that a value of `these` is larger than one of `those`, ties counting half: 0.5 when nothing tells them
/// apart (area under the ROC curve).
pub(crate) fn auc(these: &[f64], those: &[f64]) -> f64 {
    let mut sorted = those.to_vec();
    sorted.sort_by(f64::total_cmp);
    let below = |value: f64| sorted.partition_point(|other| *other < value);
    let up_to = |value: f64| sorted.partition_point(|other| *other <= value);
    let larger: f64 =
        these.iter().map(|value| f64::midpoint(below(*value) as f64, up_to(*value) as f64)).sum();
    larger / (these.len() as f64 * those.len() as f64)
}

/// The standard error of [`auc`] for samples of these sizes from the same distribution.
pub(crate) fn auc_error(these: usize, those: usize) -> f64 {
    let (these, those) = (these as f64, those as f64);
    ((these + those + 1.0) / (12.0 * these * those)).sqrt()
}

/// Buckets per power of two.
const STEPS: usize = 64;
const STEP_BITS: u32 = STEPS.trailing_zeros();
/// Powers of two of nanoseconds covered: up to some 18 minutes; slower flows count as that slow.
const POWERS: usize = 34;

/// Counts durations by length.
#[derive(Clone)]
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self { buckets: vec![0; STEPS * (POWERS + 1)], count: 0 }
    }

    /// Counts one duration.
    pub(crate) fn record(&mut self, nanoseconds: u64) {
        self.buckets[bucket(nanoseconds)] += 1;
        self.count += 1;
    }

    /// Adds all that another one counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The duration in milliseconds within which `share` (0 to 1) of the flows ended; 0 when there were none.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        // The smallest duration that at least this many flows did not exceed.
        let wanted = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return middle(index) / 1e6;
            }
        }
        0.0
    }
}

/// Below 64 each value has its own bucket; above, each power of two has 64.
fn bucket(value: u64) -> usize {
    if value < STEPS as u64 {
        return value as usize;
    }
    let power = value.ilog2() - STEP_BITS;
    let step = (value >> power) as usize - STEPS;
    ((power as usize + 1) * STEPS + step).min(STEPS * (POWERS + 1) - 1)
}

fn middle(index: usize) -> f64 {
    if index < STEPS {
        return index as f64;
    }
    let power = index / STEPS - 1;
    let width = (1u64 << power) as f64;
    (STEPS + index % STEPS) as f64 * width + (width - 1.0) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_never_further_from_its_values_than_one_percent() {
        for value in (0..40).map(|power| 1u64 << power).flat_map(|value| [value, value + value / 3]) {
            let found = middle(bucket(value));
            assert!((found - value as f64).abs() <= value as f64 * 0.01 + 0.5, "{value} became {found}");
        }
    }

    #[test]
    fn the_area_is_a_half_for_equals_and_one_for_the_larger() {
        assert_eq!(auc(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]), 0.5);
        assert_eq!(auc(&[4.0, 5.0], &[1.0, 2.0, 3.0]), 1.0);
        assert_eq!(auc(&[0.0], &[1.0, 2.0]), 0.0);
        assert!((auc_error(400, 400) - 0.0204).abs() < 0.0001);
    }

    #[test]
    fn quantiles_of_an_even_spread_are_where_they_should_be() {
        let mut histogram = Histogram::new();
        (1..=1000u64).rev().for_each(|microseconds| histogram.record(microseconds * 1000));
        for (share, expected) in [(0.5, 0.5), (0.95, 0.95), (0.99, 0.99), (1.0, 1.0)] {
            let found = histogram.quantile(share);
            assert!((found - expected).abs() < expected * 0.01, "{share}: {found}");
        }
    }

    #[test]
    fn one_slow_flow_in_a_hundred_shows_only_beyond_the_ninety_ninth() {
        let mut histogram = Histogram::new();
        (0..99).for_each(|_| histogram.record(1_000_000));
        histogram.record(900_000_000);
        assert!(histogram.quantile(0.99) < 1.01);
        assert!(histogram.quantile(0.991) > 890.0);
    }

    #[test]
    fn merging_counts_everything_and_nothing_has_no_quantile() {
        let (mut one, mut other) = (Histogram::new(), Histogram::new());
        assert_eq!(one.quantile(0.99), 0.0);
        one.record(5_000_000);
        other.record(7_000_000);
        other.record(u64::MAX);
        one.merge(&other);
        assert_eq!(one.count(), 3);
        assert!((one.quantile(0.6) - 7.0).abs() < 0.07);
    }
}
