use crate::platform::config::{Loader, settings};

settings! {
    /// Notices in people's cabinets, and the SMS about them for those who want them.
    [notices]
    pub struct NoticeSettings {
        /// Days that notices are kept.
        keep_days: u32 = 1096, count(1..=36_500, "days");
        /// The hour, in Tashkent, from which no SMS about notices is sent; codes and requests are.
        quiet_from_hour: u32 = 22, count(0..=23, "hours");
        /// The hour at which they are sent again. The same hour as the other: they are sent at any time.
        quiet_until_hour: u32 = 8, count(0..=23, "hours");
        /// SMS about notices to one number in a day; of those that warn of somebody else at work, as many again. What comes after is in
        /// the cabinet alone.
        sms_per_day: u32 = 10, count(1..=1000, "messages");
    }
}

impl NoticeSettings {
    /// When no SMS about notices is sent.
    pub fn quiet_hours(&self) -> QuietHours {
        QuietHours { from: self.quiet_from_hour, until: self.quiet_until_hour }
    }

    pub(crate) fn check(&self, loader: &mut Loader) {
        let key = "notices.keep_days";
        if loader.production && !loader.concern(key) && self.keep_days < 365 {
            let wrong = "removes what people were legally told within a year";
            loader.report(key, wrong, "the default is three years: 1096");
        }
    }
}

/// Hours of the day, in Tashkent, in which no SMS about notices is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuietHours {
    /// The hour at which they begin, from 0 to 23.
    pub from: u32,
    /// The hour at which they end; the same as `from` means that there are none.
    pub until: u32,
}

const HOUR_MS: i64 = 3_600_000;

/// Tashkent is five hours before UTC all year.
const TASHKENT_MS: i64 = 5 * HOUR_MS;

impl QuietHours {
    /// The first moment from `at_ms` on that is not quiet; both in milliseconds since the Unix epoch.
    pub fn after_ms(self, at_ms: i64) -> i64 {
        let (from, until) = (i64::from(self.from) * HOUR_MS, i64::from(self.until) * HOUR_MS);
        let of_day = (at_ms + TASHKENT_MS).rem_euclid(24 * HOUR_MS);
        let since = (of_day - from).rem_euclid(24 * HOUR_MS);
        let lasting = (until - from).rem_euclid(24 * HOUR_MS);
        if since < lasting { at_ms + (lasting - since) } else { at_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21 00:00 in Tashkent.
    const MIDNIGHT: i64 = 1_795_201_200_000;

    #[test]
    fn what_comes_in_a_quiet_hour_waits_until_it_ends() {
        let night = QuietHours { from: 22, until: 8 };
        let hour = |n: i64| MIDNIGHT + n * HOUR_MS;
        for (at, due) in [
            (hour(0), hour(8)),
            (hour(8) - 1, hour(8)),
            (hour(8), hour(8)),
            (hour(21), hour(21)),
            (hour(22) - 1, hour(22) - 1),
            (hour(22), hour(32)),
            (hour(23), hour(32)),
        ] {
            assert_eq!(night.after_ms(at), due, "{}", (at - MIDNIGHT) / HOUR_MS);
        }
        let noon = QuietHours { from: 12, until: 13 };
        assert_eq!((noon.after_ms(hour(12)), noon.after_ms(hour(13))), (hour(13), hour(13)));
        let never = QuietHours { from: 22, until: 22 };
        assert_eq!(never.after_ms(hour(22)), hour(22));
    }
}
