//! What a contract demands of people.

use crate::clients::Client;
use crate::people::{Account, CivilDate};

/// Why a service gets nothing of a person, whatever that person agrees to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unsuited {
    /// They are younger than so many years (D-s).
    TooYoung(u8),
    /// Their document is not valid today (D-t).
    Document,
}

impl Unsuited {
    /// Its word in events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooYoung(_) => "minimum_age",
            Self::Document => "document_not_valid",
        }
    }

    /// What a client's developers are told, in ASCII.
    pub const fn description(self) -> &'static str {
        match self {
            Self::TooYoung(_) => "the person is younger than the contract of the client allows",
            Self::Document => {
                "the document of the person is not valid, and the contract of the client demands a valid one"
            }
        }
    }
}

impl Client {
    /// Whether its contract demands anything of people at all: where not, nobody's record is read for that.
    pub fn demands_of_people(&self) -> bool {
        let demands = self.contract.as_ref().map(|contract| &contract.document);
        demands.is_some_and(|demands| demands.minimum_age.is_some() || demands.valid_document)
    }

    /// Why it gets nothing of a person, if its contract demands what they are not.
    pub fn unsuited(&self, account: &Account, today: CivilDate) -> Option<Unsuited> {
        let demands = &self.contract.as_ref()?.document;
        let least =
            demands.minimum_age.filter(|least| account.person.birth_date.age_on(today) < i32::from(*least));
        if let Some(least) = least {
            return Some(Unsuited::TooYoung(least));
        }
        let wrong = demands.valid_document && !account.person.document.is_valid_on(today);
        wrong.then_some(Unsuited::Document)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_is_full_on_the_birthday() {
        let age = |born, today| CivilDate::parse(born).unwrap().age_on(CivilDate::parse(today).unwrap());
        assert_eq!(age("2008-11-27", "2026-11-26"), 17);
        assert_eq!(age("2008-11-27", "2026-11-27"), 18);
        assert_eq!((age("2008-02-29", "2026-02-28"), age("2008-02-29", "2026-03-01")), (17, 18));
    }
}
