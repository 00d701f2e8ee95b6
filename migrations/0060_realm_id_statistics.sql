-- A look-up by (realm_id, client_id) must use the primary key, also where realms differ much in size. Where the average
-- realm has one account, PostgreSQL takes an index that begins with realm_id to be as good and reads the whole realm.
-- With few distinct realms assumed, as for a table without statistics, the primary key is always the cheapest.
-- Neither statement holds back reads or writes.
alter table service_accounts alter column realm_id set (n_distinct = 200);
alter table client_secrets alter column realm_id set (n_distinct = 200);

analyze service_accounts (realm_id), client_secrets (realm_id);
