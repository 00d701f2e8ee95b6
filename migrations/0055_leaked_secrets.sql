-- Reports of leaked secrets: what the realm does about them, and a way from a secret to its account. Building the index
-- holds back new secrets, not tokens, which wait from the change of realms on: hence it comes first.
create index client_secrets_hmac_idx on client_secrets (realm_id, hmac) where hmac is not null;

alter table realms add column leaked_secret_action text not null default 'disable'
  constraint realms_leaked_secret_action_check check (leaked_secret_action in ('disable', 'alert'));
