-- What a realm in shadow mode would have answered, by client and reason: it is sent the live traffic of another server, does
-- all that a token takes, and gives none. Written every few seconds, as last uses are. No foreign key: its check would lock the
-- realm's row; whatever deletes a realm deletes its counts.
create table shadow_counts (
  realm_id bigint not null,
  -- Empty where the request named none, and for strangers beyond a bound.
  client_id text not null,
  reason text not null,
  -- It is the client_id of an account.
  known boolean not null,
  count bigint not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  constraint shadow_counts_pkey primary key (realm_id, client_id, reason)
) with (fillfactor = 80);

-- To bound the rows of strangers.
create index shadow_counts_strangers_idx on shadow_counts (realm_id) where not known;

alter table realms add column shadow_mode boolean not null default false;
