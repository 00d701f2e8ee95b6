-- Which master keys each running server opens with, by their ids: `mintmark master-key rotate` seals nothing under a key that one of
-- them lacks. A server writes its row once a minute and deletes it when it stops. One that was killed is forgotten after a while.
create table master_key_holders (
  node text primary key,
  -- For people: name of the machine, and port.
  address text not null,
  key_ids text[] not null,
  seen_at timestamptz not null
);
