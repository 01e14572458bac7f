-- Valid on PostgreSQL and SQLite. It only adds.

-- The secret before the present one, while a rotation lets both work.
ALTER TABLE clients ADD COLUMN former_secret_digest TEXT;
ALTER TABLE clients ADD COLUMN former_secret_until BIGINT;

-- A deleted client leaves its identifier, so that no other client gets what was issued to it.
ALTER TABLE clients ADD COLUMN deleted_at BIGINT;
CREATE INDEX consents_by_client ON consents (client_id) WHERE ended_at IS NULL;
