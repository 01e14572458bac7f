-- Valid on PostgreSQL and SQLite. It only adds.

-- A consent to data that are read once stands beside the others, and is given each time.
ALTER TABLE consents ADD COLUMN once BIGINT NOT NULL DEFAULT 0;

-- Details of a grant that allow one reading and were read: which (a digest of the detail), and until when it would have held.
CREATE TABLE used_details (
    grant_id   TEXT   NOT NULL,
    detail     TEXT   NOT NULL,
    used_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (grant_id, detail)
);
CREATE INDEX used_details_expires ON used_details (expires_at);

-- By what a client names a grant that it manages, over all authorizations that followed each other in it.
ALTER TABLE grants ADD COLUMN managed_id TEXT;
CREATE INDEX grants_managed ON grants (managed_id) WHERE managed_id IS NOT NULL;
