-- Valid on PostgreSQL and SQLite. It only adds.

-- Who has contracts. Each change adds a version; the highest one counts, the others are history.
CREATE TABLE institutions (
    institution_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    -- As it was written: one JSON object.
    document TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (institution_id, version)
);

-- What services may have, under which law or agreement. Versions as above.
CREATE TABLE contracts (
    contract_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    institution_id TEXT NOT NULL,
    document TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    -- Since when it is over because an operator ended it, before its period was.
    ended_at BIGINT,
    -- What was ended of that which people had agreed to: 0 nothing yet, 1 what this version does not allow, 2 everything,
    -- because the contract is over.
    cleared BIGINT NOT NULL,
    PRIMARY KEY (contract_id, version)
);

-- Releases of data by day of Tashkent (YYYYMMDD): quotas rest on these, and what is to be paid.
CREATE TABLE contract_usage (
    day BIGINT NOT NULL,
    contract_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    releases BIGINT NOT NULL,
    PRIMARY KEY (day, contract_id, client_id)
);

-- Nodes follow institutions and contracts by this number.
INSERT INTO sequences (list, seq) VALUES ('contracts', 0);

-- What people agreed to with a client and did not end, in the order in which it is held against a contract.
CREATE INDEX consents_standing ON consents (client_id, consent_id) WHERE ended_at IS NULL;
