//! One connection to the database file, used by one thread at a time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql};
use tokio::time::Instant;

use crate::platform::db::statement::{Statement, Value};
use crate::platform::db::{DbError, Done, Row};

/// `synchronous = FULL`: acknowledged changes survive a power failure, not only a crash of the process.
/// The file is not mapped into memory: a reader would map it anew after every commit of the writer.
const SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; \
     PRAGMA cache_size = -8000; \
     PRAGMA wal_autocheckpoint = 4000;";

/// More than the program has statements.
const CACHED_STATEMENTS: usize = 200;

/// Steps of SQLite's virtual machine between checks of the timeout.
const STEPS: i32 = 10_000;

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::platform::db) enum Purpose {
    /// Changes; creates the file if missing.
    Write,
    /// Reads only.
    Read,
}

/// A connection whose statements time out.
pub(super) struct Session {
    connection: Connection,
    longest: Duration,
    opened: Instant,
    /// The deadline of the running statement, in milliseconds since `opened`.
    ends_at: Arc<AtomicU64>,
    /// The names of the columns of each statement that returned rows.
    columns: RefCell<HashMap<Place, Names>>,
    /// Which value each parameter of a statement takes, in SQLite's order.
    parameters: RefCell<HashMap<Place, Arc<[usize]>>>,
}

/// Where a statement's text is in the program: cheaper to look up than the text, which may be long.
type Place = (usize, usize);

fn place(sql: &'static str) -> Place {
    (sql.as_ptr().addr(), sql.len())
}

type Names = Arc<[Box<str>]>;

/// Opens the file at `path`, which may have SQLite URI parameters after a `?`.
pub(in crate::platform::db) fn open(path: &str, purpose: Purpose) -> Result<Connection, rusqlite::Error> {
    let mut flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    if purpose == Purpose::Write {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let name =
        if path.contains('?') { PathBuf::from(format!("file:{path}")) } else { Path::new(path).into() };
    let connection = Connection::open_with_flags(name, flags)?;
    connection.execute_batch(SETTINGS)?;
    // Plans do not depend on bound values: otherwise SQLite prepares such a statement anew each time that it runs.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    if purpose == Purpose::Read {
        connection.execute_batch("PRAGMA query_only = ON")?;
    }
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    Ok(connection)
}

impl Session {
    /// A session whose statements time out after `longest`.
    pub(super) fn open(path: &str, purpose: Purpose, longest: Duration) -> Result<Self, rusqlite::Error> {
        let mut connection = open(path, purpose)?;
        let (opened, ends_at) = (Instant::now(), Arc::new(AtomicU64::new(u64::MAX)));
        let end = Arc::clone(&ends_at);
        let too_late = move || milliseconds(opened.elapsed()) > end.load(Ordering::Relaxed);
        connection.progress_handler(STEPS, Some(too_late))?;
        let (columns, parameters) = Default::default();
        Ok(Self { connection, longest, opened, ends_at, columns, parameters })
    }

    /// Runs a statement until it is done or has returned `most` rows.
    pub(super) fn run(&self, statement: &Statement, most: usize) -> Result<Done, rusqlite::Error> {
        self.ends_at.store(milliseconds(self.opened.elapsed() + self.longest), Ordering::Relaxed);
        let mut prepared = self.connection.prepare_cached(statement.sql)?;
        self.bind(&mut prepared, statement)?;
        let mut found = prepared.raw_query();
        let mut names: Option<Names> = None;
        let mut rows = Vec::new();
        while rows.len() < most
            && let Some(row) = found.next()?
        {
            let names = names.get_or_insert_with(|| self.names(statement.sql, row.as_ref()));
            let values = (0..names.len()).map(|at| value(row, at, names)).collect::<Result<_, _>>()?;
            rows.push(Row::new(Arc::clone(names), values));
        }
        drop(found);
        Ok(Done { rows, touched: self.connection.changes() })
    }

    /// The names of a statement's columns. They are the same whenever it runs: a migration that changes what `*` means
    /// comes with other statements.
    fn names(&self, sql: &'static str, statement: &rusqlite::Statement<'_>) -> Names {
        let mut columns = self.columns.borrow_mut();
        let names = columns.entry(place(sql));
        Arc::clone(names.or_insert_with(|| statement.column_names().map(Box::from).collect()))
    }

    fn bind(
        &self,
        prepared: &mut rusqlite::Statement<'_>,
        statement: &Statement,
    ) -> Result<(), rusqlite::Error> {
        let known = self.parameters.borrow().get(&place(statement.sql)).map(Arc::clone);
        let parameters = match known {
            Some(known) => known,
            None => {
                let found = parameters(prepared)?;
                self.parameters.borrow_mut().insert(place(statement.sql), Arc::clone(&found));
                found
            }
        };
        let wrong = || rusqlite::Error::InvalidParameterCount(statement.values.len(), parameters.len());
        if parameters.len() != statement.values.len() {
            return Err(wrong());
        }
        for (at, value) in parameters.iter().enumerate() {
            prepared.raw_bind_parameter(at + 1, statement.values.get(*value).ok_or_else(wrong)?)?;
        }
        Ok(())
    }

    /// Runs a statement that has no values and no rows.
    pub(super) fn command(&self, sql: &'static str) -> Result<(), rusqlite::Error> {
        self.run(&super::super::statement(sql), usize::MAX).map(|_| ())
    }

    /// Whether a transaction is open.
    pub(super) fn in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }
}

/// Which value each parameter takes: SQLite numbers them as they appear and takes `$2` for a name. Here it is the second
/// value, as in PostgreSQL. Asking for names takes longer than binding, so it is done once for each statement.
fn parameters(prepared: &rusqlite::Statement<'_>) -> Result<Arc<[usize]>, rusqlite::Error> {
    let value_of = |at| {
        let name = prepared.parameter_name(at).unwrap_or_default();
        let number = name.strip_prefix('$').and_then(|number| number.parse::<usize>().ok());
        let value = number.and_then(|number| number.checked_sub(1));
        value.ok_or_else(|| rusqlite::Error::InvalidParameterName(name.to_owned()))
    };
    (1..=prepared.parameter_count()).map(value_of).collect()
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn value(row: &rusqlite::Row<'_>, at: usize, names: &[Box<str>]) -> Result<Value, rusqlite::Error> {
    match row.get_ref(at)? {
        ValueRef::Null => Ok(Value::Text(None)),
        ValueRef::Integer(number) => Ok(Value::Int(Some(number))),
        ValueRef::Text(text) => {
            std::str::from_utf8(text).map(Value::from).map_err(|error| rusqlite::Error::Utf8Error(at, error))
        }
        other => Err(rusqlite::Error::InvalidColumnType(at, names[at].to_string(), other.data_type())),
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Text(Some(text)) => ValueRef::Text(text.as_bytes()),
            Self::Int(Some(number)) => ValueRef::Integer(*number),
            Self::Text(None) | Self::Int(None) => ValueRef::Null,
        }))
    }
}

/// Classifies an error: of the statement itself, or of an unavailable file.
pub(super) fn classify(error: rusqlite::Error) -> DbError {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::ReadOnly
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::OutOfMemory
            | ErrorCode::OperationInterrupted,
        ) => DbError::unavailable(error),
        _ => DbError::statement(error),
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn what_hinders_every_statement_is_told_from_what_is_wrong_with_one() {
        let classified = |code| classify(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        for code in [
            ffi::SQLITE_BUSY,
            ffi::SQLITE_BUSY_SNAPSHOT,
            ffi::SQLITE_LOCKED,
            ffi::SQLITE_FULL,
            ffi::SQLITE_READONLY,
            ffi::SQLITE_IOERR,
            ffi::SQLITE_IOERR_FSYNC,
        ] {
            assert!(matches!(classified(code), DbError::Unavailable(_)), "{code}");
        }
        for code in
            [ffi::SQLITE_CONSTRAINT, ffi::SQLITE_CONSTRAINT_UNIQUE, ffi::SQLITE_ERROR, ffi::SQLITE_CORRUPT]
        {
            assert!(matches!(classified(code), DbError::Statement(_)), "{code}");
        }
    }
}
