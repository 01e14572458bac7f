-- Valid on PostgreSQL and SQLite. It only adds.

-- Passkeys of people: what only this kind of means has, under the same `means_id` as its row of `account_means`. Public keys alone.
-- `counter` is what the authenticator counted last. `may_be_copied` (0, 1) tells whether the key can be copied to other devices of its
-- person, `copied` whether it was, as the authenticator said last. `transports` are the browser's words for how the authenticator is
-- reached. Rows are not removed: a credential is never taken a second time.
CREATE TABLE account_passkeys (
    credential_id TEXT   NOT NULL PRIMARY KEY,
    means_id      TEXT   NOT NULL,
    person_id     TEXT   NOT NULL,
    public_key    TEXT   NOT NULL,
    counter       BIGINT NOT NULL,
    may_be_copied BIGINT NOT NULL,
    copied        BIGINT NOT NULL,
    transports    TEXT   NOT NULL
);
CREATE UNIQUE INDEX account_passkeys_by_means ON account_passkeys (means_id);
CREATE INDEX account_passkeys_of ON account_passkeys (person_id);
