-- One row that nodes change to find out whether the database takes changes: one that is full or read-only still answers
-- what is asked of it.
CREATE TABLE write_probes (
    probe TEXT NOT NULL PRIMARY KEY,
    count BIGINT NOT NULL
);
