-- Accounts with an end date, by that date: which of many have ended. In a table of its own, for an index on service_accounts would
-- hold back tokens while it is built in one transaction with changes of that table. Kept by a trigger, whatever changes an account.
create table account_ends (
  realm_id bigint not null,
  client_id text not null,
  expires_at timestamptz not null,
  constraint account_ends_pkey primary key (realm_id, client_id),
  constraint account_ends_account_fkey foreign key (realm_id, client_id) references service_accounts on delete cascade
);
create index account_ends_expires_at_idx on account_ends (realm_id, expires_at, client_id);

create function note_account_end() returns trigger language plpgsql as $$
begin
  if new.expires_at is null then
    delete from account_ends where realm_id = new.realm_id and client_id = new.client_id;
  else
    insert into account_ends values (new.realm_id, new.client_id, new.expires_at)
    on conflict (realm_id, client_id) do update set expires_at = excluded.expires_at;
  end if;
  return null;
end $$;

-- With the owner's rights: until docs/database-roles.sql is run again the server's role may not change what is here.
do $$
begin
  execute format('alter function note_account_end() security definer set search_path = %I, pg_temp', current_schema());
end $$;
revoke all on function note_account_end() from public;

create trigger note_new_account_end after insert on service_accounts for each row
  when (new.expires_at is not null) execute function note_account_end();
create trigger note_changed_account_end after update of expires_at on service_accounts for each row
  when (new.expires_at is distinct from old.expires_at) execute function note_account_end();

insert into account_ends select realm_id, client_id, expires_at from service_accounts where expires_at is not null;
