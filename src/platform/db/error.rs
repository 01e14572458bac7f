//! Why a statement has no result.

/// The cause of an error.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a statement has no result.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The database is unavailable (503); nothing was written, or the outcome is unknown.
    #[error("the database is unavailable: {0}")]
    Unavailable(#[source] Cause),
    /// A stored row is malformed.
    #[error("a row of `{table}` is corrupt{}: column `{column}`: {what}", in_row(.row.as_deref()))]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: String,
        /// The row's identifier with its column's name, if known.
        row: Option<String>,
        /// What is wrong, without the value.
        #[source]
        what: Cause,
    },
    /// The statement itself failed.
    #[error("a statement failed: {0}")]
    Statement(#[source] Cause),
}

impl DbError {
    pub(crate) fn unavailable(why: impl Into<Cause>) -> Self {
        Self::Unavailable(why.into())
    }

    pub(crate) fn statement(why: impl Into<Cause>) -> Self {
        Self::Statement(why.into())
    }
}

fn in_row(row: Option<&str>) -> String {
    row.map(|row| format!(" ({row})")).unwrap_or_default()
}
