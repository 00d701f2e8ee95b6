-- What is in a group is listed a page at a time, in order of type and id: without the order in the index, each page would read
-- and sort all of a group. The index holds back changes of resources, and no tokens, while it is built: a second for 100,000
-- memberships.
create index protected_resource_groups_members_idx on protected_resource_groups (realm_id, group_type, group_id, type, id);
