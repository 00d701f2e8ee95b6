-- Tokens issued and requests refused, by hour and by day (UTC): of an account, and with an empty client_id of its realm. Gathered
-- in memory and written about once a minute. No foreign keys, as in last_uses; whatever deletes an account deletes its counts.
create table token_counts (
  realm_id bigint not null,
  client_id text not null,
  period text not null check (period in ('hour', 'day')),
  starts_at timestamptz not null,
  issued bigint not null,
  refused bigint not null,
  constraint token_counts_pkey primary key (realm_id, client_id, period, starts_at)
) with (fillfactor = 80);

-- What a period of a realm had, and what is old enough to delete.
create index token_counts_period_idx on token_counts (period, starts_at, realm_id);
