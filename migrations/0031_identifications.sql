-- Valid on PostgreSQL and SQLite. It only adds: the version before goes on with the numbers that it knows, and the index that
-- gives each person one enrolled number is there since migration 4.

-- Applications for identification in Mobile-ID. `sealed` has the form of annex 2, the evidence and what registers said; numbers and
-- PINFL are found by blind indexes. `door` is place, app or web, `opener` the member of staff, the client or the person. `consents` is
-- JSON: to what, in which language, when. `version` counts the changes: each is made to the version that was read. `fee_tiyin` and
-- `invoice` (JSON) are frozen when the right code is entered.
-- Rows are a history and are not removed.
CREATE TABLE identifications (
    identification_id TEXT   NOT NULL PRIMARY KEY,
    reference         TEXT   NOT NULL UNIQUE,
    door              TEXT   NOT NULL,
    place_id          TEXT,
    place_kind        TEXT,
    opener            TEXT   NOT NULL,
    language          TEXT   NOT NULL,
    number_index      TEXT   NOT NULL,
    pinfl_index       TEXT   NOT NULL,
    state             TEXT   NOT NULL,
    ground            TEXT,
    version           BIGINT NOT NULL,
    consents          TEXT   NOT NULL,
    sealed            TEXT   NOT NULL,
    code_message      TEXT,
    code_digest       TEXT,
    code_sent_at      BIGINT,
    code_expires_at   BIGINT,
    codes_sent        BIGINT NOT NULL DEFAULT 0,
    invoice_number    TEXT   UNIQUE,
    invoice           TEXT,
    fee_tiyin         BIGINT,
    pay_until         BIGINT,
    person_id         TEXT,
    opened_at         BIGINT NOT NULL,
    updated_at        BIGINT NOT NULL,
    ended_at          BIGINT
);
CREATE INDEX identifications_of_place ON identifications (place_id, opened_at, identification_id) WHERE place_id IS NOT NULL;
CREATE INDEX identifications_by_time ON identifications (opened_at, identification_id);
CREATE INDEX identifications_of_number ON identifications (number_index, opened_at);
CREATE INDEX identifications_of_person ON identifications (pinfl_index, opened_at);
CREATE INDEX identifications_under_way ON identifications (updated_at) WHERE ended_at IS NULL;
CREATE INDEX identifications_to_pay ON identifications (pay_until) WHERE state = 'awaiting_payment';

-- What Unified billing said was paid, once for each of its references, whether or not it was applied to an application.
CREATE TABLE payments (
    payment_id        TEXT   NOT NULL PRIMARY KEY,
    invoice_number    TEXT   NOT NULL,
    tiyin             BIGINT NOT NULL,
    paid_at           BIGINT NOT NULL,
    learnt_at         BIGINT NOT NULL,
    outcome           TEXT   NOT NULL
);
CREATE INDEX payments_of_invoice ON payments (invoice_number);
CREATE INDEX payments_by_time ON payments (paid_at, payment_id);

-- Numbers that people have in their cabinets. An identification leaves its number in its person's cabinet alone.
CREATE TABLE contact_numbers (
    person_id    TEXT   NOT NULL,
    number_index TEXT   NOT NULL,
    added_at     BIGINT NOT NULL,
    PRIMARY KEY (person_id, number_index)
);
CREATE INDEX contact_numbers_of_number ON contact_numbers (number_index);

-- How enrolments ended (clause 34): a history. `ground` is other_person, number_returned, request, death, or number_changed where
-- the person has another number since.
CREATE TABLE enrolment_ends (
    end_id            TEXT   NOT NULL PRIMARY KEY,
    person_id         TEXT   NOT NULL,
    number_index      TEXT   NOT NULL,
    ground            TEXT   NOT NULL,
    ended_at          BIGINT NOT NULL,
    identification_id TEXT
);
CREATE INDEX enrolment_ends_of_person ON enrolment_ends (person_id, ended_at);
CREATE INDEX enrolment_ends_by_time ON enrolment_ends (ended_at, end_id);

-- Whoever binds a number takes the next number of this list first: so of two at once the second sees what the first did.
INSERT INTO sequences (list, seq) VALUES ('enrolments', 0);
