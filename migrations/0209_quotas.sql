-- How many tokens an account, and a realm as a whole, may get in an hour and a day: JSON that is parsed as it is read. Null: any
-- number. The version before issues as many as are asked for.
alter table realms add column quota text;
alter table service_accounts add column quota text;
