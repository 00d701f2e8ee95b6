-- Forms of the portal that have been sent, so that one which is sent again by a reload acts no second time.
create table portal_forms (
  id text not null constraint portal_forms_pkey primary key,
  session_id_hash text not null constraint portal_forms_session_fkey
    references portal_sessions on delete cascade,
  sent_at timestamptz not null
);

create index portal_forms_session_idx on portal_forms (session_id_hash);
