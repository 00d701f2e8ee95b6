-- Makes the role that the server connects as, one that can read and add to the audit trail but not change it.
-- Run once in the server's database by the role that owns its tables, after `mintmark migrate` as that role. To make a role
-- it needs CREATEROLE: else let a superuser run `create role` first. From then on, upgrades are migrated by the owner (`DATABASE_URL=<owner> mintmark migrate`) and the server runs as mintmark_server.
-- Give it a way to sign in as your site does: `alter role mintmark_server password '…'`, a certificate, …

create role mintmark_server login;

grant select, insert, update, delete on all tables in schema public to mintmark_server;
-- Tables of later versions: the server needs these rights at once. A migration that adds a table to the audit trail revokes
-- update and delete on it.
alter default privileges in schema public grant select, insert, update, delete on tables to mintmark_server;

revoke update, delete on audit_events from mintmark_server;
revoke insert, update, delete on kysely_migration, kysely_migration_lock from mintmark_server;
