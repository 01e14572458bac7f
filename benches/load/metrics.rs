//! The provider's own counters, read from its operations port.

/// Work done by the provider since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counters {
    pub sql_round_trips: f64,
    pub sql_commits: f64,
    pub redis_round_trips: f64,
    /// Delivery receipts that counted.
    pub receipts: f64,
}

impl Counters {
    /// Sums the series of each counter in a Prometheus or OpenMetrics exposition, whatever labels a version gives them;
    /// absent ones are 0.
    pub(crate) fn parse(exposition: &str) -> Self {
        let sum = |name: &str| {
            exposition
                .lines()
                .filter_map(|line| line.strip_prefix(name))
                .filter(|rest| rest.starts_with(['{', ' ']))
                .filter_map(|rest| {
                    rest.rsplit_once('}').map_or(rest, |(_, value)| value).split_whitespace().next()
                })
                .filter_map(|value| value.parse::<f64>().ok())
                .sum()
        };
        Self {
            sql_round_trips: sum("yagona_sql_round_trips_total"),
            sql_commits: sum("yagona_sql_commits_total"),
            redis_round_trips: sum("yagona_redis_round_trips_total"),
            receipts: sum("yagona_sms_deliveries_total"),
        }
    }

    /// What was done since `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            sql_round_trips: self.sql_round_trips - earlier.sql_round_trips,
            sql_commits: self.sql_commits - earlier.sql_commits,
            redis_round_trips: self.redis_round_trips - earlier.redis_round_trips,
            receipts: self.receipts - earlier.receipts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_of_one_counter_are_added_and_others_left_out() {
        let text = "# HELP yagona_sql_round_trips Trips.\nyagona_sql_round_trips_total{store=\"a\"} 3\n\
                    yagona_sql_round_trips_total{store=\"b}\"} 4 1700000000\nyagona_sql_commits_total 2\n\
                    yagona_sql_commits_total_other 9\n# EOF\n";
        let found = Counters::parse(text);
        let expected = Counters { sql_round_trips: 7.0, sql_commits: 2.0, ..Counters::default() };
        assert_eq!(found, expected);
        assert_eq!(found.since(found), Counters::default());
    }

    #[test]
    fn a_version_without_labels_and_one_with_them_are_read_alike() {
        let first = "yagona_sql_round_trips_total 6\nyagona_sql_commits_total 3\nyagona_redis_round_trips_total 5\n\
                     yagona_sms_deliveries_total{gateway=\"eskiz\",state=\"delivered\"} 2\n";
        let later = "yagona_sql_round_trips_total{cause=\"background\"} 2\n\
                     yagona_sql_round_trips_total{cause=\"POST /sign-in/{id}\"} 4\n\
                     yagona_sql_commits_total{cause=\"background\"} 3\n\
                     yagona_redis_round_trips_total{cause=\"GET /token\"} 1\n\
                     yagona_redis_round_trips_total{cause=\"background\"} 4\n\
                     yagona_sms_deliveries_total{gateway=\"eskiz\",state=\"delivered\"} 1\n\
                     yagona_sms_deliveries_total{gateway=\"playmobile\",state=\"delivered\"} 1\n";
        let expected =
            Counters { sql_round_trips: 6.0, sql_commits: 3.0, redis_round_trips: 5.0, receipts: 2.0 };
        assert_eq!((Counters::parse(first), Counters::parse(later)), (expected, expected));
    }
}
