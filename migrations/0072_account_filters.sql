-- Lists of accounts that are rare among many: disabled ones, those whose client_id begins so, and those with a secret that has an
-- end (a rotation under way). Each would read all accounts of a realm. Accounts are changed no slower by it: none of these
-- columns changes with use. The indexes hold back changes of accounts and secrets, and no tokens, while they are built: some ten
-- seconds for a million.
create index service_accounts_disabled_idx on service_accounts (realm_id, client_id) where disabled_at is not null;
create index service_accounts_client_id_idx on service_accounts (realm_id, client_id collate "C");
create index client_secrets_ending_idx on client_secrets (realm_id, expires_at, client_id) where expires_at is not null;
