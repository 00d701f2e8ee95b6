-- For how many days the lines of a realm are kept: null, as long as those of the platform. What a deleted realm had said stays
-- with its trail.
alter table realms add column audit_retention_days integer;
alter table deleted_realms add column audit_retention_days integer;
