-- A service account and its secrets: the argon2id hash is the record of truth, the HMAC a second verifier of
-- secrets that the server generated itself. A secret of the client's own choosing has no HMAC.
create table service_accounts (
  realm_id bigint not null constraint service_accounts_realm_fkey references realms on delete cascade,
  client_id text not null,
  name text not null,
  name_key text not null,
  description text not null default '',
  roles text[] not null,
  scopes text[],
  disabled_at timestamptz,
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  last_used_at timestamptz,
  last_used_address text,
  last_used_scope text,
  constraint service_accounts_pkey primary key (realm_id, client_id),
  constraint service_accounts_name_key unique (realm_id, name_key)
);

create table client_secrets (
  realm_id bigint not null,
  client_id text not null,
  id text not null,
  phc text not null,
  hmac bytea,
  last_four text not null,
  created_at timestamptz not null,
  expires_at timestamptz,
  last_used_at timestamptz,
  constraint client_secrets_pkey primary key (realm_id, client_id, id),
  constraint client_secrets_account_fkey foreign key (realm_id, client_id)
    references service_accounts on delete cascade
);
