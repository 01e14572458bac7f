-- Valid on PostgreSQL and SQLite. It adds columns and an index, and ends all but one of a person's enrolled numbers.

-- What a consent is bound to. `terms` holds a digest of each of the terms that were shown (name, owner, purpose, basis,
-- recipients, policy, period, reasons), `shown` their text in the language of the page. A consent of before has neither: it
-- is asked for again. `permitted_by` says whether a code, a button or a law permitted it, and `code_id` names the
-- message that carried the code. `given_at_ms` orders consents of the same second.
ALTER TABLE consents ADD COLUMN terms        TEXT;
ALTER TABLE consents ADD COLUMN shown        TEXT;
ALTER TABLE consents ADD COLUMN permitted_by TEXT;
ALTER TABLE consents ADD COLUMN code_id      TEXT;
ALTER TABLE consents ADD COLUMN given_at_ms  BIGINT NOT NULL DEFAULT 0;

-- A person has one enrolled number (resolution 479, clause 5). Of several that were enrolled before, the one that was
-- changed last stays; the others are no longer enrolled, and nobody can sign in with them.
UPDATE phone_numbers SET status = 'not_enrolled' WHERE status = 'enrolled' AND EXISTS
    (SELECT 1 FROM phone_numbers newer WHERE newer.person_id = phone_numbers.person_id AND newer.status = 'enrolled'
     AND (newer.updated_at > phone_numbers.updated_at
          OR (newer.updated_at = phone_numbers.updated_at AND newer.number_index > phone_numbers.number_index)));
CREATE UNIQUE INDEX phone_numbers_enrolled ON phone_numbers (person_id) WHERE status = 'enrolled';
