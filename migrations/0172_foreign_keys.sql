-- Public keys of the server that a realm was moved from: they stand in its JWKS until the last token of theirs has ended. The
-- mac is made with the verifier key, so that nobody adds a key or lets one live longer by writing to the database.
-- The version before neither publishes them nor knows their tokens.
create table foreign_keys (
  realm_id bigint not null constraint foreign_keys_realm_fkey references realms on delete cascade,
  kid text not null,
  algorithm text not null,
  -- iss of the tokens that it signed.
  issuer text not null,
  -- JSON with public members alone.
  jwk text not null,
  published_at timestamptz not null,
  ends_at timestamptz not null,
  mac bytea not null,
  constraint foreign_keys_pkey primary key (realm_id, kid)
);
create index foreign_keys_ends_at_idx on foreign_keys (ends_at);

-- When the tokens of an account ended, for those of the server before, which have no status. Outlives the account.
create table foreign_token_ends (
  realm_id bigint not null constraint foreign_token_ends_realm_fkey references realms on delete cascade,
  client_id text not null,
  ended_at timestamptz not null,
  constraint foreign_token_ends_pkey primary key (realm_id, client_id)
);
create index foreign_token_ends_ended_at_idx on foreign_token_ends (ended_at);
