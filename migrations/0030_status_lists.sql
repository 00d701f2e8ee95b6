-- Which places of a realm's status lists are taken: by an account, whose tokens carry the index, or by tokens that are
-- dead since retired_at and may not have expired yet. A list's version grows whenever one of its bits is set.
create table status_indexes (
  realm_id bigint not null constraint status_indexes_realm_fkey references realms on delete cascade,
  status_index integer not null,
  retired_at timestamptz,
  constraint status_indexes_pkey primary key (realm_id, status_index)
);

create index status_indexes_retired_idx on status_indexes (realm_id, status_index) where retired_at is not null;
create index status_indexes_retired_at_idx on status_indexes (retired_at) where retired_at is not null;

create table status_lists (
  realm_id bigint not null constraint status_lists_realm_fkey references realms on delete cascade,
  id integer not null,
  version bigint not null default 0,
  constraint status_lists_pkey primary key (realm_id, id)
);

alter table service_accounts add column status_index integer;

-- Accounts that are there already are spread by a prime, so that each gets a place of its own.
with numbered as (
  select realm_id, client_id, row_number() over (partition by realm_id order by random()) as n from service_accounts
)
update service_accounts a
set status_index = (numbered.n * 2654435761) % (524288 * greatest(1, (r.service_account_count + 262143) / 262144))
from numbered join realms r on r.id = numbered.realm_id
where a.realm_id = numbered.realm_id and a.client_id = numbered.client_id;

insert into status_indexes (realm_id, status_index) select realm_id, status_index from service_accounts;
insert into status_lists (realm_id, id) select distinct realm_id, status_index / 524288 from service_accounts;

alter table service_accounts
  alter column status_index set not null,
  add constraint service_accounts_status_index_key unique (realm_id, status_index);
