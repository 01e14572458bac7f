-- Valid on PostgreSQL and SQLite. It only adds, so that nodes of the previous version go on serving.

-- Logout tokens that services were not sent yet, one row per service and session (Back-Channel Logout 1.0). A row is
-- stored before the session ends and goes when the service has answered, or after a day. `sub` and `sid` are what the
-- service knows the person and the session by. Until `leased_until` a node has the row.
CREATE TABLE logout_deliveries (
    delivery_id  TEXT   NOT NULL PRIMARY KEY,
    client_id    TEXT   NOT NULL,
    host         TEXT   NOT NULL,
    sub          TEXT   NOT NULL,
    sid          TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    due_at       BIGINT NOT NULL,
    attempts     BIGINT NOT NULL DEFAULT 0,
    leased_until BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX logout_deliveries_due ON logout_deliveries (host, due_at);
CREATE INDEX logout_deliveries_leased ON logout_deliveries (host, leased_until);
CREATE INDEX logout_deliveries_by_time ON logout_deliveries (created_at);

-- The icons of clients as they were when they were last fetched from `uri`; `body` is base64.
CREATE TABLE client_icons (
    client_id  TEXT   NOT NULL PRIMARY KEY,
    uri        TEXT   NOT NULL,
    digest     TEXT   NOT NULL,
    media_type TEXT   NOT NULL,
    body       TEXT   NOT NULL,
    fetched_at BIGINT NOT NULL
);
