-- Audiences that a resource server is told about when it introspects; null: it was not given any, and the realm's rule holds.
alter table service_accounts add column introspects_audiences text[];

-- Whether unsigned answers heed them.
alter table realms add column introspection_audiences text not null default 'served'
  constraint realms_introspection_audiences_check check (introspection_audiences in ('served', 'all'));
