-- Valid on PostgreSQL and SQLite. It only adds, but for the update at its end.

-- Wrong codes in browsers in which the person signed in before are counted apart from those in all others ("strangers"):
-- `failures` and `locked_until` are the strangers'. When a stranger's wrong codes last began a delay, and when the
-- person was last told of that by SMS.
ALTER TABLE persons ADD COLUMN known_failures BIGINT NOT NULL DEFAULT 0;
ALTER TABLE persons ADD COLUMN known_locked_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE persons ADD COLUMN delayed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE persons ADD COLUMN noticed_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX persons_delayed ON persons (delayed_at) WHERE delayed_at > noticed_at;

-- The columns of `persons` that a wrong code touches.
ALTER TABLE decoys ADD COLUMN known_failures BIGINT NOT NULL DEFAULT 0;
ALTER TABLE decoys ADD COLUMN known_locked_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE decoys ADD COLUMN delayed_at BIGINT NOT NULL DEFAULT 0;

-- 1 for a message that is sent, which counts towards the caps of services and of the country; 0 for a decoy.
ALTER TABLE messages ADD COLUMN counted BIGINT NOT NULL DEFAULT 1;

-- A lockout without end is a delay that is over: the next wrong code begins a long one.
UPDATE persons SET locked_until = 0 WHERE locked_until = 9223372036854775807;
UPDATE decoys SET locked_until = 0 WHERE locked_until = 9223372036854775807;
