-- Valid on PostgreSQL and SQLite. It only adds.

-- Signing keys of algorithms that were added later (PS256 and whatever follows). They stand apart from `signing_keys`, because the
-- version before this one reads every row there and can read no other algorithm.
CREATE TABLE later_signing_keys (
    kid          TEXT   NOT NULL PRIMARY KEY,
    alg          TEXT   NOT NULL,
    sealed       TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    active_from  BIGINT NOT NULL,
    retire_at    BIGINT
);
