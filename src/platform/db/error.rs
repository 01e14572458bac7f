//! Why a statement has no result.

/// What lies beneath an error.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a statement has no result.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The database cannot be reached now; nothing was written, or it is not known to be (503).
    #[error("the database is unavailable: {0}")]
    Unavailable(#[source] Cause),
    /// A stored row does not have the shape it was written with.
    #[error("a row of `{table}` is corrupt{}: column `{column}`: {what}", in_row(.row))]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: String,
        /// The row's identifier, with the name of the column that holds it, where it is known.
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

fn in_row(row: &Option<String>) -> String {
    row.as_ref().map(|row| format!(" ({row})")).unwrap_or_default()
}
