//! SQL of the table `muted_services`: of which services a person wants no messages that ask them to approve something.

use super::People;
use crate::people::PersonId;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, DbError, Row, Statement};

impl People {
    /// Whether a person wants no such messages of a client at `now`.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn is_muted(&self, id: &PersonId, client: &str, now: Timestamp) -> Result<bool, DbError> {
        let muted =
            "SELECT until_at FROM muted_services WHERE person_id = $1 AND client_id = $2 AND until_at > $3";
        let row = db::statement(muted).bind(id.as_str()).bind(client).bind(now.0);
        Ok(self.db.read_optional(row).await?.is_some())
    }

    /// Keeps messages of a client from a person until `until`, or for longer if they asked for that before, together with
    /// `then`, all or nothing.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn mute(
        &self,
        id: &PersonId,
        client: &str,
        until: Timestamp,
        then: Vec<Statement>,
    ) -> Result<(), DbError> {
        let mute = "INSERT INTO muted_services (person_id, client_id, until_at) VALUES ($1, $2, $3) \
                    ON CONFLICT (person_id, client_id) DO UPDATE SET until_at = \
                    CASE WHEN muted_services.until_at > excluded.until_at THEN muted_services.until_at \
                    ELSE excluded.until_at END";
        let mut all = vec![db::statement(mute).bind(id.as_str()).bind(client).bind(until.0)];
        all.extend(then);
        self.db.all_or_nothing(all).await
    }

    /// The clients that a person keeps away at `now`, each with the moment until when.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn muted(&self, id: &PersonId, now: Timestamp) -> Result<Vec<(String, Timestamp)>, DbError> {
        let muted = "SELECT client_id, until_at FROM muted_services WHERE person_id = $1 AND until_at > $2 \
                     ORDER BY client_id";
        let rows = self.db.read_all(db::statement(muted).bind(id.as_str()).bind(now.0)).await?;
        let read = |row: &Row| {
            Ok((
                db::text(row, "muted_services", "client_id")?,
                Timestamp(db::int(row, "muted_services", "until_at")?),
            ))
        };
        rows.iter().map(read).collect()
    }

    /// Lets messages of a client reach a person again, together with `then`, all or nothing; `false` when they were not kept
    /// away.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn unmute(&self, id: &PersonId, client: &str, then: Vec<Statement>) -> Result<bool, DbError> {
        let unmute = "DELETE FROM muted_services WHERE person_id = $1 AND client_id = $2 RETURNING client_id";
        let unmute = db::statement(unmute).bind(id.as_str()).bind(client);
        Ok(self.db.guarded(unmute, then).await?.is_some())
    }

    /// Deletes what is over at `now`; returns how many rows, at most `most`.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn purge_muted(&self, now: Timestamp, most: i64) -> Result<u64, DbError> {
        let purge = "DELETE FROM muted_services WHERE (person_id, client_id) IN \
                     (SELECT person_id, client_id FROM muted_services WHERE until_at <= $1 ORDER BY until_at LIMIT $2)";
        self.db.execute(db::statement(purge).bind(now.0).bind(most)).await
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::people;
    use super::*;

    #[actix_web::test]
    async fn a_service_is_muted_for_one_person_until_the_later_end() {
        let (people, _db) = people().await;
        let (one, other) = (PersonId::random(), PersonId::random());
        people.mute(&one, "shop", Timestamp(100), Vec::new()).await.unwrap();
        people.mute(&one, "shop", Timestamp(50), Vec::new()).await.unwrap();
        let muted =
            async |who: &PersonId, client, now| people.is_muted(who, client, Timestamp(now)).await.unwrap();
        assert!(muted(&one, "shop", 99).await && !muted(&one, "shop", 100).await);
        assert!(!muted(&one, "bank", 1).await && !muted(&other, "shop", 1).await);
        people.mute(&one, "bank", Timestamp(90), Vec::new()).await.unwrap();
        let both = [("bank".to_owned(), Timestamp(90)), ("shop".to_owned(), Timestamp(100))];
        assert_eq!(people.muted(&one, Timestamp(1)).await.unwrap(), both);
        assert_eq!(people.muted(&one, Timestamp(90)).await.unwrap(), both[1..]);
        assert!(
            people.unmute(&one, "bank", Vec::new()).await.unwrap()
                && !people.unmute(&one, "bank", Vec::new()).await.unwrap()
        );
        assert!(!muted(&one, "bank", 1).await && muted(&one, "shop", 1).await);
        assert_eq!(people.purge_muted(Timestamp(99), 10).await.unwrap(), 0);
        assert_eq!(people.purge_muted(Timestamp(100), 10).await.unwrap(), 1);
    }
}
