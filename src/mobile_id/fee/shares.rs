//! Who gets which part of a fee (clause 7; R17–R20, D-b). Each part is whole tiyin; what is left of dividing goes to whoever gets the
//! rest, so that the parts are always the sum that was paid.

use serde::{Deserialize, Serialize};

use crate::staff::PlaceKind;

/// Who gets a part.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    /// The special account of the fund for information technologies: 14.5 % (R17, R18).
    IctFund,
    /// Unified billing, for confirming the payment: 0.5 % of the fee, of the fund's 15 % (R19, D-b).
    UnifiedBilling,
    /// The Ministry of Justice's fund for state services: 15 % of what is paid at a service centre.
    ServicesFund,
    /// The Ministry of Justice's centre, which runs Mobile-ID: the rest at a service centre, 15 % at a notary's.
    IctCentre,
    /// The notary office: the rest there.
    NotaryOffice,
}

impl Recipient {
    /// Its name in the store and in exports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IctFund => "ict_fund",
            Self::UnifiedBilling => "unified_billing",
            Self::ServicesFund => "services_fund",
            Self::IctCentre => "ict_centre",
            Self::NotaryOffice => "notary_office",
        }
    }
}

/// A part of a fee.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Share {
    /// Who gets it.
    pub to: Recipient,
    /// How much, in tiyin.
    pub tiyin: i64,
}

/// The parts of a fee that is paid at a kind of place; their sum is the fee. None where nothing is paid.
pub fn shares(fee: i64, kind: PlaceKind) -> Vec<Share> {
    let (fifteen, rest) = match kind {
        PlaceKind::ServiceCentre => (Recipient::ServicesFund, Recipient::IctCentre),
        PlaceKind::NotaryOffice => (Recipient::IctCentre, Recipient::NotaryOffice),
        PlaceKind::PostOffice => return Vec::new(),
    };
    let part = fee * 15 / 100;
    let billing = fee * 5 / 1000;
    let share = |to, tiyin| Share { to, tiyin };
    vec![
        share(Recipient::IctFund, part - billing),
        share(Recipient::UnifiedBilling, billing),
        share(fifteen, part),
        share(rest, fee - 2 * part),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fee: i64, kind: PlaceKind) -> Vec<(Recipient, i64)> {
        shares(fee, kind).into_iter().map(|share| (share.to, share.tiyin)).collect()
    }

    #[test]
    fn r17_r18_r19_a_fee_is_divided_by_kind_of_place() {
        use Recipient as R;
        // 8,800 soʻm at a service centre.
        assert_eq!(
            of(880_000, PlaceKind::ServiceCentre),
            [
                (R::IctFund, 127_600),
                (R::UnifiedBilling, 4400),
                (R::ServicesFund, 132_000),
                (R::IctCentre, 616_000)
            ]
        );
        assert_eq!(
            of(880_000, PlaceKind::NotaryOffice),
            [
                (R::IctFund, 127_600),
                (R::UnifiedBilling, 4400),
                (R::IctCentre, 132_000),
                (R::NotaryOffice, 616_000)
            ]
        );
        // 0.5 % of 4,120 soʻm are 20.60.
        assert_eq!(of(412_000, PlaceKind::ServiceCentre)[1], (R::UnifiedBilling, 2060));
        assert!(of(880_000, PlaceKind::PostOffice).is_empty());
    }
}

#[cfg(test)]
mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn r20_the_parts_are_always_the_sum_and_the_remainder_is_with_the_rest(fee in 0_i64..10_000_000_000) {
            for kind in [PlaceKind::ServiceCentre, PlaceKind::NotaryOffice] {
                let parts = shares(fee, kind);
                prop_assert_eq!(parts.iter().map(|share| share.tiyin).sum::<i64>(), fee);
                prop_assert!(parts.iter().all(|share| share.tiyin >= 0));
                // Nobody but the last gets a tiyin more than their percentage.
                let fund = parts[0].tiyin + parts[1].tiyin;
                prop_assert!(fund * 100 <= fee * 15 && parts[2].tiyin * 100 <= fee * 15);
                prop_assert!(parts[3].tiyin * 100 >= fee * 70 && parts[3].tiyin * 100 < fee * 70 + 200);
            }
        }
    }
}
