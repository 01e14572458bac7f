-- Valid on PostgreSQL and SQLite. It only adds.

-- What was refused, the newest first: the operator who looks at a client reads it from the audit log. No row of a sign-in
-- that succeeds is in this index.
CREATE INDEX audit_log_refusals ON audit_log (seq) WHERE event IN ('authorization.refused', 'par.refused', 'token.refused', 'introspection.refused', 'revocation.refused', 'userinfo.refused', 'oneid.refused', 'logout.refused', 'registration.refused');
