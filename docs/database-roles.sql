-- Makes the role that the server connects as, one that can read and add to the audit trail but not change it.
-- Run it in the server's database by the role that owns its tables, after each `mintmark migrate` as that role, before nodes of
-- the new version start: `psql "$OWNER_URL" --single-transaction -v ON_ERROR_STOP=1 -f docs/database-roles.sql`. To make a
-- role it needs CREATEROLE: else let a superuser run `create role mintmark_server login` first.
-- Give it a way to sign in as your site does: `alter role mintmark_server password '…'`, a certificate, …

do $$
begin
  if not exists (select from pg_roles where rolname = 'mintmark_server') then
    create role mintmark_server login;
  end if;
end $$;

-- What it writes. A table that is not named here can be read and added to, and no more.
grant select, insert, update, delete on
  account_ends,
  account_origins,
  account_subjects,
  attempt_counters,
  client_keys,
  client_networks,
  client_secrets,
  data_keys,
  deleted_realms,
  failed_attempts,
  fetched_keys,
  foreign_hashes,
  foreign_keys,
  foreign_token_ends,
  grants,
  idempotency_keys,
  issuer_refusals,
  last_uses,
  leaked_secrets,
  master_key_holders,
  never_used_accounts,
  platform_policy,
  portal_finished_sign_ins,
  portal_forms,
  portal_links,
  portal_sessions,
  protected_resource_groups,
  protected_resources,
  read_leases,
  realms,
  refusal_counts,
  revoked_tokens,
  service_accounts,
  shadow_counts,
  signing_keys,
  status_indexes,
  status_lists,
  token_counts,
  trusted_issuers,
  upgrades,
  used_assertions,
  webhook_deliveries,
  webhook_occurrences,
  webhooks,
  workload_identities,
  workload_identity_keys
to mintmark_server;

-- The audit trail: no change, no deletion. `mintmark audit prune` as the owner deletes what is too old.
grant select, insert on audit_events to mintmark_server;
revoke update, delete on audit_events from mintmark_server;
grant usage on sequence audit_events_ids to mintmark_server;

-- Its partitions are reached through it alone. The server makes those of the next months by a function that does nothing else
-- and has the rights of its owner; `mintmark audit prune` as the owner drops those that are too old.
do $$
declare
  part text;
begin
  for part in select inhrelid::regclass::text from pg_inherits where inhparent = 'audit_events'::regclass loop
    execute format('revoke all on %s from mintmark_server', part);
  end loop;
end $$;
grant execute on function audit_events_keep_partitions(timestamptz) to mintmark_server;

-- Which migrations there are.
grant select on kysely_migration, kysely_migration_lock to mintmark_server;
revoke insert, update, delete on kysely_migration, kysely_migration_lock from mintmark_server;

-- Tables of later versions, until this file of theirs is run.
alter default privileges in schema public revoke update, delete on tables from mintmark_server;
alter default privileges in schema public grant select, insert on tables to mintmark_server;
