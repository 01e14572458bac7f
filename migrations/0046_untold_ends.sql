-- Valid on PostgreSQL and SQLite. It only adds.

-- People all of whose sessions ended, and whose services are still to be told by logout tokens. A row is stored in the transaction that
-- ends them, and goes in the one that stores the tokens.
CREATE TABLE untold_ends (
    person_id TEXT   NOT NULL PRIMARY KEY,
    ended_at  BIGINT NOT NULL
);
CREATE INDEX untold_ends_by_time ON untold_ends (ended_at);
