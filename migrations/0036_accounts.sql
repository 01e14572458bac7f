-- Valid on PostgreSQL and SQLite. It only adds: the version before knows people by an enrolled number alone, and goes on so.

-- Accounts that can be used without an enrolled number, by other means of signing in (resolution 679, clause 1). A person whose number
-- is enrolled needs no row for that. `contact_index` and `contact_sealed` are a number in the person's own name by which they can be
-- reached where none is enrolled. `confirmed_by` is what the confirmation rests on where it is not an enrolled number (eri, face,
-- in_person). A locked account has no use of any means; a closed one never again, and its row stays.
CREATE TABLE accounts (
    person_id      TEXT   NOT NULL PRIMARY KEY,
    opened_at      BIGINT NOT NULL,
    opened_by      TEXT   NOT NULL,
    contact_index  TEXT,
    contact_sealed TEXT,
    confirmed_by   TEXT,
    confirmed_at   BIGINT,
    locked_at      BIGINT,
    closed_at      BIGINT
);
CREATE INDEX accounts_by_contact ON accounts (contact_index) WHERE contact_index IS NOT NULL;

-- Means of signing in that people have besides their numbers: one row for each, with when, by what and on which proof it was added.
-- `rests_on` is JSON, the classes of the session that added it. Before `counts_from` it is no second factor. What only one kind has (a
-- password's hash, a public key) stands in a table of its own under the same `means_id`. Rows are not removed: they are a history.
CREATE TABLE account_means (
    means_id       TEXT   NOT NULL PRIMARY KEY,
    person_id      TEXT   NOT NULL,
    kind           TEXT   NOT NULL,
    label          TEXT   NOT NULL,
    added_at       BIGINT NOT NULL,
    added_by       TEXT   NOT NULL,
    rests_on       TEXT   NOT NULL,
    counts_from    BIGINT NOT NULL,
    used_at        BIGINT,
    removed_at     BIGINT,
    removed_by     TEXT
);
CREATE INDEX account_means_of ON account_means (person_id, added_at) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX account_means_one_password ON account_means (person_id) WHERE kind = 'password' AND removed_at IS NULL;
