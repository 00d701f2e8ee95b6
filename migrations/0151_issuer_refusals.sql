-- The last tokens of each trusted issuer that were refused, and why: for administrators who look for what is wrong. Nothing of
-- the token's signature is among it, and texts of strangers are cut.
create table issuer_refusals (
  realm_id bigint not null,
  issuer_id text not null,
  -- Made by the node, so that a write that is repeated changes nothing.
  id text not null,
  refused_at timestamptz not null,
  reason text not null,
  subject text,
  client_id text,
  address text not null,
  constraint issuer_refusals_pkey primary key (realm_id, issuer_id, id),
  constraint issuer_refusals_issuer_fkey foreign key (realm_id, issuer_id) references trusted_issuers on delete cascade
);
create index issuer_refusals_newest_idx on issuer_refusals (realm_id, issuer_id, refused_at);
