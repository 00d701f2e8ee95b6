-- Public keys that other issuers publish, as they were last fetched, so that a restart needs no network and all nodes
-- share one copy. Nodes take turns by attempted_at: an attempt belongs to the node whose update changed it.
create table fetched_keys (
  realm_id bigint not null,
  -- How and from where: 'discovery https://…', 'jwks_uri https://…' or 'spiffe_bundle https://…'.
  source text not null,
  -- Readable keys alone, with public members only; null until a fetch has succeeded.
  keys jsonb,
  -- What was left out of the document, and why.
  skipped jsonb not null default '[]',
  fetched_at timestamptz,
  fresh_until timestamptz,
  attempted_at timestamptz not null,
  -- When the last attempt ended; earlier than attempted_at while one is under way.
  ended_at timestamptz,
  failed_since timestamptz,
  -- Why the last attempt failed; null after a success.
  fault text,
  constraint fetched_keys_pkey primary key (realm_id, source)
);
create index fetched_keys_attempted_at_idx on fetched_keys (attempted_at);
create index fetched_keys_failing_idx on fetched_keys (failed_since) where failed_since is not null;
