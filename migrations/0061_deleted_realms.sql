-- Which realms there were: the audit trail of a realm outlives it, and platform administrators find it by the realm's name.
-- Those of before are taken from the trail, one look at its index a realm.
create table deleted_realms (
  id bigint constraint deleted_realms_pkey primary key,
  name text not null,
  deleted_at timestamptz not null
);

create index deleted_realms_name_idx on deleted_realms (name, deleted_at desc);

with recursive known(id) as (
  select min(realm_id) from audit_events
  union all
  select (select min(realm_id) from audit_events where realm_id > known.id) from known where known.id is not null
)
insert into deleted_realms (id, name, deleted_at)
select known.id, last.realm, last.occurred_at
from known
cross join lateral (
  select realm, occurred_at from audit_events
  where realm_id = known.id
  order by occurred_at desc, id desc
  limit 1
) last
where last.realm is not null and not exists (select from realms where realms.id = known.id);
