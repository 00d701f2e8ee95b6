-- Client assertions (RFC 7523) that were accepted, so that none is accepted twice on any node: a hash of realm, client and
-- jti, until no clock takes the assertion any more. An ordinary, logged table: what was committed outlives a crash.
create table used_assertions (
  hash bytea constraint used_assertions_pkey primary key,
  expires_at timestamptz not null
);
create index used_assertions_expires_at_idx on used_assertions (expires_at);
