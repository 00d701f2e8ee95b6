-- What was answered to requests with an Idempotency-Key, for 24 hours: the same request again gets the same answer. Neither the key
-- nor the request is kept, but hashes of them; of the answer all but secrets, private keys and tokens.
create table idempotency_keys (
  -- Of the administrator and the key.
  hash bytea constraint idempotency_keys_pkey primary key,
  -- realm/client_id of the administrator.
  actor text not null,
  -- Of the request, keyed: it may hold a secret that could be guessed.
  fingerprint bytea not null,
  -- Null while the request is under way, and for ever where its outcome is not known.
  status smallint,
  location text,
  etag text,
  body text,
  expires_at timestamptz not null
);
create index idempotency_keys_actor_idx on idempotency_keys (actor);
create index idempotency_keys_expires_at_idx on idempotency_keys (expires_at);
