-- A role of an account on one resource. What a token says of an account's grants is kept with the account, since the
-- road of a token request reads that row anyway: none (null), the JSON text, or that it is too long for a token.
create table grants (
  realm_id bigint not null,
  client_id text not null,
  type text collate "C" not null,
  id text collate "C" not null,
  role text collate "C" not null,
  created_at timestamptz not null,
  constraint grants_pkey primary key (realm_id, client_id, type, id, role),
  constraint grants_account_fkey foreign key (realm_id, client_id) references service_accounts on delete cascade,
  constraint grants_resource_fkey foreign key (realm_id, type, id) references protected_resources on delete cascade
);

create index grants_resource_idx on grants (realm_id, type, id);

alter table service_accounts
  add column authorization_details text,
  add column authorization_details_omitted boolean not null default false;
