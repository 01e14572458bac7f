-- Valid on PostgreSQL and SQLite. It only adds.

-- When it was certain of an application that was withdrawn that nobody can pay its invoice any more: billing took it back, or said that
-- it was paid. Until then billing is asked again.
ALTER TABLE identifications ADD COLUMN invoice_ended_at BIGINT;
CREATE INDEX identifications_to_take_back ON identifications (updated_at, identification_id)
    WHERE state = 'withdrawn' AND invoice IS NOT NULL AND invoice_ended_at IS NULL;
CREATE INDEX identifications_to_pay_in_turn ON identifications (pay_until, identification_id) WHERE state = 'awaiting_payment';

-- When an operator noted that a payment which enrolled nobody was given back.
ALTER TABLE payments ADD COLUMN returned_at BIGINT;
CREATE INDEX payments_to_return ON payments (paid_at, payment_id) WHERE outcome <> 'applied' AND returned_at IS NULL;

-- Work that one node does for all, by whoever holds it until then.
CREATE TABLE leases (
    name     TEXT   NOT NULL PRIMARY KEY,
    holder   TEXT   NOT NULL,
    until_ms BIGINT NOT NULL
);
INSERT INTO leases (name, holder, until_ms) VALUES ('invoices', '', 0);
