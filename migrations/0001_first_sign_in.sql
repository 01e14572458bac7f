-- Columns are TEXT and BIGINT only, so that one text serves PostgreSQL and SQLite. Times are seconds since
-- the Unix epoch unless the name ends in _ms. Columns named "sealed" hold encrypted personal data; columns named
-- "…_index" are blind indexes (keyed digests) by which it is found again.

CREATE TABLE persons (
    person_id    TEXT   NOT NULL PRIMARY KEY,
    pinfl_index  TEXT   NOT NULL UNIQUE,
    sealed       TEXT   NOT NULL,
    updated_at   BIGINT NOT NULL,
    failures     BIGINT NOT NULL DEFAULT 0,
    locked_until BIGINT NOT NULL DEFAULT 0
);

-- Nobody: wrong codes for numbers that are nobody's are counted here, so that they cost what others cost.
INSERT INTO persons (person_id, pinfl_index, sealed, updated_at) VALUES
    ('nobody-0', 'nobody-0', '', 0),
    ('nobody-1', 'nobody-1', '', 0),
    ('nobody-2', 'nobody-2', '', 0),
    ('nobody-3', 'nobody-3', '', 0),
    ('nobody-4', 'nobody-4', '', 0),
    ('nobody-5', 'nobody-5', '', 0),
    ('nobody-6', 'nobody-6', '', 0),
    ('nobody-7', 'nobody-7', '', 0),
    ('nobody-8', 'nobody-8', '', 0),
    ('nobody-9', 'nobody-9', '', 0),
    ('nobody-a', 'nobody-a', '', 0),
    ('nobody-b', 'nobody-b', '', 0),
    ('nobody-c', 'nobody-c', '', 0),
    ('nobody-d', 'nobody-d', '', 0),
    ('nobody-e', 'nobody-e', '', 0),
    ('nobody-f', 'nobody-f', '', 0);

CREATE TABLE phone_numbers (
    number_index TEXT   NOT NULL PRIMARY KEY,
    person_id    TEXT   NOT NULL REFERENCES persons (person_id),
    sealed       TEXT   NOT NULL,
    status       TEXT   NOT NULL,
    updated_at   BIGINT NOT NULL
);
CREATE INDEX phone_numbers_by_person ON phone_numbers (person_id);

CREATE TABLE clients (
    client_id     TEXT   NOT NULL PRIMARY KEY,
    metadata      TEXT   NOT NULL,
    secret_digest TEXT,
    disabled_at   BIGINT,
    created_at    BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);

CREATE TABLE signing_keys (
    kid          TEXT   NOT NULL PRIMARY KEY,
    alg          TEXT   NOT NULL,
    sealed       TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    active_from  BIGINT NOT NULL,
    retire_at    BIGINT
);

-- Messages that wait for a gateway, and the count by which the daily cap of a number is held: `n` numbers the
-- messages to one number on one day, so that two nodes cannot both send the last one allowed. The rows of the last hour
-- are what the caps of services, addresses and the country are held by when short-lived state is lost.
CREATE TABLE messages (
    message_id   TEXT   NOT NULL,
    number_index TEXT   NOT NULL,
    day          BIGINT NOT NULL,
    n            BIGINT NOT NULL,
    sealed       TEXT   NOT NULL,
    client_id    TEXT   NOT NULL,
    address      TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    due_at       BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    attempts     BIGINT NOT NULL DEFAULT 0,
    taken_at     BIGINT,
    PRIMARY KEY (number_index, day, n)
);
CREATE INDEX messages_waiting ON messages (due_at) WHERE taken_at IS NULL;
CREATE INDEX messages_by_time ON messages (created_at);

CREATE TABLE consents (
    consent_id TEXT   NOT NULL PRIMARY KEY,
    person_id  TEXT   NOT NULL,
    client_id  TEXT   NOT NULL,
    basis      TEXT   NOT NULL,
    extent     TEXT   NOT NULL,
    given_at   BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at   BIGINT
);
CREATE INDEX consents_by_person ON consents (person_id, client_id, given_at);

-- One row per redeemed authorization code: what the person let the client have. Its key is made of the code's digest,
-- which makes redemption one statement with one winner; the row stays as long as anything issued from it lives.
CREATE TABLE grants (
    grant_id           TEXT   NOT NULL PRIMARY KEY,
    client_id          TEXT   NOT NULL,
    person_id          TEXT   NOT NULL,
    details            TEXT   NOT NULL,
    created_at         BIGINT NOT NULL,
    refresh_generation BIGINT NOT NULL,
    refreshed_at       BIGINT NOT NULL,
    expires_at         BIGINT NOT NULL,
    revoked_at_ms      BIGINT
);
CREATE INDEX grants_by_expiry ON grants (expires_at);
CREATE INDEX grants_by_revocation ON grants (revoked_at_ms) WHERE revoked_at_ms IS NOT NULL;

CREATE TABLE revoked_tokens (
    token_id      TEXT   NOT NULL PRIMARY KEY,
    revoked_at_ms BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL
);
CREATE INDEX revoked_tokens_by_time ON revoked_tokens (revoked_at_ms);
CREATE INDEX revoked_tokens_by_expiry ON revoked_tokens (expires_at);
