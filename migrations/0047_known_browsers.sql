-- Valid on PostgreSQL and SQLite. It only adds, so that nodes of the previous version go on serving.

-- In which browser somebody signed in: a keyed digest of the person and the browser's identifier, which names neither of them; and the
-- person's epoch then, with which browsers end to be known. Rows of before have none.
ALTER TABLE sign_ins ADD COLUMN browser TEXT NOT NULL DEFAULT '';
ALTER TABLE sign_ins ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;

-- Browsers that their person forgot: by the same digest, and when, in milliseconds. A sign-in there is a new one.
CREATE TABLE forgotten_browsers (
    browser      TEXT   NOT NULL PRIMARY KEY,
    seq          BIGINT NOT NULL,
    forgotten_at BIGINT NOT NULL
);
CREATE INDEX forgotten_browsers_by_seq ON forgotten_browsers (seq);
CREATE INDEX forgotten_browsers_by_time ON forgotten_browsers (forgotten_at);
INSERT INTO sequences (list, seq) VALUES ('forgotten_browsers', 0);
