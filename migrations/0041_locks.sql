-- Valid on PostgreSQL and SQLite. It only adds.

-- When an operator took an account out of use that has no number which could be blocked.
ALTER TABLE accounts ADD COLUMN blocked_at BIGINT;

-- When all sessions of a person but one ended, in milliseconds; 0 of a row that the version before wrote.
ALTER TABLE ended_sessions ADD COLUMN ended_at_ms BIGINT NOT NULL DEFAULT 0;
