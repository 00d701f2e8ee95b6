-- What roles are granted on: devices, groups of them, and things of types that a realm adds. Order is by code point,
-- so that it is the same everywhere. The search key is name and id as they are searched for.
alter table realms add column resource_types text[] not null default '{}';

create table protected_resources (
  realm_id bigint not null constraint protected_resources_realm_fkey references realms on delete cascade,
  type text collate "C" not null,
  id text collate "C" not null,
  name text not null,
  search_key text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint protected_resources_pkey primary key (realm_id, type, id)
);

create table protected_resource_groups (
  realm_id bigint not null,
  type text collate "C" not null,
  id text collate "C" not null,
  group_type text collate "C" not null,
  group_id text collate "C" not null,
  constraint protected_resource_groups_pkey primary key (realm_id, type, id, group_type, group_id),
  constraint protected_resource_groups_member_fkey foreign key (realm_id, type, id)
    references protected_resources on delete cascade,
  constraint protected_resource_groups_group_fkey foreign key (realm_id, group_type, group_id)
    references protected_resources on delete cascade
);

create index protected_resource_groups_group_idx on protected_resource_groups (realm_id, group_type, group_id);
