-- Valid on PostgreSQL and SQLite. It only adds.

-- Lists that were exchanged with operators and the civil registry: by its number each is made, and applied, once.
CREATE TABLE exchange_files (
    kind TEXT NOT NULL,
    party TEXT NOT NULL,
    number BIGINT NOT NULL,
    digest TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    begun_at BIGINT NOT NULL,
    finished_at BIGINT,
    file_rows BIGINT NOT NULL,
    PRIMARY KEY (kind, party, number)
);

-- Reports that somebody died, until a second source confirms or contradicts them; what the first one says is sealed.
CREATE TABLE death_reports (
    person_id TEXT PRIMARY KEY,
    sealed TEXT NOT NULL,
    state TEXT NOT NULL,
    reported_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    settled_at BIGINT
);
CREATE INDEX death_reports_due ON death_reports (due_at) WHERE state = 'waiting';
CREATE INDEX death_reports_contradicted ON death_reports (reported_at) WHERE state = 'contradicted';

-- After whom the civil registry is asked next, and when that was last done: one row.
CREATE TABLE death_turn (
    turn TEXT PRIMARY KEY,
    after_person TEXT NOT NULL,
    taken_at BIGINT NOT NULL
);
