-- Valid on PostgreSQL and SQLite. It only adds.

-- The rows of the audit log are the leaves of a transparency log: row 1 has the first place.
INSERT INTO tlog_heads (log, size, checkpoint, holder, lease_until_ms, base, base_mac) VALUES ('audit', 0, '', '', 0, 0, '');
