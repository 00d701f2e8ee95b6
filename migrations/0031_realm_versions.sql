-- A realm begins at a version that no realm of its name before it can have reached: whoever keeps a deleted one in
-- memory notices that the new one is another.
alter table realms alter column version set default (extract(epoch from clock_timestamp()) * 1000000)::bigint;
