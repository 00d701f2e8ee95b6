-- Finds the accounts with the most tokens of a day without a read of all counts of the realm. An index of the number itself would
-- change with each count; the magnitude changes once a count has grown by 4 %, so most updates stay within their page (HOT).
-- Null: few tokens, an hour, a realm, or written by a version that does not know of it.
alter table token_counts add column magnitude smallint;

-- Holds back writes of counts while it is built: they are written again later.
create index token_counts_busy_idx on token_counts (realm_id, starts_at, magnitude desc) where magnitude is not null;
