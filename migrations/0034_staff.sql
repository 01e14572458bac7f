-- Valid on PostgreSQL and SQLite. It only adds.

-- Where people are identified in person: state service centres, notary offices, post offices. `names` is JSON in four languages,
-- `accounts` says to which accounts the place's share of a fee goes. A place is closed, never removed.
CREATE TABLE places (
    place_id  TEXT   NOT NULL PRIMARY KEY,
    kind      TEXT   NOT NULL,
    names     TEXT   NOT NULL,
    region    TEXT   NOT NULL,
    accounts  TEXT   NOT NULL,
    opened_at BIGINT NOT NULL,
    closed_at BIGINT
);

-- Who works there. `sealed` holds the name; `sworn_on` is the day of the signed undertaking of secrecy. Members are disabled, never
-- removed, since what they saw stays secret after their dismissal, and what they did stays on record.
CREATE TABLE staff (
    staff_id    TEXT   NOT NULL PRIMARY KEY,
    place_id    TEXT   NOT NULL,
    role        TEXT   NOT NULL,
    sealed      TEXT   NOT NULL,
    pinfl_index TEXT   NOT NULL,
    sworn_on    TEXT   NOT NULL,
    added_at    BIGINT NOT NULL,
    disabled_at BIGINT
);
CREATE UNIQUE INDEX staff_by_pinfl ON staff (pinfl_index) WHERE disabled_at IS NULL;
CREATE INDEX staff_of_place ON staff (place_id, added_at);

-- Whose records a member is refused besides their own.
CREATE TABLE staff_relatives (
    staff_id    TEXT NOT NULL,
    pinfl_index TEXT NOT NULL,
    PRIMARY KEY (staff_id, pinfl_index)
);

-- Passkeys of members of staff: public keys alone. `counter` is what the authenticator counted last.
CREATE TABLE staff_passkeys (
    credential_id TEXT   NOT NULL PRIMARY KEY,
    staff_id      TEXT   NOT NULL,
    public_key    TEXT   NOT NULL,
    counter       BIGINT NOT NULL,
    label         TEXT   NOT NULL,
    added_at      BIGINT NOT NULL,
    used_at       BIGINT,
    removed_at    BIGINT
);
CREATE INDEX staff_passkeys_of ON staff_passkeys (staff_id, added_at);

-- Links by which a member makes a passkey, by the digest of what opens them.
CREATE TABLE staff_links (
    digest     TEXT   NOT NULL PRIMARY KEY,
    staff_id   TEXT   NOT NULL,
    made_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX staff_links_by_time ON staff_links (expires_at);

-- What staff read and did, and why: written in the transaction of the act, of a reading before it is shown. `mac` is a keyed digest
-- of the row. Never removed.
CREATE TABLE staff_actions (
    action_id TEXT   NOT NULL PRIMARY KEY,
    staff_id  TEXT   NOT NULL,
    place_id  TEXT   NOT NULL,
    at_ms     BIGINT NOT NULL,
    what      TEXT   NOT NULL,
    about     TEXT   NOT NULL,
    reason    TEXT   NOT NULL,
    mac       TEXT   NOT NULL
);
CREATE INDEX staff_actions_of ON staff_actions (staff_id, at_ms);
CREATE INDEX staff_actions_at ON staff_actions (place_id, at_ms);

-- Members who were stopped because of unusual volume, until a supervisor of the same place releases them.
CREATE TABLE staff_holds (
    hold_id     TEXT   NOT NULL PRIMARY KEY,
    staff_id    TEXT   NOT NULL,
    place_id    TEXT   NOT NULL,
    why         TEXT   NOT NULL,
    held_at     BIGINT NOT NULL,
    released_at BIGINT,
    released_by TEXT
);
CREATE UNIQUE INDEX staff_holds_open ON staff_holds (staff_id) WHERE released_at IS NULL;
CREATE INDEX staff_holds_at ON staff_holds (place_id, held_at);

-- Complaints about refusals, and about acts or inaction of staff. `sealed` holds what was said and how to reach who complained.
CREATE TABLE desk_complaints (
    number      TEXT   NOT NULL PRIMARY KEY,
    place_id    TEXT   NOT NULL,
    about       TEXT   NOT NULL,
    reference   TEXT   NOT NULL,
    opened_at   BIGINT NOT NULL,
    opened_by   TEXT   NOT NULL,
    sealed      TEXT   NOT NULL,
    answered_at BIGINT,
    answered_by TEXT,
    answer      TEXT
);
CREATE INDEX desk_complaints_at ON desk_complaints (place_id, opened_at);

-- Photos that are taken where an identification is revoked, sealed, for as long as the settings say. `photo_id` stands in
-- the row of what was done.
CREATE TABLE desk_photos (
    photo_id TEXT   NOT NULL PRIMARY KEY,
    sealed   TEXT   NOT NULL,
    taken_at BIGINT NOT NULL
);
CREATE INDEX desk_photos_by_time ON desk_photos (taken_at);
