-- Valid on PostgreSQL and SQLite. It only adds, so that nodes of the previous version go on serving.

-- Which request redeemed the code. A request whose outcome nobody learned may be repeated, and takes the grant over.
ALTER TABLE grants ADD COLUMN redemption TEXT;

-- What nodes follow has numbers in the order in which it was committed: whoever takes one holds the row of its list until
-- the commit. So a node that has seen a number has missed none below it, whatever anybody's clock says.
CREATE TABLE sequences (
    list TEXT   NOT NULL PRIMARY KEY,
    seq  BIGINT NOT NULL
);
INSERT INTO sequences (list, seq) VALUES ('revocations', 0);

-- The number of a revocation. Nodes of the previous version give none: theirs are found by their time.
ALTER TABLE grants ADD COLUMN revoked_seq BIGINT;
ALTER TABLE revoked_tokens ADD COLUMN revoked_seq BIGINT;
CREATE INDEX grants_by_revoked_seq ON grants (revoked_seq) WHERE revoked_seq IS NOT NULL;
CREATE INDEX grants_unnumbered ON grants (revoked_at_ms) WHERE revoked_seq IS NULL AND revoked_at_ms IS NOT NULL;
CREATE INDEX revoked_tokens_by_seq ON revoked_tokens (revoked_seq) WHERE revoked_seq IS NOT NULL;

-- Sessions that were signed out, until they would have been over by themselves: short-lived state that returns as it was
-- before does not bring them back. `sid_key` is the digest by which a session is named to services.
CREATE TABLE ended_sessions (
    sid_key    TEXT   NOT NULL PRIMARY KEY,
    seq        BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX ended_sessions_by_seq ON ended_sessions (seq);
CREATE INDEX ended_sessions_by_expiry ON ended_sessions (expires_at);
INSERT INTO sequences (list, seq) VALUES ('ended_sessions', 0);

-- A keyed digest of a constant, by which the index key of the keyring is known again.
CREATE TABLE keyring_check (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- Nodes that start at once on an empty database wait for each other by this row before they make the first signing keys.
INSERT INTO sequences (list, seq) VALUES ('signing_keys', 0);
