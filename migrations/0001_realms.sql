-- A realm is a tenant. Its version grows with every change that a token or the JWKS could show, so that whoever
-- reads a row of the realm learns with it whether what they keep of the realm is still true.
create table realms (
  id bigint generated always as identity constraint realms_pkey primary key,
  name text not null constraint realms_name_key unique,
  display_name text not null,
  algorithm text not null,
  token_lifetime_seconds integer not null,
  service_account_limit integer not null,
  service_account_count integer not null default 0,
  scopes text[] not null,
  audiences text[] not null,
  roles text[] not null,
  key_rotation_seconds integer not null,
  key_publish_seconds integer not null,
  jwks_max_age_seconds integer not null,
  rotation_due_at timestamptz not null default '-infinity',
  imports_secrets boolean not null default false,
  version bigint not null default 1,
  created_at timestamptz not null,
  constraint realms_name_check check (name ~ '^[a-z0-9-]{1,63}$'),
  constraint realms_token_lifetime_check check (token_lifetime_seconds between 30 and 3600),
  constraint realms_service_account_count_check check (service_account_count >= 0)
);

create index realms_rotation_due_at_idx on realms (rotation_due_at);
