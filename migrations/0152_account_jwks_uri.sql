-- Where a service account publishes its keys for private_key_jwt, instead of keys that are uploaded. The version before
-- knows no such account: it has neither secrets nor keys there, so it gets in nowhere.
alter table service_accounts add column jwks_uri text;
