-- What is kept of a secret is bound to its realm and client, and worth nothing without the verifier key. bound_hmac is
-- what a request is checked against; hmac still finds leaked secrets, and serves the version before. keyed_phc takes the
-- place of phc for imported secrets: argon2id of the secret, and of that an HMAC (crypto/imported-secret.ts).
alter table client_secrets add column bound_hmac bytea, add column keyed_phc text;

-- The version before needs phc of imported secrets. It may run beside for a day, where it has run at all; then the server
-- empties phc of all of them and deletes this row. Delete it sooner, or move the time, as your roll-out goes.
create table upgrades (
  name text constraint upgrades_pkey primary key,
  ends_at timestamptz not null
);
insert into upgrades (name, ends_at)
select 'keyed-hashes', now() + interval '1 day' where exists (select from data_keys);
