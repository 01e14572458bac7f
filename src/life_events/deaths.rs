//! Deaths (clause 34, R85, R86): the civil registry says that somebody died, and the State Personalisation Centre's record must say so, too.
//! Of two sources that contradict each other nothing ends, and an operator is told.

use super::{Ground34, LifeEvents};
use crate::audit::{Event, Kind};
use crate::mobile_id::exchange::{DeathReport, Exchange, Reported};
use crate::platform::service_error::ServiceError;
use crate::registries::{Asker, ErrorKind, PersonQuery, Registries, RegistryError, Why};

/// Reports that are tried at a time.
const SOME: i64 = 20;

/// What became of a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeathOutcome {
    /// Both sources say so: the enrolment has ended.
    Ended,
    /// The person has no enrolled number.
    NotEnrolled,
    /// The second source says that the person lives.
    Contradicted,
    /// The second source says nothing now: it is asked again.
    Unanswered,
}

/// Learns of deaths, and ends what they end. Cheap to clone.
#[derive(Clone)]
pub struct Deaths {
    /// Reports.
    pub exchange: Exchange,
    /// Both sources.
    pub registries: Registries,
    /// What ends enrolments.
    pub life_events: LifeEvents,
    /// People whom the civil registry is asked about in an hour; 0 for none.
    pub per_hour: u32,
}

impl Deaths {
    /// Settles reports that are due; returns whether there may be more.
    ///
    /// # Errors
    /// [`ServiceError`]; what could not be settled is tried again.
    pub async fn settle_some(&self) -> Result<bool, ServiceError> {
        let due = self.exchange.take_due(SOME).await?;
        let more = due.len() == usize::try_from(SOME).unwrap_or(usize::MAX);
        for report in &due {
            if self.settle(report).await? == DeathOutcome::Unanswered {
                self.exchange.put_off(&report.person).await?;
            }
        }
        Ok(more)
    }

    /// Settles one report.
    ///
    /// # Errors
    /// [`ServiceError`]; then it is tried again.
    pub async fn settle(&self, report: &DeathReport) -> Result<DeathOutcome, ServiceError> {
        let (person, people) = (&report.person, &self.life_events.people);
        let Some(pinfl) = people.pinfl_of_account(person).await? else {
            self.exchange.not_enrolled(person).await?;
            return Ok(DeathOutcome::NotEnrolled);
        };
        let asker = Asker::provider(Why::Upkeep);
        match self.registries.person(&PersonQuery::Pinfl(pinfl), &asker).await {
            Ok(answer) if !answer.value.alive => {
                let also = vec![self.exchange.confirmed(person)];
                if self.life_events.end_enrolment(person, Ground34::Death, also.clone()).await?
                    || self.life_events.close_account(person, also).await?
                {
                    return Ok(DeathOutcome::Ended);
                }
                self.exchange.not_enrolled(person).await?;
                Ok(DeathOutcome::NotEnrolled)
            }
            // What the Centre said a while ago is no contradiction of what was reported now.
            Ok(answer) if answer.kept => Ok(DeathOutcome::Unanswered),
            // Nobody with that PINFL is no confirmation either.
            Ok(_) | Err(RegistryError { kind: ErrorKind::NotFound | ErrorKind::Contradiction(_), .. }) => {
                self.exchange.contradicted(person).await?;
                self.life_events.audit.record(Event::new(Kind::DeathContradicted).person(person.as_str()));
                Ok(DeathOutcome::Contradicted)
            }
            Err(error) => {
                tracing::warn!(event = "deaths.unconfirmed", %error, "a death could not be confirmed and will be tried again");
                Ok(DeathOutcome::Unanswered)
            }
        }
    }

    /// Asks the civil registry about the next people with an enrolled number, for all nodes together about as many in an hour as the settings
    /// say; those who died become reports.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn ask_some(&self) -> Result<(), ServiceError> {
        let Some((seconds, most)) = pace(self.per_hour) else { return Ok(()) };
        let Some(after) = self.exchange.take_turn(seconds).await? else { return Ok(()) };
        let people = &self.life_events.people;
        let some = people.people_with_accounts(&after, most).await?;
        let asker = Asker::provider(Why::Upkeep);
        let (mut reports, mut reached) = (Vec::new(), after);
        let mut all = true;
        for person in &some {
            if let Some(pinfl) = people.pinfl_of_account(person).await? {
                match self.registries.death(&pinfl, &asker).await {
                    Ok(answer) => {
                        if let Some(death) = answer.value {
                            let reported = Reported { day: death.died_on, record: death.certificate };
                            reports.push(self.exchange.report(person, &reported)?);
                        }
                    }
                    Err(error) if error.is_passing() => {
                        tracing::warn!(event = "deaths.unasked", %error, "the civil registry does not answer");
                        all = false;
                        break;
                    }
                    Err(error) => {
                        tracing::warn!(event = "deaths.unread", %error, person.id = person.as_str(), "the civil registry gave no answer about somebody");
                    }
                }
            }
            reached = person.as_str().to_owned();
        }
        self.exchange.store_reports(reports).await?;
        // After the last one it begins anew.
        let is_last = all && i64::try_from(some.len()).unwrap_or(i64::MAX) < most;
        Ok(self.exchange.turn_ended(if is_last { "" } else { &reached }).await?)
    }
}

/// Every how many seconds how many people are asked about: few at a time, so that other questions find their way between.
fn pace(per_hour: u32) -> Option<(i64, i64)> {
    const MINUTE: i64 = 60;
    match i64::from(per_hour) {
        0 => None,
        few @ 1..MINUTE => Some((3600 / few, 1)),
        many => Some((MINUTE, many / MINUTE)),
    }
}

#[cfg(test)]
mod tests {
    use super::pace;

    #[test]
    fn r86_the_pace_is_about_what_the_settings_say() {
        assert_eq!(pace(0), None);
        assert_eq!((pace(1), pace(20)), (Some((3600, 1)), Some((180, 1))));
        assert_eq!((pace(60), pace(6000)), (Some((60, 1)), Some((60, 100))));
    }
}
