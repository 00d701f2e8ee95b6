-- What is rare among 200,000 accounts or thousands of grants is found by an index. All of it holds back changes of grants, accounts
-- and last uses, and no tokens, while it is built: some ten seconds for a million accounts.

-- Who may do what on a resource is listed a page at a time, in order of client_id: without the order in the index, each page would
-- read and sort all grants on it, and their accounts. The index of before has the same beginning; a later version drops it.
create index grants_holders_idx on grants (realm_id, type, id, client_id, role);

-- Accounts that were last used long ago, by the month (UTC): an index on the time itself would make each write of a use three times
-- as expensive, and the month changes once a month. Null, or older than the truth, where the version before wrote it: what the
-- index finds is looked at again by the time.
alter table last_uses add column used_month date;
create index last_uses_month_idx on last_uses (realm_id, used_month, client_id);

-- And those that were never used. Kept by triggers, since the version before makes accounts too. A row too many does no harm.
create table never_used_accounts (
  realm_id bigint not null,
  client_id text not null,
  created_at timestamptz not null,
  constraint never_used_accounts_pkey primary key (realm_id, client_id),
  constraint never_used_accounts_account_fkey foreign key (realm_id, client_id)
    references service_accounts on delete cascade
);
create index never_used_accounts_created_at_idx on never_used_accounts (realm_id, created_at, client_id);

create function note_new_accounts() returns trigger language plpgsql as $$
begin
  insert into never_used_accounts (realm_id, client_id, created_at)
  select realm_id, client_id, created_at from added on conflict do nothing;
  return null;
end $$;

-- Waits for no one: an account that is being deleted takes its row along.
create function note_first_uses() returns trigger language plpgsql as $$
begin
  delete from never_used_accounts where ctid = any(array(
    select n.ctid from never_used_accounts n join added using (realm_id, client_id) for update of n skip locked
  ));
  return null;
end $$;

-- With the owner's rights: until docs/database-roles.sql is run again the server's role may not delete here.
do $$
begin
  execute format('alter function note_new_accounts() security definer set search_path = %I, pg_temp', current_schema());
  execute format('alter function note_first_uses() security definer set search_path = %I, pg_temp', current_schema());
end $$;
-- No other role makes a trigger of them.
revoke all on function note_new_accounts(), note_first_uses() from public;

-- Once for each statement: uses are written many at a time.
create trigger note_new_accounts after insert on service_accounts referencing new table as added
  for each statement execute function note_new_accounts();
create trigger note_first_uses after insert on last_uses referencing new table as added
  for each statement execute function note_first_uses();

insert into never_used_accounts (realm_id, client_id, created_at)
select realm_id, client_id, created_at from service_accounts a
where not exists (select from last_uses u where u.realm_id = a.realm_id and u.client_id = a.client_id);
