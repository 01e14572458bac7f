-- Valid on PostgreSQL and SQLite. It only adds.

-- What lets services register themselves (RFC 7591 §3): made by an operator, used so many times. The token itself is not
-- kept, only its digest.
CREATE TABLE registration_tokens (
    token_id TEXT NOT NULL PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    -- What every client that registers by it gets and only an operator gives: one JSON object.
    members TEXT NOT NULL,
    -- 1: its clients need no approval (sandbox only).
    approved BIGINT NOT NULL,
    uses BIGINT NOT NULL,
    used BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);

-- The token that a client registered by, and the digest of the one that it manages its registration with (RFC 7592).
ALTER TABLE clients ADD COLUMN registration_token TEXT;
ALTER TABLE clients ADD COLUMN management_digest TEXT;
-- Since when it waits for an operator; NULL when it does not.
ALTER TABLE clients ADD COLUMN pending_at BIGINT;
CREATE INDEX clients_pending ON clients (pending_at) WHERE pending_at IS NOT NULL;
-- The registration that an approved client would like to have instead of its own.
ALTER TABLE clients ADD COLUMN held_metadata TEXT;
ALTER TABLE clients ADD COLUMN held_at BIGINT;
-- Since when an operator has disabled a client that waits: it stays so when it is approved. All that wait have disabled_at,
-- by which a node of the version before knows that they are not served.
ALTER TABLE clients ADD COLUMN barred_at BIGINT;

-- Icons that wait with their client or its change. Nobody is shown them before an operator approved exactly these.
CREATE TABLE held_icons (
    client_id TEXT NOT NULL PRIMARY KEY,
    uri TEXT NOT NULL,
    digest TEXT NOT NULL,
    media_type TEXT NOT NULL,
    body TEXT NOT NULL,
    fetched_at BIGINT NOT NULL
);

-- Counts registrations, so that two at once cannot both be the last one that may wait.
INSERT INTO sequences (list, seq) VALUES ('registrations', 0);
