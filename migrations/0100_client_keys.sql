-- Keys instead of secrets: public keys of service accounts, for private_key_jwt (RFC 7523). A key's last use is kept in
-- last_uses, under its thumbprint, as that of a secret is under its id.
-- The version before knows none of it, and lets in by secrets alone: an account that may not have one has none.
create table client_keys (
  realm_id bigint not null,
  client_id text not null,
  -- What assertions name it by: the JWK's own kid, or the thumbprint.
  kid text not null,
  -- RFC 7638, which tells keys apart.
  thumbprint text not null,
  algorithm text not null,
  -- Public members alone, and alg where the JWK named one.
  jwk jsonb not null,
  name text not null default '',
  created_at timestamptz not null,
  expires_at timestamptz,
  constraint client_keys_pkey primary key (realm_id, client_id, kid),
  constraint client_keys_thumbprint_key unique (realm_id, client_id, thumbprint),
  constraint client_keys_account_fkey foreign key (realm_id, client_id)
    references service_accounts on delete cascade
);

-- How an account may authenticate.
alter table service_accounts add column auth_methods text[] not null default '{client_secret}';

-- What new accounts may have of it, and what an assertion may be for.
alter table realms
  add column allowed_auth_methods text[] not null default '{client_secret,private_key_jwt}',
  add column assertion_audience text not null default 'issuer_or_token_endpoint'
    constraint realms_assertion_audience_check check (assertion_audience in ('issuer', 'issuer_or_token_endpoint'));
