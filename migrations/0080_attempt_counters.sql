-- Failed attempts are counted under exact keys, so that no name collides with another; and an attempt is counted before
-- the work on it begins, so that many at once are not worth more than one by one. The version before goes on counting in
-- failed_attempts, which a later version drops. Worth nothing after a crash, hence unlogged. Times are milliseconds since 1970.
create unlogged table attempt_counters (
  key text constraint attempt_counters_pkey primary key,
  failures integer not null,
  undecided integer not null,
  undecided_until bigint not null,
  held_until bigint not null,
  expires_at bigint not null,
  attempt_limit integer not null,
  granted boolean not null
);
create index attempt_counters_expires_at on attempt_counters (expires_at);

-- Networks that a client proved an imported secret from: a restarted server, and every other node, knows them when
-- strangers fail in that network. A client has one row a slot, so there are at most 256. No foreign key: its check would
-- lock the account's row.
create table client_networks (
  realm_id bigint not null,
  client_id text not null,
  slot smallint not null,
  network text not null,
  seen_at timestamptz not null,
  constraint client_networks_pkey primary key (realm_id, client_id, slot)
);
create index client_networks_seen_at on client_networks (seen_at);
