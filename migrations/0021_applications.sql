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
