-- Failed attempts, counted across nodes where the operator says so. Worth nothing after a crash, hence unlogged.
-- The columns are those that rate-limiter-flexible works with.
create unlogged table failed_attempts (
  key text constraint failed_attempts_pkey primary key,
  points integer not null default 0,
  expire bigint
);
