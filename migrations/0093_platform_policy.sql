-- Bounds that hold for what the administrators of realms may set, and how long the audit trail is kept: one row, set by platform
-- administrators. A member that is missing has its default, which is what there was before.
create table platform_policy (
  id smallint not null default 1 constraint platform_policy_pkey primary key,
  policy jsonb not null default '{}',
  version bigint not null default 1,
  constraint platform_policy_id_check check (id = 1)
);

insert into platform_policy default values;
