-- Who did what, on what, from where, when and with what outcome; written with the change itself, never changed after.
create table audit_events (
  id bigint generated always as identity constraint audit_events_pkey primary key,
  realm_id bigint,
  realm text,
  occurred_at timestamptz not null,
  actor_kind text not null,
  actor_id text not null,
  address text,
  action text not null,
  target text,
  outcome text not null,
  details jsonb not null,
  constraint audit_events_outcome_check check (outcome in ('done', 'refused'))
);

create index audit_events_realm_idx on audit_events (realm_id, id desc);
