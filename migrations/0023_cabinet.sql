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

-- Which requests to approve wait for whom, written off the path as well. `sealed` names the attempt, which says what is asked and
-- whether it still waits; nothing here leads to the page that decides.
CREATE TABLE waiting_requests (
    person_id  TEXT   NOT NULL,
    expires_at BIGINT NOT NULL,
    entry_id   TEXT   NOT NULL,
    sealed     TEXT   NOT NULL,
    PRIMARY KEY (person_id, expires_at, entry_id)
);
CREATE INDEX waiting_requests_by_time ON waiting_requests (expires_at);

-- What a person chose for themselves: the language of messages that no page of theirs asked for.
CREATE TABLE person_preferences (
    person_id  TEXT   NOT NULL PRIMARY KEY,
    language   TEXT   NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Accounts that their persons locked, and which number was enrolled then.
CREATE TABLE self_locks (
    person_id    TEXT   NOT NULL PRIMARY KEY,
    number_index TEXT   NOT NULL,
    locked_at    BIGINT NOT NULL
);

-- What people said was not them. `told` is JSON: which services were told of the end of which sessions. `sealed` holds what the
-- person wrote; `answer` is what they read once it is closed.
CREATE TABLE complaints (
    number    TEXT   NOT NULL PRIMARY KEY,
    person_id TEXT   NOT NULL,
    opened_at BIGINT NOT NULL,
    about     TEXT   NOT NULL,
    reference TEXT   NOT NULL,
    client_id TEXT   NOT NULL,
    sealed    TEXT   NOT NULL,
    told      TEXT   NOT NULL,
    closed_at BIGINT,
    answer    TEXT
);
CREATE INDEX complaints_of_person ON complaints (person_id, opened_at);
CREATE INDEX complaints_open ON complaints (opened_at) WHERE closed_at IS NULL;

-- When a service answered the logout token of a session, where somebody will ask.
ALTER TABLE logout_deliveries ADD COLUMN watched BIGINT NOT NULL DEFAULT 0;
CREATE TABLE logout_outcomes (
    delivery_id TEXT   NOT NULL PRIMARY KEY,
    answered_at BIGINT NOT NULL
);
CREATE INDEX logout_outcomes_by_time ON logout_outcomes (answered_at);
