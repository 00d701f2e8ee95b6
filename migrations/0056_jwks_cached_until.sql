-- Until when caches may hold a JWKS that they were given with a longer max-age than the realm says now: no key signs
-- before that which such a JWKS does not have.
alter table realms add column jwks_cached_until timestamptz;
