-- Who is signed in to the portal, and the one-time links that let somebody in. Of each only a hash is kept, so that
-- nobody gets in with what the database holds; what an identity provider gave is sealed.
create table portal_links (
  code_hash text not null constraint portal_links_pkey primary key,
  realm_id bigint not null constraint portal_links_realm_fkey references realms on delete cascade,
  made_by text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null
);

create index portal_links_expires_at_idx on portal_links (expires_at);

create table portal_sessions (
  id_hash text not null constraint portal_sessions_pkey primary key,
  realm_id bigint not null constraint portal_sessions_realm_fkey references realms on delete cascade,
  subject text not null,
  display_name text not null,
  access text not null,
  sealed_provider_grant text,
  address text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  constraint portal_sessions_access_check check (access in ('administer', 'view'))
);

create index portal_sessions_realm_idx on portal_sessions (realm_id, subject);
create index portal_sessions_expires_at_idx on portal_sessions (expires_at);
