//! The grounds on which an application may be refused: closed lists, one for each chapter (R51, R65). Nothing else can be stored, and
//! an application gets no ground of the other chapter.

use super::door::Channel;

/// The six grounds of clause 18, at a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PlaceGround {
    /// 18(1): data of the form are wrong or incomplete, as the system found (R45).
    Data,
    /// 18(2): the fee was not paid (R46, D-f).
    Unpaid,
    /// 18(3): clause 5 is not met (R47).
    Unfit,
    /// 18(4): the original of the document was not presented (R48).
    NoOriginal,
    /// 18(5): biometrics do not match the document (R49).
    Biometrics,
    /// 18(6): the person declines biometrics (R50).
    Declined,
}

/// The four grounds of clause 27, in the app.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RemoteGround {
    /// 27(1): data are wrong or incomplete; a number that is not in one's own name is such (D-g).
    Data,
    /// 27(2): clause 5 is not met.
    Unfit,
    /// 27(3): Face-ID or signature do not match.
    Proof,
    /// 27(4): the person declines both.
    Declined,
}

/// Why an application was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ground {
    /// At a place.
    Place(PlaceGround),
    /// In the app or on the web.
    Remote(RemoteGround),
}

impl Ground {
    /// All.
    pub const ALL: [Self; 10] = [
        Self::Place(PlaceGround::Data),
        Self::Place(PlaceGround::Unpaid),
        Self::Place(PlaceGround::Unfit),
        Self::Place(PlaceGround::NoOriginal),
        Self::Place(PlaceGround::Biometrics),
        Self::Place(PlaceGround::Declined),
        Self::Remote(RemoteGround::Data),
        Self::Remote(RemoteGround::Unfit),
        Self::Remote(RemoteGround::Proof),
        Self::Remote(RemoteGround::Declined),
    ];

    /// The clause with its point, which is its name in the store and on paper: `18(1)`.
    pub const fn clause(self) -> &'static str {
        match self {
            Self::Place(PlaceGround::Data) => "18(1)",
            Self::Place(PlaceGround::Unpaid) => "18(2)",
            Self::Place(PlaceGround::Unfit) => "18(3)",
            Self::Place(PlaceGround::NoOriginal) => "18(4)",
            Self::Place(PlaceGround::Biometrics) => "18(5)",
            Self::Place(PlaceGround::Declined) => "18(6)",
            Self::Remote(RemoteGround::Data) => "27(1)",
            Self::Remote(RemoteGround::Unfit) => "27(2)",
            Self::Remote(RemoteGround::Proof) => "27(3)",
            Self::Remote(RemoteGround::Declined) => "27(4)",
        }
    }

    /// The ground of that clause.
    pub fn parse(clause: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ground| ground.clause() == clause)
    }

    /// Whether an application of this channel may be refused on it.
    pub const fn fits(self, channel: Channel) -> bool {
        matches!((self, channel), (Self::Place(_), Channel::Place(_)) | (Self::Remote(_), Channel::Remote))
    }

    /// Wrong or incomplete data, in either chapter.
    pub const fn data(channel: Channel) -> Self {
        match channel {
            Channel::Place(_) => Self::Place(PlaceGround::Data),
            Channel::Remote => Self::Remote(RemoteGround::Data),
        }
    }

    /// Clause 5 is not met, in either chapter.
    pub const fn unfit(channel: Channel) -> Self {
        match channel {
            Channel::Place(_) => Self::Place(PlaceGround::Unfit),
            Channel::Remote => Self::Remote(RemoteGround::Unfit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::staff::PlaceKind;

    #[test]
    fn r51_r65_six_grounds_at_a_place_and_four_in_the_app_and_none_of_the_other_chapter() {
        let place = Channel::Place(PlaceKind::NotaryOffice);
        let of = |channel| Ground::ALL.into_iter().filter(move |ground| ground.fits(channel)).count();
        assert_eq!((of(place), of(Channel::Remote)), (6, 4));
        for ground in Ground::ALL {
            assert_eq!(Ground::parse(ground.clause()), Some(ground));
            assert_ne!(ground.fits(place), ground.fits(Channel::Remote));
        }
        assert_eq!(Ground::parse("18(7)"), None);
        assert_eq!(
            (Ground::data(place).clause(), Ground::unfit(Channel::Remote).clause()),
            ("18(1)", "27(2)")
        );
    }
}
