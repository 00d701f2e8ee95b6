-- Claims that realms and service accounts add to tokens, and what accounts say about themselves: JSON that is parsed as it is
-- read. Null: none. The version before leaves them out of its tokens.
alter table realms add column claims text;
alter table service_accounts add column claims text, add column metadata text;
