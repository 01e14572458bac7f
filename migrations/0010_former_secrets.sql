-- Valid on PostgreSQL and SQLite. It only adds.

-- The secret before the present one, while a rotation lets both work.
ALTER TABLE clients ADD COLUMN former_secret_digest TEXT;
ALTER TABLE clients ADD COLUMN former_secret_until BIGINT;
