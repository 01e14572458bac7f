-- Valid on PostgreSQL and SQLite. It only adds.

-- To whom data of a person went: one row for each release, written in the transaction that it belongs to. `leaf` is what stands in
-- the transparency log, character by character: names of data, never a value. `position` is its place there, given a moment
-- later. `reads` and `read_at_ms` count the reads of what the row opened; they are no part of the leaf.
CREATE TABLE ledger_entries (
    entry_id   TEXT   NOT NULL PRIMARY KEY,
    person_id  TEXT   NOT NULL,
    client_id  TEXT   NOT NULL,
    at_ms      BIGINT NOT NULL,
    leaf       TEXT   NOT NULL,
    reads      BIGINT NOT NULL DEFAULT 0,
    read_at_ms BIGINT,
    position   BIGINT
);
CREATE INDEX ledger_entries_person ON ledger_entries (person_id, at_ms, entry_id);
CREATE UNIQUE INDEX ledger_entries_position ON ledger_entries (position) WHERE position IS NOT NULL;
CREATE INDEX ledger_entries_waiting ON ledger_entries (at_ms, entry_id) WHERE position IS NULL;

-- Transparency logs: how many leaves each has, and the signed checkpoint that says so. A change of `size` is conditional on the one
-- before, so that no place is given twice. The holder of the lease is the node that gives places; others take over when it is over.
CREATE TABLE tlog_heads (
    log            TEXT   NOT NULL PRIMARY KEY,
    size           BIGINT NOT NULL,
    checkpoint     TEXT   NOT NULL,
    holder         TEXT   NOT NULL,
    lease_until_ms BIGINT NOT NULL,
    base           BIGINT NOT NULL,
    base_mac       TEXT   NOT NULL
);
INSERT INTO tlog_heads (log, size, checkpoint, holder, lease_until_ms, base, base_mac) VALUES ('ledger', 0, '', '', 0, 0, '');

-- The hashes of a log, 256 of a level to a row, in base64url. A row that is not full is written anew as it grows.
CREATE TABLE tlog_tiles (
    log    TEXT   NOT NULL,
    level  BIGINT NOT NULL,
    tile   BIGINT NOT NULL,
    hashes TEXT   NOT NULL,
    PRIMARY KEY (log, level, tile)
);

-- The key that signs the checkpoints of a log, sealed.
CREATE TABLE tlog_keys (
    log    TEXT NOT NULL PRIMARY KEY,
    name   TEXT NOT NULL,
    sealed TEXT NOT NULL
);
