-- The nodes that read a standby, one row each: a change that ends something is answered when each of them shows it or has
-- stopped reading its standby. A node adds numbered beats; a beat that its standby shows covers all that was committed before it.
-- beat is the newest one, beats the last ones in the order in which they came.
-- Small and written all the time, so most of a page is left free for updates in place.
create table read_leases (
  reader text primary key,
  beat bigint not null default 0,
  beats bigint[] not null default '{}',
  covered bigint not null default 0,
  lease_milliseconds integer not null
) with (fillfactor = 20);
