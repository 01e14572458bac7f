-- Valid on PostgreSQL and SQLite. It only adds.

-- Streams of security events to services (Shared Signals Framework 1.0), one for each service at most. `events` are short names
-- between commas, `authorization_sealed` what a receiver wants in the header of each push. Times are seconds.
CREATE TABLE signal_streams (
    stream_id            TEXT   NOT NULL PRIMARY KEY,
    client_id            TEXT   NOT NULL UNIQUE,
    status               TEXT   NOT NULL,
    status_reason        TEXT,
    endpoint             TEXT,
    host                 TEXT   NOT NULL,
    authorization_sealed TEXT,
    events               TEXT   NOT NULL,
    description          TEXT,
    verified_at          BIGINT NOT NULL DEFAULT 0
);

-- People of whom a service wants no events, as it knows them.
CREATE TABLE signal_exclusions (
    stream_id TEXT NOT NULL,
    sub       TEXT NOT NULL,
    PRIMARY KEY (stream_id, sub)
);

-- Events that services were not told yet: stored in the transaction of what they tell of, gone when they are acknowledged or after a
-- week. `host` is empty for those that the service polls, which no node sends. Until `leased_until` a node has the row.
CREATE TABLE signal_events (
    jti          TEXT   NOT NULL PRIMARY KEY,
    stream_id    TEXT   NOT NULL,
    client_id    TEXT   NOT NULL,
    person_id    TEXT,
    event        TEXT   NOT NULL,
    payload      TEXT   NOT NULL,
    txn          TEXT   NOT NULL,
    host         TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    due_at       BIGINT NOT NULL,
    attempts     BIGINT NOT NULL DEFAULT 0,
    leased_until BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX signal_events_due ON signal_events (host, due_at);
CREATE INDEX signal_events_leased ON signal_events (host, leased_until);
CREATE INDEX signal_events_of_stream ON signal_events (stream_id, created_at, jti);
CREATE INDEX signal_events_by_time ON signal_events (created_at);
