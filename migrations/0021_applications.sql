-- Valid on PostgreSQL and SQLite. It only adds.

-- What became of a request to a person who was not at the service's site (CIBA): decided once. `request_id` is the digest of
-- auth_req_id, `sealed` what the tokens are made of, `until_at` when the service stops waiting.
CREATE TABLE approval_decisions (
    request_id TEXT   NOT NULL PRIMARY KEY,
    client_id  TEXT   NOT NULL,
    decision   TEXT   NOT NULL,
    sealed     TEXT,
    decided_at BIGINT NOT NULL,
    until_at   BIGINT NOT NULL
);
CREATE INDEX approval_decisions_until ON approval_decisions (until_at);

-- Receipts of applications that people confirmed: signed, and kept for them.
CREATE TABLE application_receipts (
    receipt_id   TEXT   NOT NULL PRIMARY KEY,
    person_id    TEXT   NOT NULL,
    client_id    TEXT   NOT NULL,
    confirmed_at BIGINT NOT NULL,
    issued_at    BIGINT NOT NULL,
    kid          TEXT   NOT NULL,
    sealed       TEXT   NOT NULL
);
CREATE INDEX application_receipts_person ON application_receipts (person_id, issued_at);

-- The keys that sign them. The public half is published for good; `sealed` is the private half, NULL where it was destroyed.
CREATE TABLE receipt_keys (
    kid         TEXT   NOT NULL PRIMARY KEY,
    alg         TEXT   NOT NULL,
    public_jwk  TEXT   NOT NULL,
    sealed      TEXT,
    created_at  BIGINT NOT NULL,
    active_from BIGINT NOT NULL,
    -- The order in which they were made: two of the same second begin to sign in it.
    position    BIGINT NOT NULL UNIQUE
);
INSERT INTO sequences (list, seq) VALUES ('receipt_keys', 0);
