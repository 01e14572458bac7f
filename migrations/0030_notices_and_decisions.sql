-- Valid on PostgreSQL and SQLite. It only adds.

-- Whose a number was when it was noted to have no money: it says nothing of its next holder. NULL where nobody had it.
ALTER TABLE sms_suspensions ADD COLUMN person_id TEXT;

-- That an operator blocked the number of a locked account: then the end of the lock does not enrol it.
ALTER TABLE self_locks ADD COLUMN blocked_at BIGINT;

-- SMS about notices of which nobody learned what became of them.
CREATE INDEX notices_queued ON notices (sms_taken_until_ms) WHERE sms = 'queued';

-- Until what was decided is recorded and the service told: sealed, how it is told, and from when on another node may do it.
ALTER TABLE approval_decisions ADD COLUMN telling TEXT;
ALTER TABLE approval_decisions ADD COLUMN tell_after BIGINT NOT NULL DEFAULT 0;
CREATE INDEX approval_decisions_untold ON approval_decisions (tell_after) WHERE telling IS NOT NULL;
