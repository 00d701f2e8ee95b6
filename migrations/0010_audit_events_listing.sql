-- The trail is read newest first, in pages, by time, action, actor or target; each way stays fast at any length.
drop index audit_events_realm_idx;
create index audit_events_time_idx on audit_events (realm_id, occurred_at desc, id desc);
create index audit_events_action_idx on audit_events (realm_id, action, occurred_at desc, id desc);
create index audit_events_actor_idx on audit_events (realm_id, actor_id, occurred_at desc, id desc);
create index audit_events_target_idx on audit_events (realm_id, target, occurred_at desc, id desc);
