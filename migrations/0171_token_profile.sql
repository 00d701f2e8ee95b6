-- Tokens in the shape of another server's, for a realm that is taken over from it. The version before issues its own shape.
alter table realms add column token_profile text not null default 'rfc9068'
  constraint realms_token_profile_check check (token_profile in ('rfc9068', 'keycloak'));

-- The sub that the other server gave to an account. Null: its client_id.
alter table service_accounts add column subject text;

-- Holds each subject to one account of the realm. A table, since an index on service_accounts would hold back its writes.
create table account_subjects (
  realm_id bigint not null,
  subject text not null,
  client_id text not null,
  constraint account_subjects_pkey primary key (realm_id, subject),
  constraint account_subjects_client_key unique (realm_id, client_id),
  constraint account_subjects_account_fkey foreign key (realm_id, client_id) references service_accounts on delete cascade
);
