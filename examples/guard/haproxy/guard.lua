-- Asks the guard about the Authorization header of a request, and keeps what it says in variables of the transaction.
-- Without an answer no variable is set: haproxy.cfg then answers 503.
local GUARD = "http://127.0.0.1:9191"

local KEPT = {
  ["www-authenticate"] = "txn.guard_challenge",
  ["x-auth-issuer"] = "txn.guard_issuer",
  ["x-auth-client-id"] = "txn.guard_client_id",
  ["x-auth-scope"] = "txn.guard_scope",
  ["x-auth-roles"] = "txn.guard_roles",
  ["x-auth-expires"] = "txn.guard_expires",
  ["x-auth-grants"] = "txn.guard_grants",
}

core.register_action("guard", { "http-req" }, function(txn, demand)
  local values = {}
  local sent = txn.http:req_get_headers()["authorization"]
  if sent then
    for _, value in pairs(sent) do table.insert(values, value) end
  end
  local headers = { connection = { "close" } }
  if #values > 0 then headers.authorization = values end
  local answer = core.httpclient():get({ url = GUARD .. "/check?" .. demand, headers = headers, timeout = 2000 })
  if not answer or not answer.status then return end
  txn:set_var("txn.guard_status", answer.status)
  for name, variable in pairs(KEPT) do
    local value = answer.headers and answer.headers[name]
    if value and value[0] then txn:set_var(variable, value[0]) end
  end
end, 1)
