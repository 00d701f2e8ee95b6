-- Realms that allow all there was of authentication allow workload identities too, as new realms do. An account has none
-- until its administrator gives it one.
alter table realms alter column allowed_auth_methods set default '{client_secret,private_key_jwt,federated}';
update realms set allowed_auth_methods = '{client_secret,private_key_jwt,federated}'
  where allowed_auth_methods = '{client_secret,private_key_jwt}';
