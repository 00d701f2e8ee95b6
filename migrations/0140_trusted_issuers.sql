-- Workload identity federation: issuers that a realm trusts, and whose tokens get in as which service account. The version
-- before reads none of it, and lets nobody in by it.
create table trusted_issuers (
  realm_id bigint not null constraint trusted_issuers_realm_fkey references realms on delete cascade,
  id text not null,
  issuer text not null,
  name text not null default '',
  preset text,
  key_source text not null
    constraint trusted_issuers_key_source_check check (key_source in ('discovery', 'jwks_uri', 'jwks', 'spiffe_bundle')),
  -- Of keys that are fetched: where.
  key_address text,
  -- Public members alone.
  uploaded_jwks jsonb,
  -- Null: the issuer and the token endpoint of the realm.
  audiences text[],
  algorithms text[] not null,
  max_lifetime_seconds integer not null,
  -- Paths of claims, of which a workload identity without sub pins all.
  required_claims jsonb not null default '[]',
  single_use boolean not null default false,
  enabled boolean not null default true,
  -- What ends tokens just now: 'disable', 'keys' or 'delete'. They end in the order of client_id; up to which they have.
  ending text constraint trusted_issuers_ending_check check (ending in ('disable', 'keys', 'delete')),
  ended_up_to text collate "C" not null default '',
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint trusted_issuers_pkey primary key (realm_id, id),
  constraint trusted_issuers_issuer_key unique (realm_id, issuer)
);
create index trusted_issuers_ending_idx on trusted_issuers (realm_id, id) where ending is not null;

create table workload_identities (
  realm_id bigint not null,
  client_id text not null,
  id text not null,
  issuer_id text not null,
  -- All of them hold for a token.
  rules jsonb not null,
  name text not null default '',
  created_at timestamptz not null,
  constraint workload_identities_pkey primary key (realm_id, client_id, id),
  constraint workload_identities_account_fkey foreign key (realm_id, client_id)
    references service_accounts on delete cascade,
  constraint workload_identities_issuer_fkey foreign key (realm_id, issuer_id) references trusted_issuers
);
-- By code point, as the tokens of a whole issuer end.
create index workload_identities_issuer_idx on workload_identities (realm_id, issuer_id, client_id collate "C");

-- By what a token is looked up: a hash of each combination of values that a workload identity pins.
create table workload_identity_keys (
  realm_id bigint not null,
  issuer_id text not null,
  hash bytea not null,
  client_id text not null,
  identity_id text not null,
  constraint workload_identity_keys_pkey primary key (realm_id, issuer_id, hash, client_id, identity_id),
  constraint workload_identity_keys_identity_fkey foreign key (realm_id, client_id, identity_id)
    references workload_identities on delete cascade
);
create index workload_identity_keys_identity_idx on workload_identity_keys (realm_id, client_id, identity_id);
