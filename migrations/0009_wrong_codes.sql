-- Valid on PostgreSQL and SQLite. It only adds: the columns of `persons` that held these counts, the table `decoys` and the
-- rows 'nobody-0' to 'nobody-f' of `persons` are read no more, and a later migration may drop them.

-- Wrong codes in a row, in a short row of their own: counting one is the same work whether or not the number has an
-- account, and does not rewrite a person's record. `account` is a person, or one of 65,536 decoys for numbers without an
-- account. A row is made by the first wrong code.
CREATE TABLE wrong_codes (
    account            TEXT   NOT NULL PRIMARY KEY,
    failures           BIGINT NOT NULL DEFAULT 0,
    locked_until       BIGINT NOT NULL DEFAULT 0,
    known_failures     BIGINT NOT NULL DEFAULT 0,
    known_locked_until BIGINT NOT NULL DEFAULT 0,
    delayed_at         BIGINT NOT NULL DEFAULT 0,
    noticed_at         BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX wrong_codes_delayed ON wrong_codes (delayed_at) WHERE delayed_at > noticed_at;

INSERT INTO wrong_codes (account, failures, locked_until, known_failures, known_locked_until, delayed_at, noticed_at)
    SELECT person_id, failures, locked_until, known_failures, known_locked_until, delayed_at, noticed_at
    FROM persons
    WHERE person_id NOT LIKE 'nobody-%' AND (failures > 0 OR known_failures > 0 OR delayed_at > 0);
