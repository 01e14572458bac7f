-- Valid on PostgreSQL and SQLite. It only adds.

-- Accounts that were opened or confirmed at a place, with the document that a member of staff saw: one row for each, in the transaction of
-- the act. `outcome` is opened or confirmed. `sealed` is JSON: the document, the person's name and language, when they agreed, which photo
-- was taken and what came of its comparison. Rows are not removed.
CREATE TABLE desk_accounts (
    served_id TEXT   NOT NULL PRIMARY KEY,
    reference TEXT   NOT NULL,
    place_id  TEXT   NOT NULL,
    staff_id  TEXT   NOT NULL,
    person_id TEXT   NOT NULL,
    outcome   TEXT   NOT NULL,
    sealed    TEXT   NOT NULL,
    served_at BIGINT NOT NULL
);
CREATE INDEX desk_accounts_of_place ON desk_accounts (place_id, served_at);
