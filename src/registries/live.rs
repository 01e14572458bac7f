//! Values of data sets as their registers have them now, with their date (679 A3-2 to A3-4): address, taxpayer number, job. Where a register is not
//! connected, does not answer or does not know the person, what the record has stays, with the date that it has.

use super::query::{AddressQuery, JobQuery, TinQuery};
use super::{Answer, Asker, RegisterName, Registries};
use crate::people::{CivilDate, DataSet, Origin, Person};

impl Registries {
    /// A person's record with the values of a data set from its register; `None` where the record has to do. The answer may be an earlier one
    /// that is still fresh: its day is the value's.
    pub async fn live(&self, person: &Person, set: DataSet, asker: &Asker) -> Option<Person> {
        let pinfl = person.pinfl.clone();
        let mut person = person.clone();
        let origin = match set {
            DataSet::Address | DataSet::TemporaryAddress => {
                let answer = self.address(&AddressQuery::Pinfl(pinfl), asker).await.ok()?;
                let origin = origin(&answer);
                // The register says both at once: nothing there is nothing now.
                if set == DataSet::Address {
                    person.address = answer.value.permanent;
                } else {
                    person.temporary_address = answer.value.temporary;
                }
                origin
            }
            DataSet::Tin => {
                let answer = self.tin(&TinQuery::Pinfl(pinfl), asker).await.ok()?;
                let origin = origin(&answer);
                person.tin = Some(answer.value);
                origin
            }
            DataSet::Employment => {
                let answer = self.job(&JobQuery::Pinfl(pinfl), asker).await.ok()?;
                // The register does not tell who has no job from whom it does not know.
                answer.value.as_ref()?;
                let origin = origin(&answer);
                person.employment = answer.value.map(|job| job.employment);
                origin
            }
            _ => return None,
        };
        person.origins.insert(set, origin?);
        Some(person)
    }

    /// Whether a data set has a register that is connected.
    pub fn is_live(&self, set: DataSet) -> bool {
        match set {
            DataSet::Address | DataSet::TemporaryAddress => self.is_connected(RegisterName::Interior),
            DataSet::Tin => self.is_connected(RegisterName::Tax),
            DataSet::Employment => self.is_connected(RegisterName::Employment),
            _ => false,
        }
    }
}

fn origin<T>(answer: &Answer<T>) -> Option<Origin> {
    let source = answer.register.of_annex_3()?;
    Some(Origin { source, as_of: Some(CivilDate::of(answer.as_of)) })
}
