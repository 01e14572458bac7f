//! Two binaries measured in turns: the median of each one's rounds, and what the newer one's is of the older one's.

/// Which binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The one given by `--turns`.
    Old,
    /// The one measured otherwise.
    New,
}

impl Side {
    /// Its name in reports.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::New => "new",
        }
    }
}

/// What is compared: a column's title, its name for tools, and how many decimals are shown.
pub(crate) const COLUMNS: [(&str, &str, usize); 7] = [
    ("CPU us", "cpu_us_per_flow", 0),
    ("per s", "per_second", 0),
    ("p99 ms", "p99_ms", 2),
    ("SQL", "sql_round_trips_per_flow", 2),
    ("commits", "sql_commits_per_flow", 2),
    ("Redis", "redis_round_trips_per_flow", 2),
    ("rcpts", "receipts_per_flow", 2),
];

/// One figure for each column, as far as it is known.
pub(crate) type Figures = [Option<f64>; COLUMNS.len()];

/// One flow's figures over all rounds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub flow: String,
    pub old: Figures,
    pub new: Figures,
    /// New by old.
    pub ratio: Figures,
    /// Rounds in which it could be measured: old, new.
    pub rounds: (usize, usize),
    /// How many of its flows failed in them: old, new.
    pub failed: (u64, u64),
}

/// All that was measured, in the order in which it was.
#[derive(Default)]
pub(crate) struct Comparison {
    found: Vec<(String, Side, Figures, u64)>,
}

impl Comparison {
    /// Adds one flow's figures of one turn, and how many of its flows failed.
    pub(crate) fn add(&mut self, flow: String, side: Side, figures: Figures, failed: u64) {
        self.found.push((flow, side, figures, failed));
    }

    /// A row for each flow that either side could be measured in.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let mut flows: Vec<&String> = Vec::new();
        for (flow, ..) in &self.found {
            if !flows.contains(&flow) {
                flows.push(flow);
            }
        }
        flows.into_iter().map(|flow| self.row(flow)).collect()
    }

    fn row(&self, flow: &str) -> Row {
        let of = |side| self.found.iter().filter(move |(name, by, ..)| name == flow && *by == side);
        let medians =
            |side| std::array::from_fn(|at| median(of(side).filter_map(|(.., all, _)| all[at]).collect()));
        let (old, new): (Figures, Figures) = (medians(Side::Old), medians(Side::New));
        let failed = |side| of(side).map(|(.., failed)| failed).sum();
        Row {
            flow: flow.to_owned(),
            old,
            new,
            ratio: std::array::from_fn(|at| ratio(new[at], old[at])),
            rounds: (of(Side::Old).count(), of(Side::New).count()),
            failed: (failed(Side::Old), failed(Side::New)),
        }
    }
}

/// The middle value, or the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = values[(values.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}

/// Nothing when the older figure is missing, or so small that tables show it as 0.
fn ratio(new: Option<f64>, old: Option<f64>) -> Option<f64> {
    let (new, old) = (new?, old?);
    (old >= 0.005).then(|| new / old)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_in_the_middle_whatever_the_order() {
        assert_eq!(median(vec![9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 100.0]), Some(3.0));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn what_is_shown_as_nothing_is_compared_with_nothing() {
        assert_eq!(ratio(Some(3.0), Some(2.0)), Some(1.5));
        assert_eq!(ratio(Some(0.01), Some(0.001)), None);
        assert_eq!(ratio(None, Some(2.0)), None);
    }

    #[test]
    fn each_flow_has_one_row_with_both_sides_and_their_ratio() {
        let mut comparison = Comparison::default();
        let figures = |cpu: f64| [Some(cpu), Some(1.0), None, Some(0.0), None, None, None];
        for (old, new) in [(100.0, 60.0), (300.0, 50.0), (200.0, 40.0)] {
            comparison.add("sign-in".to_owned(), Side::Old, figures(old), 1);
            comparison.add("keys".to_owned(), Side::Old, figures(1.0), 0);
            comparison.add("sign-in".to_owned(), Side::New, figures(new), 0);
        }
        let rows = comparison.rows();
        assert_eq!(rows.iter().map(|row| row.flow.as_str()).collect::<Vec<_>>(), ["sign-in", "keys"]);
        assert_eq!((rows[0].old[0], rows[0].new[0], rows[0].ratio[0]), (Some(200.0), Some(50.0), Some(0.25)));
        assert_eq!((rows[0].rounds, rows[0].failed), ((3, 3), (3, 0)));
        assert_eq!(rows[0].ratio[3], None, "nothing of nothing");
        assert_eq!((rows[1].rounds, rows[1].new[0], rows[1].ratio[0]), ((3, 0), None, None));
    }
}
