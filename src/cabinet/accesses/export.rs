//! The list as a file: a copy that leaves this provider, so it wants a fresh proof.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::super::visit::{Proof, Visit};
use super::super::{Cabinet, words};
use super::{Row, Wanted, row, rows};
use crate::platform::pdf::{Paper, PdfError, Style};
use crate::platform::service_error::ServiceError;

/// Rows of a table.
const MOST_ROWS: usize = 10_000;

/// Rows of a document to be read: some hundred pages.
const MOST_PRINTED: usize = 1_000;

/// What is exported, and whether there is more.
async fn exported(
    cabinet: &Cabinet,
    visit: &Visit<'_>,
    most: usize,
) -> Result<(Vec<Row>, bool), ServiceError> {
    let (found, more) = rows(cabinet, visit, &Wanted::of(visit), (most, MOST_ROWS)).await?;
    Ok((found.iter().map(|listed| row(cabinet, visit, listed)).collect(), more.is_some()))
}

/// `/cabinet/accesses.csv`: the list as a table for other programs.
pub(in crate::cabinet) async fn csv(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    cabinet
        .show(&request, Proof::Fresh, async |visit| {
            let (rows, more) = exported(&cabinet, visit, MOST_ROWS).await?;
            let text = visit.context.text();
            // Spreadsheets read UTF-8 by this mark alone.
            let mut table = String::from("\u{feff}");
            let titles = [
                text.get("cabinet.when"),
                text.get("cabinet.service"),
                text.get("cabinet.owner"),
                text.get("cabinet.data"),
                text.get("cabinet.fields"),
                text.get("consent.purpose"),
                text.get("cabinet.by"),
                text.get("cabinet.way"),
                text.get("cabinet.contract"),
                text.get("cabinet.entry"),
            ];
            write_line(&mut table, titles);
            for row in &rows {
                let when = row.at.to_rfc3339();
                write_line(
                    &mut table,
                    [
                        when.as_str(),
                        row.service.name.as_str(),
                        row.service.owner.as_str(),
                        row.data.as_str(),
                        row.fields.as_str(),
                        row.purpose.as_str(),
                        row.basis,
                        row.channel,
                        row.contract.as_str(),
                        row.id.as_str(),
                    ],
                );
            }
            if more {
                // Nobody is to take it for the whole.
                write_line(&mut table, [text.get("cabinet.table_goes_on")]);
            }
            Ok(words::file("text/csv; charset=utf-8", "yagona-accesses.csv", table))
        })
        .await
}

/// A line of RFC 4180. What a spreadsheet would take for a formula is made text.
fn write_line<'a>(table: &mut String, cells: impl IntoIterator<Item = &'a str>) {
    for (n, cell) in cells.into_iter().enumerate() {
        let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
        table.push_str(if n > 0 { ",\"" } else { "\"" });
        table.push_str(if formula { "'" } else { "" });
        table.push_str(&cell.replace('"', "\"\""));
        table.push('"');
    }
    table.push_str("\r\n");
}

/// `/cabinet/accesses.pdf`: the list to be read, printed and shown.
pub(in crate::cabinet) async fn pdf(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    cabinet
        .show(&request, Proof::Fresh, async |visit| {
            let (rows, more) = exported(&cabinet, visit, MOST_PRINTED).await?;
            let text = visit.context.text();
            let words = Words {
                title: text.get("cabinet.accesses"),
                language: visit.context.language.tag(),
                made: text.with("cabinet.made_at", &[("when", &words::moment(visit, visit.now))]),
                labels: [
                    text.get("cabinet.owner"),
                    text.get("cabinet.data"),
                    text.get("consent.purpose"),
                    text.get("cabinet.by"),
                    text.get("cabinet.way"),
                    text.get("cabinet.contract"),
                    text.get("cabinet.entry"),
                ],
                end: if rows.is_empty() { Some(text.get("cabinet.accesses_empty")) } else { None }
                    .or_else(|| more.then(|| text.get("cabinet.table_goes_on"))),
            };
            // Measuring its words takes longer than others should wait for on this thread.
            let made = actix_web::web::block(move || print(&words, &rows)).await;
            let file = made.map_err(|error| ServiceError::Internal(error.to_string()))?;
            let file = file.map_err(|error| ServiceError::Internal(error.to_string()))?;
            Ok(words::file("application/pdf", "yagona-accesses.pdf", file))
        })
        .await
}

/// What is written around the rows.
struct Words {
    title: &'static str,
    language: &'static str,
    made: String,
    labels: [&'static str; 7],
    end: Option<&'static str>,
}

fn print(words: &Words, rows: &[Row]) -> Result<Vec<u8>, PdfError> {
    let mut paper = Paper::new(words.title, words.language)?;
    paper.paragraph(Style::Plain, &words.made);
    for row in rows {
        paper.paragraph(Style::Strong, &format!("{} · {}", row.when, row.service.name));
        let facts = [
            row.service.owner.as_str(),
            &row.data,
            &row.purpose,
            row.basis,
            row.channel,
            &row.contract,
            &row.id,
        ];
        for (label, fact) in words.labels.iter().zip(facts).filter(|(_, fact)| !fact.is_empty()) {
            paper.paragraph(Style::Plain, &format!("{label}: {fact}"));
        }
    }
    if let Some(end) = words.end {
        paper.paragraph(Style::Strong, end);
    }
    Ok(paper.finish())
}

#[cfg(test)]
mod tests {
    use super::write_line;

    #[test]
    fn a_cell_stays_a_cell_and_never_becomes_a_formula() {
        let mut table = String::new();
        write_line(&mut table, ["a, b", "say \"so\"", "=1+1", ""]);
        assert_eq!(table, "\"a, b\",\"say \"\"so\"\"\",\"'=1+1\",\"\"\r\n");
    }
}
