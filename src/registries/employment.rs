//! Present jobs: the ministry of employment (679 A3-4).

use serde_json::{Value, json};

use super::error::{Contradiction, ErrorKind, RegisterName, RegistryError};
use super::line::Repeat;
use super::query::JobQuery;
use super::wire::{self, Flag, Heard};
use super::{Answer, Asker, Registries};
use crate::people::{CivilDate, Employment, Tin};

/// A present job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Employer and position.
    pub employment: Employment,
    /// Since when.
    pub since: Option<CivilDate>,
    /// The employer's order: its number as the register writes it.
    pub order: Option<String>,
}

const FLAGS: [Flag; 2] = [Flag("success", &["true", "1"]), Flag("result_code", &["1"])];

impl Registries {
    /// A person's present job, the latest of several; `None` for who has none (R111).
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn job(&self, query: &JobQuery, asker: &Asker) -> Result<Answer<Option<Job>>, RegistryError> {
        let line = self.line(RegisterName::Employment)?;
        let JobQuery::Pinfl(pinfl) = query;
        let call =
            line.post("/labour/service/citizenhistory/v1", json!({ "pin": pinfl.digits() }), Repeat::May);
        self.ask(line, asker, &["job", pinfl.digits()], call, read).await
    }
}

pub(super) fn read(heard: &Heard) -> Result<Option<Job>, ErrorKind> {
    let data = match wire::judged(heard, &FLAGS, &["data", "items", "results"]) {
        Ok((data, _)) => data,
        Err(ErrorKind::NotFound) => return Ok(None),
        Err(other) => return Err(other),
    };
    let jobs = data.as_array().ok_or(ErrorKind::Contradiction(Contradiction::Form))?;
    let present = jobs.iter().take(1000).filter(|job| wire::member(job, "end_date").is_none());
    let latest = present.max_by_key(|job| wire::day(job, "start_date"));
    latest.map(job).transpose()
}

fn job(entry: &Value) -> Result<Job, ErrorKind> {
    const FORM: ErrorKind = ErrorKind::Contradiction(Contradiction::Form);
    let tin = wire::text(entry, "company_tin").and_then(|tin| Tin::try_from(tin).ok());
    Ok(Job {
        employment: Employment {
            employer: wire::text(entry, "company_name").ok_or(FORM)?,
            employer_tin: tin.ok_or(FORM)?,
            position: wire::text(entry, "position").ok_or(FORM)?,
        },
        since: wire::day(entry, "start_date"),
        order: wire::text(entry, "order_number"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::StatusCode;

    #[test]
    fn r111_the_latest_present_job_counts_and_an_ended_one_does_not() {
        let read = |data: Value| {
            read(&Heard { status: StatusCode::OK, body: json!({"success": true, "data": data}) })
        };
        let job = |name: &str, start: &str, end: Value| {
            json!({"company_name": name, "company_tin": "301234567", "position": "Muhandis",
                   "start_date": start, "end_date": end, "order_number": "12-k"})
        };
        let found = read(json!([
            job("Oldin", "2010-01-01", json!("2015-01-01")),
            job("Hozir", "2020-02-02", Value::Null),
            job("Ilgari", "2016-01-01", Value::Null),
        ]));
        let found = found.unwrap().unwrap();
        assert_eq!((found.employment.employer.as_str(), found.order.as_deref()), ("Hozir", Some("12-k")));
        assert_eq!(read(json!([job("Oldin", "2010-01-01", json!("2015-01-01"))])), Ok(None));
        assert_eq!(read(json!([])), Ok(None));
        assert_eq!(
            read(json!([{"company_name": "X", "end_date": null}])),
            Err(ErrorKind::Contradiction(Contradiction::Form))
        );
    }
}
