// What the pages can do without, and is nicer with.

// The code of a one-time link stands after the #, where no server sees it: it is moved into the form.
const codeForm = document.querySelector('form[data-code]')
const code = location.hash.slice(1)
if (codeForm && code !== '') {
  history.replaceState(null, '', location.pathname + location.search)
  codeForm.elements.namedItem('code').value = code
  codeForm.querySelector('[data-code-field]').hidden = true
  codeForm.querySelector('[data-code-found]').hidden = false
}

// A page that answered a form becomes the page it is about: a reload asks for that one, and sends nothing again.
const { settleAt } = document.body.dataset
if (settleAt) history.replaceState(null, '', settleAt)

// On a narrow screen the sections are a row that scrolls: the open one is in sight.
const openSection = document.querySelector('.side nav [aria-current]')
const row = openSection?.closest('ul')
if (row) row.scrollLeft += openSection.getBoundingClientRect().left - row.getBoundingClientRect().left - 16

// A page with a secret does not come back from the browser's memory.
addEventListener('pagehide', () => document.querySelector('[data-secret]')?.remove())
addEventListener('pageshow', (event) => {
  if (event.persisted) location.reload()
})

// The first click that leaves a secret which was not copied warns instead.
let uncopied = document.querySelector('[data-ask-before-leaving] #client-secret')?.textContent
const copiedText = (text) => {
  if (uncopied && text.includes(uncopied)) uncopied = undefined
}
addEventListener('click', (event) => {
  const link = event.target instanceof Element && event.target.closest('a[href]')
  const warning = document.querySelector('[data-uncopied]')
  const staysHere = !link || link.hash || link.target === '_blank' || event.ctrlKey || event.metaKey
  if (!uncopied || staysHere) return
  // It was warned once, or says that it is copied: no more questions.
  if (!warning?.hidden || 'copiedIt' in link.dataset) return copiedText(uncopied)
  event.preventDefault()
  warning.hidden = false
  warning.scrollIntoView({ block: 'center' })
})
// A reload, the back button, the address bar and closing the tab have no second click: the browser asks.
addEventListener('beforeunload', (event) => {
  if (uncopied) event.preventDefault()
})
addEventListener('copy', () => copiedText(getSelection().toString()))

addEventListener('click', async (event) => {
  const button = event.target instanceof Element && event.target.closest('button[data-copy]')
  if (!button) return
  const source = document.getElementById(button.dataset.copy)
  await copy(source)
  copiedText(source.textContent)
  const label = button.querySelector('[data-copied]')
  const before = label.textContent
  if (before === label.dataset.copied) return
  label.textContent = label.dataset.copied
  button.classList.add('copied')
  announce('Copied')
  setTimeout(() => {
    label.textContent = before
    button.classList.remove('copied')
  }, 2000)
})

async function copy(source) {
  try {
    await navigator.clipboard.writeText(source.textContent)
  } catch {
    // Without https, browsers have the old way only.
    getSelection().selectAllChildren(source)
    document.execCommand('copy')
    getSelection().removeAllRanges()
  }
}

function announce(text) {
  let region = document.getElementById('announcements')
  if (!region) {
    region = Object.assign(document.createElement('p'), { id: 'announcements', className: 'unseen' })
    region.setAttribute('role', 'status')
    document.body.append(region)
  }
  region.textContent = ''
  setTimeout(() => {
    region.textContent = text
  }, 50)
}

// Searching while somebody types: the page that the form would open, or the part of it that matters.
for (const form of document.querySelectorAll('form[data-search-as-you-type]')) {
  const part = document.getElementById(form.dataset.searchAsYouType)
  let pending = new AbortController()
  let timer
  form.addEventListener('input', () => {
    clearTimeout(timer)
    timer = setTimeout(async () => {
      pending.abort()
      pending = new AbortController()
      const url = new URL(`?${new URLSearchParams(new FormData(form))}`, location.href)
      const answer = await fetch(url, { signal: pending.signal }).catch(() => undefined)
      if (!answer?.ok || answer.redirected) {
        if (!pending.signal.aborted)
          part.textContent = 'You are signed out, or the server does not answer: reload the page.'
        return
      }
      const found = new DOMParser().parseFromString(await answer.text(), 'text/html').getElementById(part.id)
      if (found) part.replaceChildren(...found.childNodes)
    }, 150)
  })
}

// Exact times are UTC; here they are also those of the clock on the wall.
for (const text of document.querySelectorAll('time[datetime] + .exact')) {
  const date = new Date(text.previousElementSibling.dateTime)
  if (date.getTimezoneOffset() === 0) continue
  text.title = text.textContent
  const zone = new Intl.DateTimeFormat('en', { timeZoneName: 'short' })
    .formatToParts(date)
    .find(({ type }) => type === 'timeZoneName')
  text.textContent = `${date.toLocaleString('sv-SE')} ${zone.value}`
}

// Choices that were not saved outlive another form or list of their page.
const unsaved = document.querySelector('form[data-unsaved]')
const isUnsaved = (box) => box.checked !== (box.dataset.saved === 'on')
if (unsaved) {
  const boxes = [...unsaved.querySelectorAll('[data-saved]')]
  const place = `unsaved ${location.pathname}`
  for (const value of JSON.parse(sessionStorage.getItem(place) ?? '[]')) {
    const box = boxes.find((one) => one.value === value)
    if (box) box.checked = !box.checked
  }
  sessionStorage.removeItem(place)
  const keep = () =>
    sessionStorage.setItem(place, JSON.stringify(boxes.filter(isUnsaved).map(({ value }) => value)))
  addEventListener('submit', ({ target }) => {
    if (target !== unsaved) keep()
  })
  // Other pages of its lists are links to the same page.
  addEventListener('click', ({ target }) => {
    const link = target instanceof Element && target.closest('a[href]')
    if (link && link.pathname === location.pathname) keep()
  })
}

// As in many applications, / leads to the search.
addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return
  if (event.target instanceof Element && event.target.closest('input, textarea, select, [contenteditable]'))
    return
  const search = document.querySelector('main [role="search"] input[type="search"]')
  if (!search) return
  event.preventDefault()
  search.focus()
})

// What the form would make, while somebody types: the part of the page that its button "Preview" would show.
for (const button of document.querySelectorAll('button[data-preview]')) {
  const part = document.getElementById(button.dataset.preview)
  let pending = new AbortController()
  let timer
  button.form.addEventListener('input', () => {
    clearTimeout(timer)
    timer = setTimeout(async () => {
      pending.abort()
      pending = new AbortController()
      const body = new URLSearchParams(new FormData(button.form))
      const asked = { method: 'POST', body, signal: pending.signal }
      const answer = await fetch(button.formAction, asked).catch(() => undefined)
      if (!answer?.ok || answer.redirected) return
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
      const found = page.getElementById(part.id)
      if (found) part.replaceChildren(...found.childNodes)
    }, 400)
  })
}

// A second click on a button that is at work does nothing.
addEventListener('submit', (event) => {
  const form = event.target
  if (form.dataset.sent) event.preventDefault()
  if (form.method === 'post') form.dataset.sent = 'yes'
})
