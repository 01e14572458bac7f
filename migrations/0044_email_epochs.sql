-- Valid on PostgreSQL and SQLite. It only adds.

-- The epoch of the person when a link that confirms an address was asked for: it works as long as that is theirs. Links of the version
-- before have none and confirm nothing: they can be asked for again.
ALTER TABLE email_confirmations ADD COLUMN epoch BIGINT;
