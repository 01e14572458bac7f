-- Valid on PostgreSQL and SQLite. It only adds.

-- Of whom enrolled_at is, and the updated_at of the last change that kept it: the version before changes a number and leaves
-- enrolled_at as it was. Where they do not fit their row, since when the number is enrolled is unknown.
ALTER TABLE phone_numbers ADD COLUMN enrolled_person TEXT;
ALTER TABLE phone_numbers ADD COLUMN enrolled_seen BIGINT;
