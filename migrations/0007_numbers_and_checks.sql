-- Valid on PostgreSQL and SQLite. It only adds, so that nodes of the previous version go on serving.

-- Which request redeemed the code. A request whose outcome nobody learned may be repeated, and takes the grant over.
ALTER TABLE grants ADD COLUMN redemption TEXT;
