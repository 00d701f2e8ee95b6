-- The typ that the header of a realm's access tokens says: at+jwt of RFC 9068, or JWT for validators that know no other.
alter table realms add column token_type_header text not null default 'at+jwt'
  constraint realms_token_type_header_check check (token_type_header in ('at+jwt', 'JWT'));
