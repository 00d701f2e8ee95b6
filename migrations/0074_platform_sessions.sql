-- Platform administrators in the portal: links and sessions of realm system that are theirs, and the sessions that they entered
-- other realms with, which live no longer than the one they came from. A version before this finds no such link, whose hash is
-- another, and takes a platform administrator's session for one of an Account Admin of realm system.
alter table portal_links add column platform boolean;
alter table portal_sessions
  add column platform boolean,
  add column entered_by text constraint portal_sessions_entered_by_fkey references portal_sessions on delete cascade;
create index portal_sessions_entered_by_idx on portal_sessions (entered_by);
