-- Single tokens that their clients have revoked (RFC 7009), until they would have expired anyway. The account says
-- until when there are any, so that nobody looks who need not.
create table revoked_tokens (
  realm_id bigint not null constraint revoked_tokens_realm_fkey references realms on delete cascade,
  jti text not null,
  expires_at timestamptz not null,
  constraint revoked_tokens_pkey primary key (realm_id, jti)
);

create index revoked_tokens_expires_at_idx on revoked_tokens (expires_at);

alter table service_accounts add column revoked_tokens_until timestamptz;
