-- The first schema. Every text compares byte by byte (BINARY, the default
-- collation): a provider's subject and a username's canonical form are exact.
-- Instants are microseconds since 1970-01-01T00:00:00Z. Ids are UUIDv7 texts,
-- hashes are 32 bytes.

-- +goose Up

-- The accounts of PRIMARY. attributes is a JSON list of {name, values, verified},
-- sorted by name.
CREATE TABLE account (
    tenant     TEXT    NOT NULL,
    store      TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    username   TEXT    NOT NULL,
    canonical  TEXT    NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('active', 'disabled', 'locked', 'pending', 'expired')),
    attributes TEXT    NOT NULL,
    created    INTEGER NOT NULL,
    updated    INTEGER NOT NULL,
    PRIMARY KEY (tenant, store, id)
) STRICT, WITHOUT ROWID;

-- Enforces "this username is free".
CREATE UNIQUE INDEX account_canonical ON account (tenant, store, canonical);

CREATE TABLE membership (
    tenant  TEXT NOT NULL,
    store   TEXT NOT NULL,
    user_id TEXT NOT NULL,
    name    TEXT NOT NULL,
    PRIMARY KEY (tenant, store, user_id, name),
    FOREIGN KEY (tenant, store, user_id) REFERENCES account (tenant, store, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Accounts that were removed.
CREATE TABLE gone (
    tenant  TEXT NOT NULL,
    store   TEXT NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (tenant, store, user_id)
) STRICT, WITHOUT ROWID;

-- Who a provider's subject is here. The key enforces "this subject has no link".
CREATE TABLE link (
    tenant     TEXT    NOT NULL,
    idp        TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    store      TEXT    NOT NULL,
    user_id    TEXT    NOT NULL,
    pending    INTEGER NOT NULL,
    created    INTEGER NOT NULL,
    last_login INTEGER NOT NULL,
    PRIMARY KEY (tenant, idp, subject)
) STRICT, WITHOUT ROWID;

CREATE INDEX link_user ON link (tenant, store, user_id);

-- Who wrote an attribute. digest is a keyed digest of what they wrote: if it is
-- not that of the value held, somebody else has written since.
CREATE TABLE provenance (
    tenant      TEXT    NOT NULL,
    store       TEXT    NOT NULL,
    user_id     TEXT    NOT NULL,
    attribute   TEXT    NOT NULL,
    source_kind TEXT    NOT NULL,
    source_name TEXT    NOT NULL,
    rule        TEXT    NOT NULL,
    decision    TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    digest      TEXT    NOT NULL,
    PRIMARY KEY (tenant, store, user_id, attribute)
) STRICT, WITHOUT ROWID;

-- Groups and roles with the source that gave them.
CREATE TABLE granted (
    tenant      TEXT    NOT NULL,
    store       TEXT    NOT NULL,
    user_id     TEXT    NOT NULL,
    kind        TEXT    NOT NULL CHECK (kind IN ('group', 'role')),
    name        TEXT    NOT NULL,
    source_kind TEXT    NOT NULL,
    source_name TEXT    NOT NULL,
    rule        TEXT    NOT NULL,
    decision    TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (tenant, store, user_id, kind, name, source_kind, source_name)
) STRICT, WITHOUT ROWID;

-- Applications that know a subject as a person without an account.
CREATE TABLE seen (
    tenant      TEXT    NOT NULL,
    idp         TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    application TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (tenant, idp, subject, application)
) STRICT, WITHOUT ROWID;

-- The subject by which an application knew a user before there was an account.
CREATE TABLE alias (
    tenant      TEXT NOT NULL,
    user_id     TEXT NOT NULL,
    application TEXT NOT NULL,
    idp         TEXT NOT NULL,
    subject     TEXT NOT NULL,
    PRIMARY KEY (tenant, user_id, application)
) STRICT, WITHOUT ROWID;

-- Policies as they were in force, by the digest of what they say.
CREATE TABLE policy (
    version TEXT NOT NULL PRIMARY KEY,
    body    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What was decided. sealed is the whole record, packed and sealed.
CREATE TABLE decision (
    id          TEXT    NOT NULL PRIMARY KEY,
    tenant      TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    verdict     TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    idp         TEXT    NOT NULL,
    application TEXT    NOT NULL,
    store       TEXT    NOT NULL,
    user_id     TEXT    NOT NULL,
    policy      TEXT    NOT NULL REFERENCES policy (version),
    sealed      BLOB    NOT NULL
) STRICT;

-- What must be told to the outside, in the order of the commits.
CREATE TABLE outbox (
    id        INTEGER NOT NULL PRIMARY KEY,
    tenant    TEXT    NOT NULL,
    event     TEXT    NOT NULL,
    store     TEXT    NOT NULL,
    user_id   TEXT    NOT NULL,
    decision  TEXT    NOT NULL,
    body      TEXT    NOT NULL,
    created   INTEGER NOT NULL,
    delivered INTEGER
) STRICT;

-- Sessions, codes, families and what is spent are rowid tables: rows are appended
-- in the order of their making, and so are their keys, which begin with the time.
-- Fewer pages change with each sign-in, and the oldest rows are found without an index.

-- Browser sessions. person is sealed: what is known of a person without an account.
CREATE TABLE session (
    tenant    TEXT    NOT NULL,
    hash      BLOB    NOT NULL,
    user_id   TEXT    NOT NULL,
    store     TEXT    NOT NULL,
    idp       TEXT    NOT NULL,
    subject   TEXT    NOT NULL,
    auth_time INTEGER NOT NULL,
    acr       TEXT    NOT NULL,
    amr       TEXT    NOT NULL,
    decision  TEXT    NOT NULL,
    person    BLOB,
    created   INTEGER NOT NULL,
    expires   INTEGER NOT NULL,
    UNIQUE (tenant, hash)
) STRICT;

CREATE INDEX session_user ON session (tenant, user_id) WHERE user_id <> '';

CREATE TABLE code (
    tenant       TEXT    NOT NULL,
    hash         BLOB    NOT NULL,
    application  TEXT    NOT NULL,
    session      BLOB    NOT NULL,
    family       TEXT    NOT NULL,
    sub          TEXT    NOT NULL,
    user_id      TEXT    NOT NULL,
    redirect_uri TEXT    NOT NULL,
    challenge    TEXT    NOT NULL,
    nonce        TEXT    NOT NULL,
    scope        TEXT    NOT NULL,
    auth_time    INTEGER NOT NULL,
    acr          TEXT    NOT NULL,
    amr          TEXT    NOT NULL,
    decision     TEXT    NOT NULL,
    expires      INTEGER NOT NULL,
    used         INTEGER NOT NULL,
    UNIQUE (tenant, hash)
) STRICT;

CREATE TABLE family (
    tenant      TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    application TEXT    NOT NULL,
    session     BLOB    NOT NULL,
    user_id     TEXT    NOT NULL,
    sub         TEXT    NOT NULL,
    scope       TEXT    NOT NULL,
    nonce       TEXT    NOT NULL,
    auth_time   INTEGER NOT NULL,
    acr         TEXT    NOT NULL,
    amr         TEXT    NOT NULL,
    decision    TEXT    NOT NULL,
    generation  INTEGER NOT NULL,
    offline     INTEGER NOT NULL,
    created     INTEGER NOT NULL,
    expires     INTEGER NOT NULL,
    revoked     INTEGER NOT NULL,
    UNIQUE (tenant, id)
) STRICT;

-- The others end with their session.
CREATE INDEX family_user ON family (tenant, user_id) WHERE offline = 1 AND user_id <> '';
CREATE INDEX family_expires ON family (expires);

-- What counts only once. key is made of kind, tenant, scope and name.
CREATE TABLE spent (
    key   BLOB    NOT NULL UNIQUE,
    until INTEGER NOT NULL
) STRICT;

-- Keys, sealed under a master key that is not in this database.
CREATE TABLE sealed_key (
    id      TEXT    NOT NULL PRIMARY KEY,
    use     TEXT    NOT NULL,
    alg     TEXT    NOT NULL,
    created INTEGER NOT NULL,
    sealed  BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

-- The key of pseudonyms and digests is never replaced, so there is only one.
CREATE UNIQUE INDEX sealed_key_mac ON sealed_key (use) WHERE use = 'mac';

-- A removed account leaves nothing that another could inherit. Its links stay
-- until the next sign-in has seen that they lead nowhere.
-- +goose StatementBegin
CREATE TRIGGER account_gone AFTER DELETE ON account
BEGIN
    INSERT OR IGNORE INTO gone (tenant, store, user_id) VALUES (old.tenant, old.store, old.id);
    DELETE FROM provenance WHERE tenant = old.tenant AND store = old.store AND user_id = old.id;
    DELETE FROM granted WHERE tenant = old.tenant AND store = old.store AND user_id = old.id;
    DELETE FROM alias WHERE tenant = old.tenant AND user_id = old.id;
END;
-- +goose StatementEnd

-- Who leaves a group holds it from nobody.
-- +goose StatementBegin
CREATE TRIGGER membership_left AFTER DELETE ON membership
BEGIN
    DELETE FROM granted
    WHERE tenant = old.tenant AND store = old.store AND user_id = old.user_id AND kind = 'group' AND name = old.name;
END;
-- +goose StatementEnd
