-- Last uses in a narrow table of their own. On the wide rows of accounts and secrets, each first use in a while dirtied
-- two pages and cost PostgreSQL ten times as much. No foreign keys: their checks would lock, and so write, the rows that
-- this spares; whatever deletes an account deletes its uses.
-- The old columns last_used_… are still written by the version before, and read no more: a later version drops them.
create table last_uses (
  realm_id bigint not null,
  client_id text not null,
  secret_id text not null,
  used_at timestamptz not null,
  address text not null,
  scope text not null,
  constraint last_uses_pkey primary key (realm_id, client_id, secret_id)
) with (fillfactor = 80);

-- Address and scope were known of the account, whichever secret it used.
insert into last_uses (realm_id, client_id, secret_id, used_at, address, scope)
select s.realm_id, s.client_id, s.id, s.last_used_at, coalesce(a.last_used_address, ''), coalesce(a.last_used_scope, '')
from client_secrets s join service_accounts a on a.realm_id = s.realm_id and a.client_id = s.client_id
where s.last_used_at is not null;
