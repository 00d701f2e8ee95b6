// A key pair that the browser makes: the server is sent the public half alone.

addEventListener(
  'submit',
  (event) => {
    const form = event.target
    if (form.dataset.sent || !form.matches('[data-key-pair]') || !wantsPair(form)) return
    event.preventDefault()
    sendWithPair(form).catch(() => {
      delete form.dataset.sent
      announce('That did not work. Try again.')
    })
  },
  // Before the form counts as sent.
  true,
)

/** Without https, browsers have no `crypto.subtle`: the form then goes as it is, and the server asks for a key. */
function wantsPair(form) {
  const { auth_method: method, public_key: field } = form.elements
  return (!method || method.value === 'private_key_jwt') && field.value.trim() === '' && crypto.subtle
}

async function sendWithPair(form) {
  const { publicKey, privateKey } = await crypto.subtle.generateKey(
    { name: 'ECDSA', namedCurve: 'P-256' },
    true,
    ['sign', 'verify'],
  )
  const fields = new URLSearchParams(new FormData(form))
  fields.set('public_key', toPem('PUBLIC KEY', await crypto.subtle.exportKey('spki', publicKey)))
  const answer = await fetch(form.action, { method: 'POST', body: fields })
  // Signed out, or something else that has a page of its own to say so.
  if (answer.redirected) return location.assign(answer.url)
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
  document.title = page.title
  document.body.replaceWith(page.body)
  const { settleAt } = document.body.dataset
  if (settleAt) history.replaceState(null, '', settleAt)
  const offer = document.querySelector('[data-private-key]')
  if (offer) await offerPrivateKey(offer, privateKey)
  // Refused: the next try makes another pair.
  else for (const field of document.querySelectorAll('[data-key-pair] [name="public_key"]')) field.value = ''
  document.getElementById('main').focus()
}

/** Offers the private half until this page is left. */
async function offerPrivateKey(offer, privateKey) {
  const jwk = await crypto.subtle.exportKey('jwk', privateKey)
  const { kty, crv, x, y, d } = jwk
  const named = { kty, crv, x, y, d, kid: offer.dataset.privateKey, alg: 'ES256', use: 'sig' }
  const files = {
    pem: [toPem('PRIVATE KEY', await crypto.subtle.exportKey('pkcs8', privateKey)), 'application/x-pem-file'],
    jwk: [`${JSON.stringify(named, null, 2)}\n`, 'application/jwk+json'],
  }
  for (const link of offer.querySelectorAll('a[data-file]')) {
    const [content, type] = files[link.dataset.file]
    link.addEventListener('click', () => removeEventListener('beforeunload', askBeforeLeaving))
    link.href = URL.createObjectURL(new Blob([content], { type }))
    addEventListener('pagehide', () => URL.revokeObjectURL(link.href))
  }
  addEventListener('beforeunload', askBeforeLeaving)
  offer.hidden = false
  for (const other of document.querySelectorAll('[data-own-key]')) other.hidden = true
}

/** Until the private key is downloaded. */
function askBeforeLeaving(event) {
  event.preventDefault()
}

function toPem(label, bytes) {
  const base64 = btoa(String.fromCharCode(...new Uint8Array(bytes)))
  return `-----BEGIN ${label}-----\n${base64.replace(/.{64}(?=.)/g, '$&\n')}\n-----END ${label}-----\n`
}
