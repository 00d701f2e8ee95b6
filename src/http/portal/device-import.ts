import { fingerprint } from '../../crypto/fingerprint.ts'
import type { ImportOutcome } from '../../domain/protected-resource.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { LineOutcome } from '../../operations/import-lines.ts'
import type { Operations } from '../../operations/operations.ts'
import {
  checkResourceLines,
  importResourceLines,
} from '../../operations/resources/protected-resource-import.ts'
import { countOf } from './device-words.ts'
import { form, notice, textArea } from './elements.ts'
import type { Fields } from './form-fields.ts'
import { type Content, type Html, html } from './html.ts'
import type { Page } from './layout.ts'
import type { Portal, Visit } from './visit.ts'

type Deps = Pick<Operations, 'resources'>

const PATH = '/portal/:realm/devices/import'

/** Ten thousand devices take about one; sent, each quotation mark may be three. */
const BODY_BYTES = 4 * 1024 * 1024

/** Refused lines that a page names. */
const TOLD = 100

type Counts = Readonly<Record<ImportOutcome['status'], number>>

/** Result of an import or of its dry run. */
interface Summary {
  readonly counts: Counts
  readonly refused: readonly { readonly line: number; readonly refusal: Refusal }[]
}

/** Imports devices from a file or from pasted lines: first what would come of it, then the import. */
export function deviceImportScreen(portal: Portal, { resources }: Deps): void {
  portal.question(PATH, async (visit) => page(visit, importForm(visit)))

  portal.action(
    PATH,
    async (visit, sent) => {
      const text = textOf(sent)
      const checked = fingerprint(text)
      if (sent.get('act') === 'import' && sent.get('checked') === checked) {
        const outcomes: LineOutcome<ImportOutcome>[] = []
        for await (const some of importResourceLines(resources, visit.actor, visit.realm, text))
          outcomes.push(...some)
        return done(visit, summaryOf(outcomes))
      }
      const outcomes = await checkResourceLines(resources, visit.actor, visit.realm, text)
      return page(visit, importForm(visit, { text, checked, summary: summaryOf(outcomes) }))
    },
    { bodyBytes: BODY_BYTES },
  )
}

/** @throws Refusal `invalid` */
function textOf(sent: Fields): string {
  const [file = '', lines = ''] = ['file', 'lines'].map((name) =>
    sent.get(name).replaceAll('\r\n', '\n').trimEnd(),
  )
  if (file !== '' && lines !== '')
    throw new Refusal('invalid', 'Choose a file or paste lines, not both.', 'lines')
  if (file === '' && lines === '') throw new Refusal('invalid', 'Choose a file, or paste its lines.', 'lines')
  return file || lines
}

function summaryOf(outcomes: readonly LineOutcome<ImportOutcome>[]): Summary {
  const counts = { created: 0, updated: 0, unchanged: 0, refused: 0 }
  const refused: { line: number; refusal: Refusal }[] = []
  for (const { line, outcome } of outcomes) {
    counts[outcome.status]++
    if (outcome.status === 'refused') refused.push({ line, refusal: outcome.refusal })
  }
  return { counts, refused }
}

function page(visit: Visit, body: Html): Page {
  const list = `/portal/${visit.realm}/devices`
  return {
    title: 'Import devices',
    section: 'devices',
    help: 'roles-and-grants#import-resources',
    trail: [['Devices', list]],
    body,
  }
}

interface Checked {
  readonly text: string
  readonly checked: string
  readonly summary: Summary
}

function importForm(visit: Visit, found?: Checked): Html {
  const list = `/portal/${visit.realm}/devices`
  const fields = html`${found && html`<input type="hidden" name="checked" value="${found.checked}">${outcome(found.summary, 'would be')}`}
${found ? undefined : fileField()}
${textArea('lines', found ? 'Lines' : 'Or paste its lines', { value: found?.text ?? '', rows: 8, hint: 'A resource on each line, as JSON, and a group before what is in it. What is there already gets the name and the groups of its line; its grants stay.' })}
<div class="buttons">${found && importButton(found.summary)}<button class="${!found && 'primary'}" name="act" value="check">${found ? 'Check again' : 'Check'}</button><a class="button" href="${list}">Cancel</a></div>`
  return html`<section class="card">${form(visit, `${list}/import`, fields, html` enctype="multipart/form-data"`)}</section>
${!found && example()}`
}

function fileField(): Html {
  return html`<div class="field"><label for="file">File (NDJSON)</label>
<input id="file" name="file" type="file" accept=".ndjson,.jsonl,.json,.txt,application/x-ndjson" aria-describedby="file-hint">
<p class="hint" id="file-hint">Up to ${BODY_BYTES / 1024 / 1024} MiB. A larger one is imported by the command line or the admin API.</p></div>`
}

function importButton({ counts }: Summary): Content {
  const count = counts.created + counts.updated
  return (
    count > 0 &&
    html`<button class="primary" name="act" value="import">Import ${countOf(count, 'line')}</button>`
  )
}

function outcome({ counts, refused }: Summary, verb: string): Html {
  const { created, updated, unchanged } = counts
  const told = refused.slice(0, TOLD)
  return html`${notice(
    refused.length > 0 ? 'warning' : 'info',
    html`<p>${countOf(created, 'line')} ${verb} added, ${updated.toLocaleString('en')} changed; ${unchanged.toLocaleString('en')} ${verb === 'would be' ? 'are' : 'were'} as they are already, and ${refused.length.toLocaleString('en')} ${verb} refused.</p>`,
  )}
${refused.length > 0 && html`<ul class="plain-list">${told.map(({ line, refusal: { field, message } }) => html`<li>Line ${line}${field !== undefined && `, ${field}`}: ${message}</li>`)}</ul>`}
${refused.length > TOLD && html`<p class="muted">And ${refused.length - TOLD} more.</p>`}`
}

function done(visit: Visit, summary: Summary): Page {
  const list = `/portal/${visit.realm}/devices`
  return {
    ...page(
      visit,
      html`<section class="card">${outcome(summary, 'were')}
<p class="buttons"><a class="button primary" href="${list}">Back to Devices</a></p></section>`,
    ),
    settleAt: `${list}/import`,
  }
}

function example(): Html {
  return html`<section class="card"><h2>For example</h2><pre tabindex="0" aria-label="Example of a file">{"type":"device_group","id":"eu-edge","name":"Edge, Europe"}
{"type":"device","id":"d1","name":"Boiler","groups":["eu-edge"]}</pre></section>`
}
