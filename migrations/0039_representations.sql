-- Valid on PostgreSQL and SQLite. It only adds: the version before does not know of organisations.

-- Which organisations people act for, as certificates said with which they signed (resolution 679, clause 1). `representation_id` is a keyed
-- digest of person and taxpayer number; `sealed` has number, name, position and the certificate's serial number. Rows are removed once the
-- certificate has ended.
CREATE TABLE representations (
    representation_id TEXT   NOT NULL PRIMARY KEY,
    person_id         TEXT   NOT NULL,
    sealed            TEXT   NOT NULL,
    first_seen        BIGINT NOT NULL,
    last_seen         BIGINT NOT NULL,
    ends_at           BIGINT NOT NULL
);
CREATE INDEX representations_of ON representations (person_id, last_seen);
CREATE INDEX representations_by_end ON representations (ends_at);
