-- The trail in partitions by month, so that old ones go whole, with three indexes. The table of before becomes the default
-- partition, which looks at no line; `audit_events_split` gives it its bound later, without a lock that lasts. Its name and columns
-- stay, so the version before goes on reading and writing. Ids come from a sequence: identity columns of partitioned tables are for
-- PostgreSQL 17 and later.
alter table audit_events rename to audit_events_before;
create sequence audit_events_ids as bigint;
create table audit_events (
  id bigint not null default nextval('audit_events_ids'),
  realm_id bigint,
  realm text,
  occurred_at timestamptz not null,
  actor_kind text not null,
  actor_id text not null,
  address text,
  action text not null,
  target text,
  outcome text not null,
  details jsonb not null,
  constraint audit_events_outcome_check check (outcome in ('done', 'refused'))
) partition by range (occurred_at);
alter sequence audit_events_ids owned by audit_events.id;

-- What was granted on the table: the server's role may be another one than this.
do $$
declare
  held record;
begin
  for held in
    select case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end as role, privilege_type as privilege
    from pg_class, aclexplode(relacl)
    where oid = 'audit_events_before'::regclass and grantee <> relowner
  loop
    execute format('grant %s on audit_events to %s', held.privilege, held.role);
    if held.privilege = 'INSERT' then
      execute format('grant usage on sequence audit_events_ids to %s', held.role);
    end if;
  end loop;
end $$;

-- Partitions with their bounds: without one infinite, of the default partition null.
create function audit_events_partitions(out name text, out lower_bound timestamptz, out upper_bound timestamptz) returns setof record
language sql stable
set timezone = 'UTC' set datestyle = 'ISO'
as $$
  select c.relname::text,
    case when b[1] = 'MINVALUE' then '-infinity' else trim(b[1], '''')::timestamptz end,
    case when b[2] = 'MAXVALUE' then 'infinity' else trim(b[2], '''')::timestamptz end
  from pg_catalog.pg_class c
  left join lateral regexp_match(pg_catalog.pg_get_expr(c.relpartbound, c.oid), 'FROM \((.+)\) TO \((.+)\)') b on true
  where c.relispartition
    and c.oid in (select inhrelid from pg_catalog.pg_inherits where inhparent = 'audit_events'::regclass)
$$;

-- The three indexes of a partition. That by action also gives the order of time: a realm has few actions. Actors and targets stand
-- there as hashes, with the realm in them, in half of the room.
create function audit_events_index(name text, prefix text) returns void language plpgsql as $$
begin
  execute format('create index %I on %I (realm_id, action, occurred_at desc, id desc)', prefix || '_action_idx', name);
  execute format('create index %I on %I (hashtextextended(actor_id, coalesce(realm_id, 0)), occurred_at desc)', prefix || '_actor_idx', name);
  execute format('create index %I on %I (hashtextextended(target, coalesce(realm_id, 0)), occurred_at desc)', prefix || '_target_idx', name);
end $$;

-- Builds the indexes of a month that is over anew: what grew line by line has half of its room free. Reads go on meanwhile. The
-- table of before has its own until then, for nodes of the version before.
create function audit_events_pack(name text) returns void language plpgsql as $$
declare
  old text[] := array(select indexrelid::regclass::text from pg_index where indrelid = to_regclass(quote_ident(name)));
  one text;
begin
  perform audit_events_index(name, name || '_packed');
  execute format('alter table %I replica identity full', name);
  if name = 'audit_events_before' then
    alter table audit_events_before drop constraint audit_events_pkey;
  end if;
  foreach one in array old loop
    execute format('drop index if exists %s', one);
  end loop;
end $$;

-- Makes the partition of a month, and moves there what the default partition has of it.
create function audit_events_add_month(month timestamp) returns void language plpgsql as $$
declare
  name text := 'audit_events_' || to_char(month, 'YYYY_MM');
  starts timestamptz := month at time zone 'UTC';
  ends timestamptz := (month + interval '1 month') at time zone 'UTC';
  move text := format('with moved as (delete from audit_events_default where occurred_at >= $1 and occurred_at < $2 returning *)
    insert into %I select * from moved', name);
begin
  execute format('create table %I (like audit_events including defaults including constraints)', name);
  execute format('alter table %I replica identity full', name);
  -- Without a look at its lines, which the default partition may have had, while others wait.
  execute format('alter table %I add constraint %I check (occurred_at >= %L and occurred_at < %L)',
    name, name || '_bounds', starts, ends);
  perform audit_events_index(name, name);
  if exists (select from audit_events_default where occurred_at >= starts and occurred_at < ends) then
    execute move using starts, ends;
  end if;
  -- The few lines that were written meanwhile, and none after them.
  lock table audit_events_default in access exclusive mode;
  execute move using starts, ends;
  execute format('alter table audit_events attach partition %I for values from (%L) to (%L)', name, starts, ends);
  execute format('alter table %I drop constraint %I', name, name || '_bounds');
end $$;

-- Gives the table of before its bound, one step a transaction: says what a node is to do next, null once all is done. No line
-- may be at or beyond the bound, which is more than a month ahead.
create function audit_events_split(at timestamptz) returns text language plpgsql as $$
declare
  month timestamp := date_trunc('month', at at time zone 'UTC');
  past record;
  newest timestamptz;
begin
  if not exists (select from audit_events_partitions() p where p.name = 'audit_events_before' and p.lower_bound is null) then
    return null;
  end if;
  select convalidated as is_valid, (regexp_match(conbin_text, '''(.+)''::'))[1]::timestamptz as bound into past
    from (select convalidated, pg_get_expr(conbin, conrelid) as conbin_text from pg_constraint
      where conrelid = 'audit_events_before'::regclass and conname = 'audit_events_before_bound') c;
  if past.bound is null then
    select max(occurred_at) into newest from audit_events_before;
    if newest is null then
      month := month - interval '2 months';
    elsif newest > at then
      month := greatest(month, date_trunc('month', newest at time zone 'UTC'));
    end if;
    execute format('alter table audit_events_before add constraint audit_events_before_bound check (occurred_at < %L) not valid',
      (month + interval '2 months') at time zone 'UTC');
    return 'validate';
  end if;
  if past.bound < at + interval '7 days' and exists (select from audit_events_before limit 1) then
    alter table audit_events_before drop constraint audit_events_before_bound;
    return 'bound';
  end if;
  if not past.is_valid then
    alter table audit_events_before validate constraint audit_events_before_bound;
    return 'attach';
  end if;
  alter table audit_events detach partition audit_events_before;
  if exists (select from audit_events_before limit 1) then
    execute format('alter table audit_events attach partition audit_events_before for values from (minvalue) to (%L)', past.bound);
    alter table audit_events_before drop constraint audit_events_before_bound;
  else
    drop table audit_events_before;
  end if;
  create table audit_events_default partition of audit_events default;
  alter table audit_events_default replica identity full;
  perform audit_events_index('audit_events_default', 'audit_events_default');
  return 'months';
end $$;

-- What any node does now and then, with the rights of the owner and for nothing else: partitions of this month and the three
-- after it, of months that the default partition has lines of, and small indexes of months that are over. Says whether there is
-- more to do at once.
create function audit_events_keep_partitions(at timestamptz) returns boolean language plpgsql as $$
declare
  this_month timestamp := date_trunc('month', at at time zone 'UTC');
  missing timestamp;
  stray timestamptz;
  closed text;
begin
  if not pg_try_advisory_xact_lock(3853314791062309108) then
    return false;
  end if;
  if audit_events_split(at) is not null then
    return true;
  end if;
  if (select count(*) from audit_events_partitions() p where p.lower_bound > now()) >= 12
    or (select count(*) from audit_events_partitions()) >= 1500 then
    return false;
  end if;
  select min(occurred_at) into stray from audit_events_default
    where occurred_at >= (this_month - interval '24 months') at time zone 'UTC' and occurred_at < (this_month + interval '4 months') at time zone 'UTC';
  select min(m) into missing from (
      select this_month + n * interval '1 month' as m from generate_series(0, 3) n
      union all select date_trunc('month', stray at time zone 'UTC')
    ) wanted
    where m is not null and not exists (select from audit_events_partitions() p
      where p.lower_bound < (m + interval '1 month') at time zone 'UTC' and p.upper_bound > m at time zone 'UTC');
  if missing is not null then
    perform audit_events_add_month(missing);
    return true;
  end if;
  select p.name into closed from audit_events_partitions() p
    where p.upper_bound < at and to_regclass(quote_ident(p.name || '_packed_action_idx')) is null
    order by p.upper_bound limit 1;
  if closed is not null then
    perform audit_events_pack(closed);
    return true;
  end if;
  return false;
end $$;

-- The server may call the last one alone, with the owner's rights, and its search path is fixed.
do $$
declare
  held record;
begin
  execute format('alter function audit_events_keep_partitions(timestamptz) security definer set search_path = %I, pg_temp', current_schema());
  revoke all on function audit_events_keep_partitions(timestamptz), audit_events_split(timestamptz),
    audit_events_add_month(timestamp), audit_events_index(text, text), audit_events_pack(text) from public;
  for held in
    select quote_ident(pg_get_userbyid(grantee)) as role from pg_class, aclexplode(relacl)
    where oid = 'audit_events_before'::regclass and grantee not in (0, relowner) and privilege_type = 'INSERT'
  loop
    execute format('grant execute on function audit_events_keep_partitions(timestamptz) to %s', held.role);
  end loop;
end $$;

-- Ids go on where those of before end. From here on the trail is one again.
select setval('audit_events_ids', last_value, is_called) from audit_events_id_seq;
alter table audit_events_before alter column id drop identity;
alter table audit_events attach partition audit_events_before default;

-- A short trail is split at once.
do $$
begin
  if (select count(*) from (select from audit_events_before limit 10001) few) <= 10000 then
    while audit_events_keep_partitions(now()) loop end loop;
  end if;
end $$;
