-- Valid on PostgreSQL and SQLite. It only adds.

-- Services whose requests to approve something a person does not want to get messages of, and until when.
CREATE TABLE muted_services (
    person_id  TEXT   NOT NULL,
    client_id  TEXT   NOT NULL,
    until_at   BIGINT NOT NULL,
    PRIMARY KEY (person_id, client_id)
);
CREATE INDEX muted_services_until ON muted_services (until_at);

-- Wrong codes at requests to approve are counted apart from those at a sign-in: only who has the message makes any.
ALTER TABLE wrong_codes ADD COLUMN approval_failures BIGINT NOT NULL DEFAULT 0;
ALTER TABLE wrong_codes ADD COLUMN approval_locked_until BIGINT NOT NULL DEFAULT 0;
