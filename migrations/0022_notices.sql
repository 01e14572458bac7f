-- Valid on PostgreSQL and SQLite. It only adds.

-- Notices in people's cabinets. `about` is JSON without values of anybody's data: which service, names of sets of data, and so
-- on; the sentence is made in the reader's language when it is shown. `arrived_at_ms` is when the person is deemed to have
-- received it (resolution 679, clause 10): no statement changes it. That an SMS told of it, and that it was read, are
-- times of their own. `sms` is NULL where the person wanted none.
CREATE TABLE notices (
    notice_id          TEXT   NOT NULL PRIMARY KEY,
    person_id          TEXT   NOT NULL,
    kind               TEXT   NOT NULL,
    about              TEXT   NOT NULL,
    arrived_at_ms      BIGINT NOT NULL,
    read_at_ms         BIGINT,
    sms                TEXT,
    sms_why            TEXT,
    sms_due_at_ms      BIGINT NOT NULL DEFAULT 0,
    sms_taken_until_ms BIGINT NOT NULL DEFAULT 0,
    sent_at_ms         BIGINT,
    delivered_at_ms    BIGINT
);
CREATE INDEX notices_of_person ON notices (person_id, arrived_at_ms, notice_id);
CREATE INDEX notices_unread ON notices (person_id) WHERE read_at_ms IS NULL;
CREATE INDEX notices_wanted ON notices (sms_due_at_ms) WHERE sms = 'wanted';
CREATE INDEX notices_by_time ON notices (arrived_at_ms);

-- Of which kinds of notices a person wants an SMS as well; `*` is all. Rows go when the wish is withdrawn.
CREATE TABLE notice_wishes (
    person_id TEXT   NOT NULL,
    kind      TEXT   NOT NULL,
    since_ms  BIGINT NOT NULL,
    PRIMARY KEY (person_id, kind)
);

-- That a person was warned of the charge for each SMS, in which language, what it cost then in tiyin (NULL: nothing was set),
-- and that they accepted it. A history: rows are withdrawn and never removed.
CREATE TABLE charge_consents (
    charge_consent_id TEXT   NOT NULL PRIMARY KEY,
    person_id         TEXT   NOT NULL,
    language          TEXT   NOT NULL,
    tiyin             BIGINT,
    warned_at_ms      BIGINT NOT NULL,
    accepted_at_ms    BIGINT NOT NULL,
    withdrawn_at_ms   BIGINT
);
CREATE INDEX charge_consents_of_person ON charge_consents (person_id, accepted_at_ms);
CREATE UNIQUE INDEX charge_consents_in_force ON charge_consents (person_id) WHERE withdrawn_at_ms IS NULL;

-- What operators charge to numbers: one row for each chargeable message that a gateway accepted, in tiyin, by the tariff of that
-- day. The number is sealed.
CREATE TABLE charges (
    message_id   TEXT   NOT NULL PRIMARY KEY,
    number_index TEXT   NOT NULL,
    sealed       TEXT   NOT NULL,
    kind         TEXT   NOT NULL,
    tiyin        BIGINT NOT NULL,
    tariff_from  TEXT   NOT NULL,
    sent_at_ms   BIGINT NOT NULL
);
CREATE INDEX charges_by_time ON charges (sent_at_ms, message_id);

-- Numbers without money for notices: no SMS of them is sent there. Codes and requests are.
CREATE TABLE sms_suspensions (
    number_index TEXT   NOT NULL PRIMARY KEY,
    since_ms     BIGINT NOT NULL
);
