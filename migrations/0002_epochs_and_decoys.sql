-- Valid on PostgreSQL and SQLite. It only adds, so that nodes of version 0.1 go on serving while it runs and after it.

-- Everything of a person (grants, tokens, sessions) that was begun under a lower epoch than `persons.epoch` has ended.
-- Raising the epoch ends everything at once. A grant keeps the epoch under which it was given.
ALTER TABLE persons ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;
ALTER TABLE grants ADD COLUMN person_epoch BIGINT NOT NULL DEFAULT 0;

-- The grants of one person. While PostgreSQL builds it, redemptions wait; a row is small and expired ones are removed.
CREATE INDEX grants_by_person ON grants (person_id);

-- Wrong codes for numbers without an account are counted here, so that they cost what others cost. The columns are those
-- of `persons` that the count touches.
--
-- Version 0.1 counts them in sixteen rows of `persons` named 'nobody-0' to 'nobody-f'. Those rows stay: without them the
-- update of a 0.1 node would touch nothing, and its time would tell which numbers have an account. A later migration may
-- delete them once no 0.1 node can serve any more.
CREATE TABLE decoys (
    person_id    TEXT   NOT NULL PRIMARY KEY,
    failures     BIGINT NOT NULL DEFAULT 0,
    locked_until BIGINT NOT NULL DEFAULT 0
);
INSERT INTO decoys (person_id) VALUES
    ('nobody-0'), ('nobody-1'), ('nobody-2'), ('nobody-3'), ('nobody-4'), ('nobody-5'), ('nobody-6'), ('nobody-7'),
    ('nobody-8'), ('nobody-9'), ('nobody-a'), ('nobody-b'), ('nobody-c'), ('nobody-d'), ('nobody-e'), ('nobody-f');
