-- From where accounts asked for tokens, and why they were refused. Both are gathered in memory and written about once a minute.
-- Of each account at most ten origins that got tokens and ten that were refused, seen to the hour, and a count for each reason and
-- day (UTC); with an empty client_id reasons are those of the realm. Kept 90 days. No foreign keys, as in token_counts; what deletes
-- an account deletes these. The user agent is what a request said: cut, and without control characters.
create table account_origins (
  realm_id bigint not null,
  client_id text not null,
  outcome text not null constraint account_origins_outcome_check check (outcome in ('issued', 'refused')),
  address text not null,
  user_agent text not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  constraint account_origins_pkey primary key (realm_id, client_id, outcome, address, user_agent)
) with (fillfactor = 80);

create index account_origins_last_at_idx on account_origins (last_at);

create table refusal_counts (
  realm_id bigint not null,
  client_id text not null,
  starts_at timestamptz not null,
  reason text not null,
  count bigint not null,
  constraint refusal_counts_pkey primary key (realm_id, client_id, starts_at, reason)
) with (fillfactor = 80);

create index refusal_counts_starts_at_idx on refusal_counts (starts_at);
