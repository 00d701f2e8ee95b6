-- Whether anybody in a realm holds a role is asked while the realm's row is held, and was a scan of all its accounts: half
-- a second for a million. Found by realm and role in one, for names of roles are alike in many realms; made of what
-- every PostgreSQL has, since btree_gin is not installed everywhere. The index holds back changes of accounts, and no
-- tokens, while it is built: some ten seconds for a million.
create function account_realm_roles(realm_id bigint, roles text[]) returns text[]
language sql immutable strict parallel safe
as $$ select array_agg(realm_id || '/' || role) from unnest(roles) role $$;

create index service_accounts_realm_roles_idx on service_accounts using gin (account_realm_roles(realm_id, roles));
