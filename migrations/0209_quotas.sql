-- How many tokens an account may get in an hour and a day, and how many all accounts of a realm together. JSON; null: any number.
-- The version before does not look at it.
alter table realms add column quota text;
alter table service_accounts add column quota text;
