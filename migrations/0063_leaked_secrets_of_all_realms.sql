-- Reports of leaked secrets that name no realm: a way from a secret to its account in all of them. Building the index holds
-- back new secrets, not tokens.
create index client_secrets_hmac_all_idx on client_secrets (hmac) where hmac is not null;
