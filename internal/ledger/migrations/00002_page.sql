-- What the whole sign-in page needs: accounts in any number of stores of this
-- database, passwords, values that accounts are found by, what people agreed to,
-- sign-ins that wait for an answer, reset codes, and wrong guesses.

-- +goose Up

-- The hash of the password as a PHC text, empty for an account without one, and
-- whether the person set it once they had proved who they are.
ALTER TABLE account ADD COLUMN password TEXT NOT NULL DEFAULT '';
ALTER TABLE account ADD COLUMN password_proven INTEGER NOT NULL DEFAULT 0;

-- The issuer that vouched for the subject, as far as it was noted.
ALTER TABLE link ADD COLUMN issuer TEXT NOT NULL DEFAULT '';

-- The values that accounts are found by, folded (usher.Fold). It follows the
-- attributes of account; the driver of the store keeps it.
CREATE TABLE holds (
    tenant    TEXT NOT NULL,
    store     TEXT NOT NULL,
    user_id   TEXT NOT NULL,
    attribute TEXT NOT NULL,
    folded    TEXT NOT NULL,
    PRIMARY KEY (tenant, store, user_id, attribute, folded)
) STRICT, WITHOUT ROWID;

CREATE INDEX holds_value ON holds (tenant, store, attribute, folded, user_id);

-- lower() folds ASCII only, as is meant. What is no strict e-mail address finds
-- nobody, because whoever asks has folded a strict one.
INSERT OR IGNORE INTO holds (tenant, store, user_id, attribute, folded)
SELECT a.tenant, a.store, a.id, held.value ->> 'name', lower(one.value)
FROM account a, json_each(a.attributes) held, json_each(held.value, '$.values') one
WHERE one.value <> '' AND length(CAST(one.value AS BLOB)) <= 320;

-- Accounts that lost a link by somebody's hand, and so may have none.
CREATE TABLE parted (
    tenant  TEXT NOT NULL,
    store   TEXT NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (tenant, store, user_id)
) STRICT, WITHOUT ROWID;

-- What people said to a purpose: consent receipts (ISO/IEC TS 27560). attributes
-- is a JSON list. replaced says that a later one of that purpose took its place;
-- withdrawn is zero for one that was not.
CREATE TABLE receipt (
    id          TEXT    NOT NULL PRIMARY KEY,
    tenant      TEXT    NOT NULL,
    store       TEXT    NOT NULL,
    user_id     TEXT    NOT NULL,
    idp         TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    application TEXT    NOT NULL,
    purpose     TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    accepted    INTEGER NOT NULL,
    attributes  TEXT    NOT NULL,
    language    TEXT    NOT NULL,
    policy_url  TEXT    NOT NULL,
    decision    TEXT    NOT NULL,
    given       INTEGER NOT NULL,
    replaced    INTEGER NOT NULL,
    withdrawn   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX receipt_user ON receipt (tenant, store, user_id);

-- One of each purpose counts.
CREATE UNIQUE INDEX receipt_counts ON receipt (tenant, store, user_id, purpose) WHERE replaced = 0 AND withdrawn = 0;

-- Sign-ins that wait for the person to answer. sealed is the record as far as it
-- is decided, carry is what the page needs to go on; both are sealed. id is the
-- record's.
CREATE TABLE waiting (
    tenant      TEXT    NOT NULL,
    hash        BLOB    NOT NULL,
    id          TEXT    NOT NULL,
    application TEXT    NOT NULL,
    policy      TEXT    NOT NULL REFERENCES policy (version),
    sealed      BLOB    NOT NULL,
    carry       BLOB    NOT NULL,
    tries       INTEGER NOT NULL,
    created     INTEGER NOT NULL,
    expires     INTEGER NOT NULL,
    UNIQUE (tenant, hash)
) STRICT;

CREATE INDEX waiting_id ON waiting (id);
CREATE INDEX waiting_expires ON waiting (expires);

-- Codes with which an account gets another password, one for each account.
CREATE TABLE reset (
    tenant  TEXT    NOT NULL,
    store   TEXT    NOT NULL,
    user_id TEXT    NOT NULL,
    hash    BLOB    NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (tenant, store, user_id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX reset_hash ON reset (tenant, hash);
CREATE INDEX reset_expires ON reset (expires);

-- Wrong guesses in a row. key is made like that of spent.
CREATE TABLE failure (
    key   BLOB    NOT NULL PRIMARY KEY,
    count INTEGER NOT NULL,
    last  INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX failure_until ON failure (until);

-- An event is tried again and again until it is delivered. secret is sealed, and
-- forgotten once it was told.
ALTER TABLE outbox ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN due INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN secret BLOB;

CREATE INDEX outbox_due ON outbox (due) WHERE delivered IS NULL;
CREATE INDEX outbox_delivered ON outbox (delivered) WHERE delivered IS NOT NULL;

-- Where the account of a code or a family is, and by which provider the person
-- came. subject is kept for families that live on without a session and an
-- account only: that is how they are found when there is an account.
ALTER TABLE code ADD COLUMN store TEXT NOT NULL DEFAULT '';
ALTER TABLE code ADD COLUMN idp TEXT NOT NULL DEFAULT '';
ALTER TABLE family ADD COLUMN store TEXT NOT NULL DEFAULT '';
ALTER TABLE family ADD COLUMN idp TEXT NOT NULL DEFAULT '';
ALTER TABLE family ADD COLUMN subject TEXT NOT NULL DEFAULT '';

UPDATE code SET store = iif(user_id = '', '', 'PRIMARY'), idp = coalesce((SELECT idp FROM decision WHERE id = code.decision), '');
UPDATE family SET store = iif(user_id = '', '', 'PRIMARY'), idp = coalesce((SELECT idp FROM decision WHERE id = family.decision), '');
UPDATE family SET subject = coalesce((SELECT subject FROM session s WHERE s.tenant = family.tenant AND s.hash = family.session), '')
WHERE user_id = '' AND offline = 1;

-- People without an account, to be found when they get one.
CREATE INDEX session_person ON session (tenant, idp, subject) WHERE user_id = '';
CREATE INDEX family_person ON family (tenant, idp, subject) WHERE offline = 1 AND user_id = '';

-- What hangs on a session, to be moved to another one of the same person.
CREATE INDEX family_session ON family (tenant, session);
CREATE INDEX code_session ON code (tenant, session) WHERE used = 0;

-- Refusals that anybody can cause, because nobody vouched for what was asserted,
-- are forgotten after until. All other decisions stay.
ALTER TABLE decision ADD COLUMN until INTEGER;
CREATE INDEX decision_until ON decision (until) WHERE until IS NOT NULL;
UPDATE decision SET until = at + 30 * 86400 * 1000000
WHERE verdict = 'deny' AND (reason LIKE 'upstream.%' OR reason LIKE 'assertion.%');

DROP TRIGGER account_gone;

-- As before, and with everything that is new. A link stays until the next sign-in
-- has seen that it leads nowhere, or whoever removed the account takes it away.
-- +goose StatementBegin
CREATE TRIGGER account_gone AFTER DELETE ON account
BEGIN
    INSERT OR IGNORE INTO gone (tenant, store, user_id) VALUES (old.tenant, old.store, old.id);
    DELETE FROM provenance WHERE tenant = old.tenant AND store = old.store AND user_id = old.id;
    DELETE FROM granted WHERE tenant = old.tenant AND store = old.store AND user_id = old.id;
    DELETE FROM alias WHERE tenant = old.tenant AND user_id = old.id;
    DELETE FROM holds WHERE tenant = old.tenant AND store = old.store AND user_id = old.id;
    DELETE FROM receipt WHERE tenant = old.tenant AND store = old.store AND user_id = old.id;
    DELETE FROM reset WHERE tenant = old.tenant AND store = old.store AND user_id = old.id;
    DELETE FROM parted WHERE tenant = old.tenant AND store = old.store AND user_id = old.id;
END;
-- +goose StatementEnd
