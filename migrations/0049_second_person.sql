-- Valid on PostgreSQL and SQLite. It only adds.

-- Whom a complaint about staff is about, where who complained names them: they do not answer it.
ALTER TABLE desk_complaints ADD COLUMN staff_id TEXT;

-- Links for members who have passkeys already: an administrator asks for one, a second person confirms it, and it is given once. One for
-- each member is open.
CREATE TABLE staff_link_requests (
    request_id   TEXT   NOT NULL PRIMARY KEY,
    staff_id     TEXT   NOT NULL,
    place_id     TEXT   NOT NULL,
    asked_by     TEXT   NOT NULL,
    asked_at     BIGINT NOT NULL,
    confirmed_by TEXT,
    confirmed_at BIGINT,
    ended_at     BIGINT
);
CREATE UNIQUE INDEX staff_link_requests_open ON staff_link_requests (staff_id) WHERE ended_at IS NULL;
CREATE INDEX staff_link_requests_at ON staff_link_requests (place_id, asked_at);
