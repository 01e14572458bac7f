-- Valid on PostgreSQL and SQLite. It only adds.

-- Photos of faces, sealed. Apart from the records, which every sign-in reads.
CREATE TABLE photos (
    person_id TEXT PRIMARY KEY,
    sealed TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Since when a number is enrolled as its person's; unknown for those that were before this column.
ALTER TABLE phone_numbers ADD COLUMN enrolled_at BIGINT;
