// For nginx's njs: answers auth_request with 204, 401 or 403, where introspection (RFC 7662) always answers 200.

const BEARER = /^Bearer +([\w.~+/-]+=*)$/i

function challenge(r, status, parameters) {
  r.headersOut['WWW-Authenticate'] = `Bearer realm="api"${parameters}`
  r.return(status)
}

async function check(r) {
  const match = BEARER.exec(r.headersIn.Authorization || '')
  if (!match) return challenge(r, 401, '')
  const answer = await r.subrequest('/_introspect', {
    method: 'POST',
    body: `token=${encodeURIComponent(match[1])}`,
  })
  // Anything else that auth_request is told becomes a 500, and nobody is let in.
  if (answer.status !== 200) return r.return(503)
  const token = JSON.parse(answer.responseText)
  if (!token.active) return challenge(r, 401, ', error="invalid_token"')
  // One value or several (RFC 7519 section 4.1.3).
  if (![].concat(token.aud).includes(r.variables.needed_audience))
    return challenge(r, 401, ', error="invalid_token"')
  const needed = r.variables.needed_scope
  if (needed && !(token.scope || '').split(' ').includes(needed))
    return challenge(r, 403, `, error="insufficient_scope", scope="${needed}"`)
  r.headersOut['X-Client-Id'] = token.client_id
  r.headersOut['X-Scope'] = token.scope
  r.return(204)
}

export default { check }
