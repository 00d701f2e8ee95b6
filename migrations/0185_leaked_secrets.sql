-- Where and when secrets were found in public, so that their accounts look so until they have another one. It is read by people
-- alone, not by token requests. Reports of versions before are taken from the audit trail.
create table leaked_secrets (
  realm_id bigint not null,
  client_id text not null,
  secret_id text not null,
  found_at timestamptz not null,
  url text,
  source text,
  constraint leaked_secrets_pkey primary key (realm_id, client_id, secret_id),
  constraint leaked_secrets_account_fkey foreign key (realm_id, client_id) references service_accounts on delete cascade
);
insert into leaked_secrets (realm_id, client_id, secret_id, found_at, url, source)
  select e.realm_id, e.target, e.details ->> 'secret', e.occurred_at, e.details ->> 'url', e.details ->> 'source'
  from realms r
  join audit_events e on e.realm_id = r.id and e.action = 'service-account.leaked-secret' and e.outcome = 'done'
  join service_accounts a on a.realm_id = e.realm_id and a.client_id = e.target
  where e.details ->> 'secret' is not null
  order by e.occurred_at
  on conflict do nothing;
