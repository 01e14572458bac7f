//! What leaves nothing of the passwords of an account to whoever set them.

use super::Passwords;
use crate::people::PersonId;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, Statement};

impl Passwords {
    /// The statements that take password, chosen login, unused links and open recoveries from an account, of which nothing had confirmed
    /// that it is this person's: `by` is what did so now. The login is the PINFL again, and no delay of before goes on.
    pub fn forgetting(person: &PersonId, by: &str, now: Timestamp) -> Vec<Statement> {
        let id = person.as_str();
        let recoveries = "UPDATE recoveries SET stopped_at = $1, stopped_by = $2 WHERE person_id = $3 AND stopped_at IS NULL";
        vec![
            db::statement("DELETE FROM passwords WHERE person_id = $1").bind(id),
            db::statement("DELETE FROM logins WHERE person_id = $1").bind(id),
            Self::end_links(person, now),
            db::statement(recoveries).bind(now.0).bind(by).bind(id),
            Self::forgive(person),
        ]
    }

    /// The statement that ends every link by which a person could set a first password.
    pub fn end_links(person: &PersonId, now: Timestamp) -> Statement {
        let end = "UPDATE password_links SET used_at = $1 WHERE person_id = $2 AND used_at IS NULL";
        db::statement(end).bind(now.0).bind(person.as_str())
    }
}
