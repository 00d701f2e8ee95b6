-- Secrets that came as a hash of another server's kind: what they are checked with until their first use, which replaces it by a hash
-- of ours. The hash in the foreign form is an HMAC under the verifier key, bound to this row. The fingerprint tells, once it is
-- replaced, whether a line that is imported again has the same hash.
-- Their rows in client_secrets have no hash, so the version before accepts nothing for them.
create table foreign_hashes (
  realm_id bigint not null,
  client_id text not null,
  secret_id text not null,
  kind text not null,
  -- Null once it is replaced.
  hash text,
  -- Null until then.
  fingerprint bytea,
  constraint foreign_hashes_pkey primary key (realm_id, client_id, secret_id),
  constraint foreign_hashes_secret_fkey foreign key (realm_id, client_id, secret_id)
    references client_secrets on delete cascade
);

-- What counts those that wait for their first use.
create index foreign_hashes_unused_idx on foreign_hashes (realm_id, client_id) where hash is not null;
