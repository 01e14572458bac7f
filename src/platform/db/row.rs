//! A row of a result, and its columns by name.

use std::sync::Arc;

use super::statement::Value;
use super::{Cause, DbError};

/// A row of a result.
pub struct Row {
    names: Arc<[Box<str>]>,
    values: Vec<Value>,
}

impl Row {
    pub(super) fn new(names: Arc<[Box<str>]>, values: Vec<Value>) -> Self {
        Self { names, values }
    }

    /// The error of a malformed row. It identifies the row by its first identifier column; `what` must not contain the
    /// value.
    pub fn corrupt(&self, table: &'static str, column: &str, what: impl Into<Cause>) -> DbError {
        let id = self.names.iter().zip(&self.values).find_map(|(name, value)| match value {
            Value::Text(Some(id)) if is_identifier(name) => Some(format!("{name} {id}")),
            _ => None,
        });
        DbError::Corrupt { table, column: column.to_owned(), row: id, what: what.into() }
    }

    fn get(&self, table: &'static str, column: &str) -> Result<&Value, DbError> {
        self.names
            .iter()
            .position(|name| **name == *column)
            .and_then(|at| self.values.get(at))
            .ok_or_else(|| self.corrupt(table, column, "it is not in the result"))
    }
}

fn is_identifier(column: &str) -> bool {
    column == "kid" || column.ends_with("_id")
}

/// Reads a TEXT column.
///
/// # Errors
/// [`DbError::Corrupt`] if it is missing or not text.
pub fn text(row: &Row, table: &'static str, column: &str) -> Result<String, DbError> {
    maybe_text(row, table, column)?.ok_or_else(|| row.corrupt(table, column, "it is NULL"))
}

/// Reads a BIGINT column.
///
/// # Errors
/// [`DbError::Corrupt`] if it is missing or not a number.
pub fn int(row: &Row, table: &'static str, column: &str) -> Result<i64, DbError> {
    maybe_int(row, table, column)?.ok_or_else(|| row.corrupt(table, column, "it is NULL"))
}

/// Reads a nullable TEXT column.
///
/// # Errors
/// [`DbError::Corrupt`] if it is missing or not text.
pub fn maybe_text(row: &Row, table: &'static str, column: &str) -> Result<Option<String>, DbError> {
    match row.get(table, column)? {
        Value::Text(text) => Ok(text.clone()),
        Value::Int(None) => Ok(None),
        Value::Int(Some(_)) => Err(row.corrupt(table, column, "it is a number, not text")),
    }
}

/// Reads a nullable BIGINT column.
///
/// # Errors
/// [`DbError::Corrupt`] if it is missing or not a number.
pub fn maybe_int(row: &Row, table: &'static str, column: &str) -> Result<Option<i64>, DbError> {
    match row.get(table, column)? {
        Value::Int(number) => Ok(*number),
        Value::Text(None) => Ok(None),
        Value::Text(Some(_)) => Err(row.corrupt(table, column, "it is text, not a number")),
    }
}

/// Reads JSON from a TEXT column.
///
/// # Errors
/// [`DbError::Corrupt`] if it is missing or does not deserialise.
pub fn json<T: serde::de::DeserializeOwned>(
    row: &Row,
    table: &'static str,
    column: &str,
) -> Result<T, DbError> {
    let Value::Text(Some(text)) = row.get(table, column)? else {
        return Err(row.corrupt(table, column, "it is not text"));
    };
    serde_json::from_str(text).map_err(|error| match error.classify() {
        // Its message would quote the value.
        serde_json::error::Category::Data => {
            row.corrupt(table, column, format!("its JSON has another shape, at character {}", error.column()))
        }
        _ => row.corrupt(table, column, error),
    })
}

/// What is read of a list in which each row stands for itself. A row that cannot be read keeps back no other: it is logged
/// and left out.
pub fn readable<'a, T>(
    rows: impl IntoIterator<Item = &'a Row>,
    read: impl Fn(&Row) -> Result<T, DbError>,
) -> Vec<T> {
    rows.into_iter().filter_map(|row| read(row).inspect_err(left_out).ok()).collect()
}

/// Logs that a row cannot be read and that what goes through its list went on without it.
pub fn left_out(error: &DbError) {
    tracing::error!(event = "database.unreadable", %error, "a row cannot be read and is left out");
}

/// JSON for a TEXT column.
///
/// # Errors
/// [`DbError::Statement`] if the value cannot be serialised.
pub fn to_json<T: serde::Serialize>(value: &T) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(DbError::statement)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(columns: &[(&str, Value)]) -> Row {
        let names = columns.iter().map(|(name, _)| Box::from(*name)).collect();
        Row::new(names, columns.iter().map(|(_, value)| value.clone()).collect())
    }

    #[test]
    fn columns_are_read_by_name_and_type() {
        let row = row(&[
            ("a", Value::from("x")),
            ("b", Value::from(7)),
            ("c", Value::Text(None)),
            ("d", Value::from("[1,2]")),
        ]);
        assert_eq!(text(&row, "t", "a").unwrap(), "x");
        assert_eq!(int(&row, "t", "b").unwrap(), 7);
        // A NULL has no type of its own.
        assert_eq!((maybe_text(&row, "t", "c").unwrap(), maybe_int(&row, "t", "c").unwrap()), (None, None));
        assert_eq!(json::<Vec<i64>>(&row, "t", "d").unwrap(), [1, 2]);
    }

    #[test]
    fn what_is_corrupt_is_named_by_table_column_and_row_without_its_value() {
        let row = row(&[
            ("sealed", Value::from("\"secret\"")),
            ("grant_id", Value::from("g1")),
            ("n", Value::from("secret")),
        ]);
        for (error, column) in [
            (int(&row, "grants", "n").unwrap_err(), "n"),
            (text(&row, "grants", "missing").unwrap_err(), "missing"),
            (json::<i64>(&row, "grants", "sealed").unwrap_err(), "sealed"),
        ] {
            let said = error.to_string();
            assert!(said.contains("`grants`") && said.contains(&format!("`{column}`")), "{said}");
            assert!(said.contains("grant_id g1") && !said.contains("secret"), "{said}");
        }
    }
}
