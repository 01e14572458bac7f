-- Valid on PostgreSQL and SQLite. It only adds.

-- All sessions of a person that were opened up to `ended_at` have ended, except the one that services know by `spared`. Such a row has
-- a random `sid_key`, which names no session; the other rows have no person.
ALTER TABLE ended_sessions ADD COLUMN person_id TEXT NOT NULL DEFAULT '';
ALTER TABLE ended_sessions ADD COLUMN ended_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ended_sessions ADD COLUMN spared TEXT NOT NULL DEFAULT '';
