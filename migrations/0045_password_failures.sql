-- When a login last had a wrong password. What is long ago is forgotten, of accounts and of logins that are nobody's alike, so that neither a
-- delay nor its absence tells which of the two a login is.
ALTER TABLE password_failures ADD COLUMN changed_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX password_failures_by_change ON password_failures (changed_at);
