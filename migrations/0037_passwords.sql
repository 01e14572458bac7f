-- Valid on PostgreSQL and SQLite. It only adds.

-- Passwords: `sealed` holds the Argon2id hash as a PHC string. `generation` counts how often it was set, so that what was read of one
-- changes no later one. A temporary one has an end, and only leads to a new one.
CREATE TABLE passwords (
    person_id       TEXT   NOT NULL PRIMARY KEY,
    sealed          TEXT   NOT NULL,
    generation      BIGINT NOT NULL,
    temporary_until BIGINT,
    set_at          BIGINT NOT NULL,
    set_by          TEXT   NOT NULL
);

-- Logins that people chose in place of their PINFL, found by blind indexes.
CREATE TABLE logins (
    login_index TEXT   NOT NULL PRIMARY KEY,
    person_id   TEXT   NOT NULL UNIQUE,
    sealed      TEXT   NOT NULL,
    set_at      BIGINT NOT NULL
);

-- Wrong passwords in a row, by account and side; of logins without an account by one of 65,536 decoys. `noticed_at` is when the person
-- was told last.
CREATE TABLE password_failures (
    account      TEXT   NOT NULL,
    side         TEXT   NOT NULL,
    failures     BIGINT NOT NULL,
    locked_until BIGINT NOT NULL,
    noticed_at   BIGINT NOT NULL,
    PRIMARY KEY (account, side)
);

-- Links by which somebody sets the first password of an account, by digests; each works once.
CREATE TABLE password_links (
    link       TEXT   NOT NULL PRIMARY KEY,
    person_id  TEXT   NOT NULL,
    made_at    BIGINT NOT NULL,
    ends_at    BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX password_links_by_end ON password_links (ends_at);

-- Recoveries: a password that was lost and set anew. Until `quiet_until` it can be stopped, and what is dangerous waits. `stop_link` is
-- the digest of the link by which that is done without a session.
CREATE TABLE recoveries (
    recovery_id TEXT   NOT NULL PRIMARY KEY,
    person_id   TEXT   NOT NULL,
    ground      TEXT   NOT NULL,
    staff_id    TEXT,
    stop_link   TEXT   NOT NULL UNIQUE,
    begun_at    BIGINT NOT NULL,
    quiet_until BIGINT NOT NULL,
    stopped_at  BIGINT,
    stopped_by  TEXT
);
CREATE INDEX recoveries_of_person ON recoveries (person_id, begun_at);
