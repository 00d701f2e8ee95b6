-- Limits of an account: networks that it may authenticate from, when it ends, and how old its secrets may get; of a realm, how old
-- secrets may get (0: any age). The version before ignores them.
alter table realms add column max_secret_age_seconds integer not null default 0;
alter table service_accounts
  add column allowed_networks text[],
  add column expires_at timestamptz,
  add column max_secret_age_seconds integer;
