-- The age of the oldest signing key is watched: finding it may not read every realm's keys.
create index signing_keys_current_activated_at_idx on signing_keys (activated_at) where state = 'current';
