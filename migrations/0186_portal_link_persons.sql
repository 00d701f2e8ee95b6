-- For whom a one-time link was made, and whether it lets them look only. A version before this does not find links of viewers,
-- whose hash is another, so that it cannot let them change anything.
alter table portal_links add column person text;
alter table portal_links add column access text;
