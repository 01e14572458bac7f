-- Valid on PostgreSQL and SQLite. It only adds.

-- Where and for what people signed in: one row when a session is opened, and one when it is used for a further service. They are
-- written off the path of sign-ins, and are read by the person themselves alone. `session` is the digest by which a session that
-- was opened is found, `sid_key` what stays when the person signs in again at the same browser. `sealed` holds browser and address.
CREATE TABLE sign_ins (
    person_id TEXT   NOT NULL,
    at        BIGINT NOT NULL,
    entry_id  TEXT   NOT NULL,
    client_id TEXT   NOT NULL,
    sid_key   TEXT   NOT NULL,
    session   TEXT,
    sealed    TEXT   NOT NULL,
    PRIMARY KEY (person_id, at, entry_id)
);
CREATE INDEX sign_ins_by_time ON sign_ins (at);
