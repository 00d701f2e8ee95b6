-- Events older than the policy's retention are found without a look at the others. Writes of the trail wait while the index is
-- built, which reads the table once; it takes next to no room, since the table is in order of time.
create index audit_events_age_idx on audit_events using brin (occurred_at);
