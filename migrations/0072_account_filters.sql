-- Lists of accounts that are rare among many: disabled ones, those whose client_id begins so, and those with a secret that has an
-- end (a rotation under way). Each would read all accounts of a realm. No request for a token may find them of use: two hold few
-- rows, and the third is of realm and client_id in one text, for by realm_id alone PostgreSQL may read a whole realm where it has no
-- statistics. The indexes hold back changes of accounts and secrets, and no tokens, while they are built: some ten seconds for a
-- million.
create index service_accounts_disabled_idx on service_accounts (realm_id, client_id) where disabled_at is not null;
create index service_accounts_client_id_start_idx on service_accounts ((realm_id::text || '/' || client_id) collate "C");
create index client_secrets_ending_idx on client_secrets (realm_id, expires_at, client_id) where expires_at is not null;
