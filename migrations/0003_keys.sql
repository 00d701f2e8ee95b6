-- Keys at rest are sealed under the master key, which is never in the database.
create table signing_keys (
  realm_id bigint not null constraint signing_keys_realm_fkey references realms on delete cascade,
  kid text not null,
  algorithm text not null,
  state text not null,
  public_jwk jsonb not null,
  sealed_private_jwk text not null,
  published_at timestamptz not null,
  activates_at timestamptz not null,
  activated_at timestamptz,
  retired_at timestamptz,
  constraint signing_keys_pkey primary key (realm_id, kid),
  constraint signing_keys_state_check check (state in ('next', 'current', 'retired'))
);

create unique index signing_keys_one_current_idx on signing_keys (realm_id) where state = 'current';
create unique index signing_keys_one_next_idx on signing_keys (realm_id) where state = 'next';

-- Keys of the server's own, by purpose; opening one proves the master key right.
create table data_keys (
  purpose text not null constraint data_keys_pkey primary key,
  sealed_key text not null,
  created_at timestamptz not null
);
