-- Web hooks: addresses that are told of what an administrator wants to know. What is to be told is written in the transaction of
-- what happened, and sent by any node. No delivery holds a secret: the realm's signing key signs each attempt.
create table webhooks (
  realm_id bigint not null constraint webhooks_realm_fkey references realms on delete cascade,
  id text not null,
  url text not null,
  description text not null default '',
  events text[] not null,
  enabled boolean not null default true,
  -- Why the server paused it; null: it did not.
  paused_reason text constraint webhooks_paused_reason_check check (paused_reason in ('failing', 'gone')),
  -- No attempt has succeeded since; null: the last one did.
  failing_since timestamptz,
  -- When the next delivery is due; null: none waits.
  due_at timestamptz,
  -- A node sends its deliveries until then: a node that dies leaves it to the others.
  leased_until timestamptz not null default '-infinity',
  -- When its realm was last looked at for what nobody does, such as a secret that grows too old.
  looked_at timestamptz not null default '-infinity',
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint webhooks_pkey primary key (realm_id, id)
);
create index webhooks_due_idx on webhooks (due_at) where enabled and due_at is not null;
create index webhooks_looked_at_idx on webhooks (looked_at) where enabled;

create table webhook_deliveries (
  realm_id bigint not null,
  webhook_id text not null,
  -- webhook-id of all its attempts.
  id text not null,
  type text not null,
  -- The body, as it is signed.
  body text not null,
  created_at timestamptz not null,
  attempts integer not null default 0,
  attempted_at timestamptz,
  -- Status of the last answer; null: there was none.
  answered smallint,
  fault text,
  -- Null: it was delivered, or given up.
  due_at timestamptz,
  delivered_at timestamptz,
  constraint webhook_deliveries_pkey primary key (realm_id, webhook_id, id),
  constraint webhook_deliveries_webhook_fkey foreign key (realm_id, webhook_id) references webhooks on delete cascade
);
create index webhook_deliveries_due_idx on webhook_deliveries (realm_id, webhook_id, due_at) where due_at is not null;
create index webhook_deliveries_newest_idx on webhook_deliveries (realm_id, webhook_id, created_at, id);
create index webhook_deliveries_created_at_idx on webhook_deliveries (created_at);

-- What a web hook was told of already: each occurrence is told once, however many nodes find it.
create table webhook_occurrences (
  realm_id bigint not null,
  webhook_id text not null,
  type text not null,
  occurrence text not null,
  noted_at timestamptz not null,
  constraint webhook_occurrences_pkey primary key (realm_id, webhook_id, type, occurrence),
  constraint webhook_occurrences_webhook_fkey foreign key (realm_id, webhook_id) references webhooks on delete cascade
);
create index webhook_occurrences_noted_at_idx on webhook_occurrences (noted_at);
