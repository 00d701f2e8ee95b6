import type pg from 'pg'

// initdb makes a superuser `mintmark`. The server needs none, so that role is renamed and loses its password, and the name
// goes to an ordinary role with that password. A version that expects a superuser of this name works with it, too.

/** Name of the superuser. It has no password, so that it cannot connect by one. */
const SUPERUSER = 'mintmark_superuser'

/** Advisory lock of the processes that make the ordinary role. */
const CONVERSION = 6_468_646

/** PostgreSQL's id of the role that initdb makes. It cannot lose the superuser attribute. */
const BOOTSTRAP_ROLE = 10

// A session cannot rename its own role, so that another superuser does it, which is gone at the end of the transaction.
// Objects that the first role owns are not in pg_shdepend, where `reassign owned` looks. Sequences of columns go with their tables.
const CONVERT = `
do $$
declare
  object text;
begin
  if (select rolname from pg_roles where oid = ${BOOTSTRAP_ROLE}) <> 'mintmark' then return; end if;
  create role mintmark_conversion superuser;
  set local session authorization mintmark_conversion;
  alter role mintmark rename to ${SUPERUSER};
  reset session authorization;
  drop role mintmark_conversion;
  execute (
    select format('create role mintmark login password %L', rolpassword) from pg_authid where oid = ${BOOTSTRAP_ROLE}
  );
  alter role ${SUPERUSER} password null;
  execute format('alter database %I owner to mintmark', current_database());
  for object in
    with own as (
      select 'schema' as kind, oid, quote_ident(nspname) as name, 'pg_namespace'::regclass as catalog
      from pg_namespace where nspowner = ${BOOTSTRAP_ROLE} and nspname !~ '^pg_'
      union all
      select case relkind when 'S' then 'sequence' when 'v' then 'view' when 'm' then 'materialized view' else 'table' end,
        oid, oid::regclass::text, 'pg_class'::regclass
      from pg_class where relowner = ${BOOTSTRAP_ROLE} and relkind in ('r', 'p', 'v', 'm', 'S') and relpersistence <> 't'
      union all
      select 'routine', oid, oid::regprocedure::text, 'pg_proc'::regclass
      from pg_proc where proowner = ${BOOTSTRAP_ROLE}
      union all
      select 'type', oid, oid::regtype::text, 'pg_type'::regclass
      from pg_type where typowner = ${BOOTSTRAP_ROLE} and typtype in ('e', 'd')
    )
    select format('alter %s %s owner to mintmark', kind, name) from own
    -- 16,384 is the first id that initdb does not use. Members of an extension stay with it.
    where oid >= 16384 and not exists (
      select from pg_depend where classid = catalog and objid = oid
        and (deptype = 'e' or kind = 'sequence' and deptype in ('a', 'i'))
    )
  loop
    execute object;
  end loop;
end $$`

/**
 * Gives what the superuser `mintmark` owns to an ordinary role of that name.
 * @returns whether this session has become one of a superuser that is to be left
 */
export async function makeOrdinaryRole(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query('select rolsuper from pg_roles where oid = session_user::regrole')
  if (!rows[0].rolsuper) return false
  // In one transaction: a simple query of several statements is one.
  await client.query(`set local lock_timeout = '5s'; select pg_advisory_xact_lock(${CONVERSION}); ${CONVERT}`)
  return true
}
