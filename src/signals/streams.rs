//! SQL of the tables `signal_streams` and `signal_exclusions`.

use super::{EventType, Signals};
use crate::clients::ClientId;
use crate::platform::bytes;
use crate::platform::db::{self, DbError, Row, Statement};

const TABLE: &str = "signal_streams";

/// Whether a stream carries events (SSF 1.0 §8.1.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// It does.
    Enabled,
    /// They wait.
    Paused,
    /// There are none.
    Disabled,
}

impl Status {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Enabled, "enabled"), (Self::Paused, "paused"), (Self::Disabled, "disabled")];

    /// Its name on the wire and in the store.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|row| row.0 == self).map_or("disabled", |row| row.1)
    }

    /// The status of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|row| row.1 == name).map(|row| row.0)
    }
}

/// A stream of events to one service.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Its identifier.
    pub id: String,
    /// Whose it is.
    pub client_id: ClientId,
    /// Whether it carries events.
    pub status: Status,
    /// Why, as the service said.
    pub reason: Option<String>,
    /// Where events are pushed; `None` when the service polls.
    pub endpoint: Option<String>,
    /// What is sent as `Authorization` with each push.
    pub authorization: Option<String>,
    /// Which events it carries.
    pub events: Vec<EventType>,
    /// What the service calls it.
    pub description: Option<String>,
}

impl Signals {
    /// A new identifier of a stream.
    pub fn new_stream_id() -> String {
        bytes::random_alphanumeric::<26>()
    }

    /// The stream of a service.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn stream_of(&self, client: &ClientId) -> Result<Option<Stream>, DbError> {
        let one = "SELECT stream_id, client_id, status, status_reason, endpoint, authorization_sealed, events, description \
                   FROM signal_streams WHERE client_id = $1";
        let row = self.db.read_optional(db::statement(one).bind(client.as_str())).await?;
        row.map(|row| self.read(&row)).transpose()
    }

    /// Stores a service's first stream; `false` when it has one.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn create(&self, stream: &Stream) -> Result<bool, DbError> {
        let insert = "INSERT INTO signal_streams (stream_id, client_id, status, status_reason, endpoint, host, \
                      authorization_sealed, events, description) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
                      ON CONFLICT (client_id) DO NOTHING";
        let insert = db::statement(insert)
            .bind(&stream.id)
            .bind(stream.client_id.as_str())
            .bind(stream.status.name())
            .bind(stream.reason.clone())
            .bind(stream.endpoint.clone())
            .bind(host(stream))
            .bind(self.sealed(stream))
            .bind(listed(&stream.events))
            .bind(stream.description.clone());
        Ok(self.db.execute(insert).await? > 0)
    }

    /// Stores how a stream is configured, and from where its waiting events go on; `false` when there is none of its identifier. Its
    /// status stays, whoever changes that in the same moment.
    ///
    /// # Errors
    /// [`DbError`]; then nothing has changed.
    pub async fn configure(&self, stream: &Stream) -> Result<bool, DbError> {
        let update = "UPDATE signal_streams SET endpoint = $1, host = $2, authorization_sealed = $3, events = $4, \
                      description = $5 WHERE stream_id = $6 AND client_id = $7 RETURNING stream_id";
        let update = db::statement(update)
            .bind(stream.endpoint.clone())
            .bind(host(stream))
            .bind(self.sealed(stream))
            .bind(listed(&stream.events))
            .bind(stream.description.clone())
            .bind(&stream.id)
            .bind(stream.client_id.as_str());
        self.changed(update, &stream.id).await
    }

    /// Stores the status of a stream and why; `false` when there is none of its identifier. A disabled one keeps no events, and those of
    /// a paused one wait. How it is configured stays.
    ///
    /// # Errors
    /// [`DbError`]; then nothing has changed.
    pub async fn set_status(&self, stream: &Stream) -> Result<bool, DbError> {
        let update = "UPDATE signal_streams SET status = $1, status_reason = $2 WHERE stream_id = $3 AND client_id = $4 \
                      RETURNING stream_id";
        let update = db::statement(update)
            .bind(stream.status.name())
            .bind(stream.reason.clone())
            .bind(&stream.id)
            .bind(stream.client_id.as_str());
        self.changed(update, &stream.id).await
    }

    /// Changes a stream, and lets what waits for it follow.
    async fn changed(&self, update: Statement, id: &str) -> Result<bool, DbError> {
        let gone = "DELETE FROM signal_events WHERE stream_id = $1 \
                    AND EXISTS (SELECT 1 FROM signal_streams s WHERE s.stream_id = $2 AND s.status = 'disabled')";
        // A paused stream's events are nobody's to send.
        let follow = "UPDATE signal_events SET host = (SELECT CASE WHEN s.status = 'enabled' THEN s.host ELSE '' END \
                      FROM signal_streams s WHERE s.stream_id = $1) WHERE stream_id = $2";
        let then = [gone, follow].map(|change| db::statement(change).bind(id).bind(id));
        let done = self.db.guarded(update, then.into()).await?.is_some();
        self.wake.notify_one();
        Ok(done)
    }

    /// Removes a service's stream and what waits for it; `false` when there is none of that identifier.
    ///
    /// # Errors
    /// [`DbError`]; then nothing has changed.
    pub async fn delete(&self, client: &ClientId, stream: &str) -> Result<bool, DbError> {
        let delete = db::statement(
            "DELETE FROM signal_streams WHERE stream_id = $1 AND client_id = $2 RETURNING stream_id",
        )
        .bind(stream)
        .bind(client.as_str());
        let events = db::statement("DELETE FROM signal_events WHERE stream_id = $1").bind(stream);
        let excluded = db::statement("DELETE FROM signal_exclusions WHERE stream_id = $1").bind(stream);
        Ok(self.db.guarded(delete, vec![events, excluded]).await?.is_some())
    }

    /// Takes the right to a verification event, which a stream has once in `seconds`; `false` when it was used.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn may_verify(&self, stream: &str, seconds: i64) -> Result<bool, DbError> {
        let now = self.clock.now();
        let take = "UPDATE signal_streams SET verified_at = $1 WHERE stream_id = $2 AND verified_at <= $3";
        let take = db::statement(take).bind(now.0).bind(stream).bind(now.minus(seconds).0);
        Ok(self.db.execute(take).await? > 0)
    }

    /// Lets a stream carry no events about a person, as its service knows them, or carry them again.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn exclude(&self, stream: &str, sub: &str, exclude: bool) -> Result<(), DbError> {
        let change = if exclude {
            "INSERT INTO signal_exclusions (stream_id, sub) VALUES ($1, $2) ON CONFLICT (stream_id, sub) DO NOTHING"
        } else {
            "DELETE FROM signal_exclusions WHERE stream_id = $1 AND sub = $2"
        };
        self.db.execute(db::statement(change).bind(stream).bind(sub)).await.map(|_| ())
    }

    /// Whether a stream carries no events about a person.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn is_excluded(&self, stream: &str, sub: &str) -> Result<bool, DbError> {
        let one = "SELECT sub FROM signal_exclusions WHERE stream_id = $1 AND sub = $2";
        Ok(self.db.read_optional(db::statement(one).bind(stream).bind(sub)).await?.is_some())
    }

    fn sealed(&self, stream: &Stream) -> Option<String> {
        let plain = stream.authorization.as_deref()?;
        Some(self.sealer.seal_text(place(&stream.id).as_bytes(), plain.as_bytes()))
    }

    fn read(&self, row: &Row) -> Result<Stream, DbError> {
        let id = db::text(row, TABLE, "stream_id")?;
        let corrupt = |column| row.corrupt(TABLE, column, "it is nothing of this version");
        let authorization = match db::maybe_text(row, TABLE, "authorization_sealed")? {
            None => None,
            Some(sealed) => {
                let plain = self.sealer.open_text(place(&id).as_bytes(), &sealed).ok();
                let plain = plain.and_then(|plain| String::from_utf8(plain).ok());
                Some(plain.ok_or_else(|| corrupt("authorization_sealed"))?)
            }
        };
        let events = db::text(row, TABLE, "events")?;
        Ok(Stream {
            client_id: ClientId::parse(&db::text(row, TABLE, "client_id")?)
                .ok_or_else(|| corrupt("client_id"))?,
            status: Status::parse(&db::text(row, TABLE, "status")?).ok_or_else(|| corrupt("status"))?,
            reason: db::maybe_text(row, TABLE, "status_reason")?,
            endpoint: db::maybe_text(row, TABLE, "endpoint")?,
            authorization,
            events: EventType::ALL.into_iter().filter(|event| contains(&events, *event)).collect(),
            description: db::maybe_text(row, TABLE, "description")?,
            id,
        })
    }
}

fn place(stream: &str) -> String {
    format!("signal_streams/authorization_sealed/{stream}")
}

/// Names between commas, so that one is found by a pattern.
fn listed(events: &[EventType]) -> String {
    let names: Vec<&str> = events.iter().map(|event| event.name()).collect();
    format!(",{},", names.join(","))
}

fn contains(listed: &str, event: EventType) -> bool {
    listed.split(',').any(|name| name == event.name())
}

/// The host to which events are pushed; empty where they are polled, or not pushed now.
fn host(stream: &Stream) -> String {
    let url = stream.endpoint.as_deref().and_then(|endpoint| url::Url::parse(endpoint).ok());
    url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}
