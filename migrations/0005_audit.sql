-- Valid on PostgreSQL and SQLite. It only adds, so that nodes of earlier versions go on serving while it runs and after it.

-- What happened, as a chain: `hash` is a keyed digest of the hash before it and of the row, so that a row that was changed,
-- removed, moved or put in by whoever has no keyring is found. `node_seq` counts the rows of one process from 1: a number
-- that is missing is an event that could not be written. Times are microseconds since the Unix epoch.
CREATE TABLE audit_log (
    seq      BIGINT NOT NULL PRIMARY KEY,
    time_us  BIGINT NOT NULL,
    node_id  TEXT   NOT NULL,
    node_seq BIGINT NOT NULL,
    event    TEXT   NOT NULL,
    content  TEXT   NOT NULL,
    hash     TEXT   NOT NULL,
    UNIQUE (node_id, node_seq)
);

-- The end of the chain, and the point up to which expired rows were removed, with the hash of the last one removed. The
-- second is authentic by a keyed digest of its own.
CREATE TABLE audit_head (
    head_id   BIGINT NOT NULL PRIMARY KEY,
    seq       BIGINT NOT NULL,
    hash      TEXT   NOT NULL,
    base_seq  BIGINT NOT NULL,
    base_hash TEXT   NOT NULL,
    base_mac  TEXT   NOT NULL
);
INSERT INTO audit_head (head_id, seq, hash, base_seq, base_hash, base_mac) VALUES (1, 0, '', 0, '', '');
