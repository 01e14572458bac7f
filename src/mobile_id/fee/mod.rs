//! What an identification costs (clauses 6 and 7): the fee of a day, its discount, its invoice and who gets which part. Sums are whole
//! tiyin, a hundredth of a soʻm.

mod bhm;
mod shares;

use serde::{Deserialize, Serialize};

pub use bhm::{Bhm, BhmTable};
pub use shares::{Recipient, Share, shares};

use super::door::Channel;
use crate::people::CivilDate;
use crate::platform::clock::Timestamp;
use crate::staff::PlaceKind;

/// The fee, in percent of the base calculation value (R11).
pub const PERCENT: i64 = 2;

/// The last year in which identification was free at places, too (R11).
const FREE_UNTIL_YEAR: i32 = 2022;

/// Why somebody pays half, at a service centre only (R14).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Discount {
    /// Registered in the register of social protection.
    SocialRegister,
    /// Disability of group I.
    DisabilityFirst,
    /// Disability of group II.
    DisabilitySecond,
}

impl Discount {
    /// Its name in the store and in exports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SocialRegister => "social_register",
            Self::DisabilityFirst => "disability_1",
            Self::DisabilitySecond => "disability_2",
        }
    }
}

/// What somebody has to pay: frozen when the application was made (D-c), so that it is what was printed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fee {
    /// The day of the application, which fixes the value.
    pub day: CivilDate,
    /// The base calculation value, in whole soʻm.
    pub bhm_soum: i64,
    /// The day from which that value was in force.
    pub bhm_since: CivilDate,
    /// The percentage of it.
    pub percent: i64,
    /// Why half is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Discount>,
    /// What is paid, in tiyin.
    pub tiyin: i64,
    /// At which kind of place it is paid.
    pub place: PlaceKind,
    /// Who gets which part.
    pub shares: Vec<Share>,
}

/// What is due for an application that was made on a day; `None` where it is free: in the app always (R13), at places until the end of
/// 2022 (R11). A discount counts at a service centre and nowhere else (R14).
pub fn due(table: &BhmTable, channel: Channel, day: CivilDate, discount: Option<Discount>) -> Option<Fee> {
    let Channel::Place(place) = channel else { return None };
    if !place.identifies() || day.to_date().year() <= FREE_UNTIL_YEAR {
        return None;
    }
    let bhm = table.on(day)?;
    let discount = discount.filter(|_| place == PlaceKind::ServiceCentre);
    // A percent of a soʻm is a tiyin.
    let full = bhm.soum * PERCENT;
    let tiyin = if discount.is_some() { full / 2 } else { full };
    Some(Fee {
        day,
        bhm_soum: bhm.soum,
        bhm_since: bhm.since,
        percent: PERCENT,
        discount,
        tiyin,
        place,
        shares: shares(tiyin, place),
    })
}

/// What is handed to the person (R16): the figures are frozen in it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Invoice {
    /// Its number: what billing knows it by.
    pub number: String,
    /// What is to be paid, and why so much.
    pub fee: Fee,
    /// When it was made.
    pub issued_at: Timestamp,
    /// Until when it may be paid; then the application is refused on 18(2) (D-f).
    pub until: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    const CENTRE: Channel = Channel::Place(PlaceKind::ServiceCentre);
    const NOTARY: Channel = Channel::Place(PlaceKind::NotaryOffice);

    fn fee(channel: Channel, day: &str, discount: Option<Discount>) -> Option<i64> {
        due(&BhmTable::known(), channel, CivilDate::parse(day).unwrap(), discount).map(|fee| fee.tiyin)
    }

    #[test]
    fn r11_the_fee_is_two_percent_of_its_day_and_nothing_before_2023() {
        assert_eq!((fee(CENTRE, "2022-12-31", None), fee(NOTARY, "2022-12-31", None)), (None, None));
        for (day, soum) in [
            ("2023-01-01", 6000),
            ("2023-05-01", 6600),
            ("2023-12-01", 6800),
            ("2024-10-01", 7500),
            ("2025-08-01", 8240),
            ("2026-09-01", 8800),
        ] {
            assert_eq!(fee(CENTRE, day, None), Some(soum * 100), "{day}");
            assert_eq!(fee(NOTARY, day, None), Some(soum * 100), "{day}");
        }
    }

    #[test]
    fn r14_half_is_paid_at_a_service_centre_and_nowhere_else() {
        for discount in [Discount::SocialRegister, Discount::DisabilityFirst, Discount::DisabilitySecond] {
            assert_eq!(fee(CENTRE, "2025-08-01", Some(discount)), Some(412_000));
            assert_eq!(fee(NOTARY, "2025-08-01", Some(discount)), Some(824_000));
        }
    }

    #[test]
    fn r13_r21_the_app_is_free_and_a_post_office_identifies_nobody() {
        assert_eq!(fee(Channel::Remote, "2026-09-01", None), None);
        assert_eq!(fee(Channel::Place(PlaceKind::PostOffice), "2026-09-01", None), None);
    }
}

#[cfg(test)]
mod properties {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::select;

    proptest! {
        #[test]
        fn r20_whatever_the_day_the_place_and_the_discount_the_shares_are_the_fee(
            year in 2020_i32..2040,
            month in 1_u8..=12,
            day in 1_u8..=28,
            place in select(&PlaceKind::ALL[..]),
            discount in select(&[None, Some(Discount::SocialRegister), Some(Discount::DisabilityFirst), Some(Discount::DisabilitySecond)][..]),
        ) {
            let day = CivilDate::new(year, month, day).unwrap();
            let table = BhmTable::known();
            let Some(fee) = due(&table, Channel::Place(place), day, discount) else {
                prop_assert!(year <= 2022 || place == PlaceKind::PostOffice);
                return Ok(());
            };
            prop_assert_eq!(fee.shares.iter().map(|share| share.tiyin).sum::<i64>(), fee.tiyin);
            let full = due(&table, Channel::Place(place), day, None).unwrap();
            let half = discount.is_some() && place == PlaceKind::ServiceCentre;
            prop_assert_eq!(fee.tiyin * if half { 2 } else { 1 }, full.tiyin);
            prop_assert_eq!(full.tiyin, table.on(day).unwrap().soum * 100 * PERCENT / 100);
        }
    }
}
