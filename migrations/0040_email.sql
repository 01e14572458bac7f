-- Valid on PostgreSQL and SQLite. It only adds.

-- The address to which a person wants mails: sealed, and looked up by its person alone.
CREATE TABLE person_emails (
    person_id TEXT PRIMARY KEY,
    sealed TEXT NOT NULL,
    confirmed_at BIGINT NOT NULL
);

-- Addresses that wait to be confirmed by a link, of which a digest is kept; used and expired ones count against the daily limit.
CREATE TABLE email_confirmations (
    digest TEXT PRIMARY KEY,
    person_id TEXT NOT NULL,
    sealed TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX email_confirmations_of_person ON email_confirmations (person_id, asked_at);
CREATE INDEX email_confirmations_by_age ON email_confirmations (asked_at);

-- The outbox of mails. What ended stays for a while without its content, so that nothing is stored, and sent, twice.
CREATE TABLE mails (
    mail_id TEXT PRIMARY KEY,
    person_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    sealed TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    taken_until BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended TEXT
);
CREATE INDEX mails_due ON mails (due_at) WHERE ended IS NULL;
CREATE INDEX mails_by_age ON mails (created_at);
