-- Valid on PostgreSQL and SQLite. It only adds.

-- Secrets of clients that sign with them (client_secret_jwt), sealed: whoever verifies such a signature needs the secret
-- itself. Of all other clients there is a digest alone.
ALTER TABLE clients ADD COLUMN secret_sealed TEXT;
ALTER TABLE clients ADD COLUMN former_secret_sealed TEXT;
