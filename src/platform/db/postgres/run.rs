//! Statements over one connection, and what their errors mean for it.

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::{
    Arguments as _, Column as _, Decode, Either, Executor as _, Postgres, Row as _, TypeInfo as _,
    ValueRef as _,
};

use crate::platform::db::statement::{Statement, Value};
use crate::platform::db::{Done, Row};
use crate::platform::telemetry::Metrics;

/// What an error says about the connection and the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// The server is unavailable or shutting down.
    Lost,
    /// This connection leads to a server that takes no writes, such as one that became a standby, or was ended by it; a new
    /// one may lead to its successor.
    Connection,
    /// A transient error; the connection is still usable.
    Moment,
    /// An error of the statement itself.
    Statement,
}

/// Runs one statement: one round trip, and two more the first time on a connection.
pub(super) async fn statement(
    connection: &mut PgConnection,
    metrics: &Metrics,
    statement: Statement,
) -> Result<Done, sqlx::Error> {
    metrics.count_statement();
    let mut arguments = PgArguments::default();
    for value in statement.values {
        match value {
            Value::Text(text) => arguments.add(text),
            Value::Int(number) => arguments.add(number),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    let mut results = connection.fetch_many(sqlx::query_with(statement.sql, arguments));
    let mut done = Done::default();
    let mut names: Option<Arc<[Box<str>]>> = None;
    while let Some(result) = results.try_next().await? {
        match result {
            Either::Left(summary) => done.touched += summary.rows_affected(),
            Either::Right(row) => {
                let names = names.get_or_insert_with(|| {
                    row.columns().iter().map(|column| Box::from(column.name())).collect()
                });
                done.rows.push(Row::new(Arc::clone(names), values(&row)?));
            }
        }
    }
    Ok(done)
}

/// Runs several statements in a transaction, which ends here or when the connection is cleaned up.
pub(super) async fn transaction(
    connection: &mut PgConnection,
    metrics: &Metrics,
    (hold, guard): (Vec<Statement>, Option<Statement>),
    then: Vec<Statement>,
) -> Result<Done, sqlx::Error> {
    command(connection, metrics, "BEGIN").await?;
    for hold in hold {
        self::statement(connection, metrics, hold).await?;
    }
    let mut done = Done::default();
    if let Some(guard) = guard {
        done = self::statement(connection, metrics, guard).await?;
        if done.rows.is_empty() {
            command(connection, metrics, "ROLLBACK").await?;
            return Ok(done);
        }
    }
    for next in then {
        done.touched += self::statement(connection, metrics, next).await?.touched;
    }
    command(connection, metrics, "COMMIT").await?;
    Ok(done)
}

async fn command(
    connection: &mut PgConnection,
    metrics: &Metrics,
    sql: &'static str,
) -> Result<(), sqlx::Error> {
    metrics.count_statement();
    sqlx::raw_sql(sql).execute(connection).await.map(|_| ())
}

fn values(row: &PgRow) -> Result<Vec<Value>, sqlx::Error> {
    (0..row.len()).map(|at| value(row, at)).collect()
}

fn value(row: &PgRow, at: usize) -> Result<Value, sqlx::Error> {
    let raw = row.try_get_raw(at)?;
    if raw.is_null() {
        return Ok(Value::Text(None));
    }
    let kind = raw.type_info();
    let decoded = match kind.name() {
        "TEXT" => <&str as Decode<Postgres>>::decode(raw).map(Value::from),
        "INT8" => <i64 as Decode<Postgres>>::decode(raw).map(Value::from),
        other => Err(format!("{other} is neither TEXT nor BIGINT").into()),
    };
    decoded.map_err(|source| sqlx::Error::ColumnDecode { index: row.column(at).name().to_owned(), source })
}

/// Classifies an error of a statement.
pub(super) fn fault(error: &sqlx::Error) -> Fault {
    use sqlx::Error as E;
    match error {
        E::Io(_) | E::Tls(_) | E::Protocol(_) | E::WorkerCrashed => Fault::Lost,
        E::Database(inner) => inner.code().map_or(Fault::Statement, |code| fault_of(&code)),
        _ => Fault::Statement,
    }
}

/// Classifies an error of connecting: the server is unavailable, unless it has too many connections.
pub(super) fn fault_of_connecting(error: &sqlx::Error) -> Fault {
    match error {
        sqlx::Error::Database(inner) if inner.code().is_some_and(|code| code.starts_with("53")) => {
            Fault::Moment
        }
        _ => Fault::Lost,
    }
}

/// By PostgreSQL's codes (Appendix A of its manual).
fn fault_of(code: &str) -> Fault {
    let class = |classes: &[&str]| classes.iter().any(|class| code.starts_with(class));
    if class(&["57P", "08"]) {
        // Shutting down or starting; connection lost.
        Fault::Lost
    } else if class(&["25006", "25P03"]) {
        // A read-only server; a transaction that nobody went on with.
        Fault::Connection
    } else if class(&["53", "40", "57014", "55P03"]) {
        // Out of resources; a deadlock or another reason to retry; a timeout.
        Fault::Moment
    } else {
        Fault::Statement
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_tell_a_lost_server_from_a_wrong_statement() {
        for (code, fault) in [
            ("57P01", Fault::Lost),
            ("57P03", Fault::Lost),
            ("08006", Fault::Lost),
            ("25006", Fault::Connection),
            ("25P03", Fault::Connection),
            ("53300", Fault::Moment),
            ("40P01", Fault::Moment),
            ("57014", Fault::Moment),
            ("23505", Fault::Statement),
            ("42P01", Fault::Statement),
            ("25P02", Fault::Statement),
        ] {
            assert_eq!(fault_of(code), fault, "{code}");
        }
    }
}
