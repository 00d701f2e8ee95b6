-- A sign-in comes back from the identity provider once: the hash of its state is kept until the sign-in is too old anyway.
create table portal_finished_sign_ins (
  state_hash text not null constraint portal_finished_sign_ins_pkey primary key,
  expires_at timestamptz not null
);

create index portal_finished_sign_ins_expires_at_idx on portal_finished_sign_ins (expires_at);

-- When a session was last used, so that a copy of an old cookie does not decide it, and until when one process renews
-- the provider's tokens, so that no other spends the refresh token too. Null: a session of the version before.
alter table portal_sessions
  add column seen_at timestamptz,
  add column renewing_until timestamptz;
