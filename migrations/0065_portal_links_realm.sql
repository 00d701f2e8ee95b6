-- The links of a realm go when it is deleted: without an index PostgreSQL reads all links for that.
create index portal_links_realm_id_idx on portal_links (realm_id);
