import { keyUrl } from '../../domain/key-address.ts'
import { WEBHOOK_EVENT_NAMES, type Webhook } from '../../domain/webhook.ts'
import { shown } from '../webhooks/webhook-changes.ts'
import { attempt, type FileWork } from './file-work.ts'
import { webhookToFile } from './present-realm.ts'
import type { RealmFileWebhook } from './realm-file-values.ts'
import { differing, updateOf } from './realm-plan.ts'

/** Adds the web hooks of the file, and changes those that are there. */
export async function applyWebhooks(work: FileWork): Promise<void> {
  const wanted = work.file.value.webhooks ?? []
  if (wanted.length === 0) return
  const { pairs } = matched(wanted, await present(work))
  for (const [index, entry] of wanted.entries()) {
    const before = pairs.get(entry)
    if (!before) await attempt(work, ['webhooks', index], () => create(work, entry))
    else if (isDifferent(entry, before))
      await attempt(work, ['webhooks', index], () => change(work, before, entry))
  }
}

/** Deletes the web hooks that the file does not name. */
export async function pruneWebhooks(work: FileWork): Promise<void> {
  const { operations, actor, realm, file, changes } = work
  const { webhooks: wanted } = file.value
  if (!wanted) return
  for (const webhook of matched(wanted, await present(work)).others)
    await attempt(work, ['webhooks'], async () => {
      await operations.webhooks.delete(actor, realm.name, webhook.id)
      changes.push({ action: 'delete', kind: 'webhook', target: shown(webhook).url })
    })
}

function present({ operations, actor, realm }: FileWork): Promise<Webhook[]> {
  return operations.webhooks.list(actor, realm.name)
}

/** Several web hooks may have one address: those that are as the file says come first. */
function matched(wanted: readonly RealmFileWebhook[], all: readonly Webhook[]) {
  const pairs = new Map<RealmFileWebhook, Webhook>()
  const others = [...all]
  const take = (isIt: (entry: RealmFileWebhook, one: Webhook) => boolean) => {
    for (const entry of wanted.filter((one) => !pairs.has(one))) {
      const at = others.findIndex((one) => isIt(entry, one))
      if (at >= 0) pairs.set(entry, others.splice(at, 1)[0] as Webhook)
    }
  }
  take((entry, one) => !isDifferent(entry, one))
  take((entry, one) => addressOf(entry) === one.url)
  return { pairs, others }
}

function isDifferent(entry: RealmFileWebhook, before: Webhook): boolean {
  return differing({ ...entry, url: addressOf(entry) }, webhookToFile(before)).length > 0
}

/** As it is stored: the operation says what is wrong with one that cannot be. */
function addressOf({ url }: RealmFileWebhook): string {
  const parsed = keyUrl(url)
  return typeof parsed === 'string' ? url : parsed.href
}

async function create(
  { operations, actor, realm, changes }: FileWork,
  { events = [...WEBHOOK_EVENT_NAMES], ...entry }: RealmFileWebhook,
): Promise<void> {
  const made = await operations.webhooks.create(actor, realm.name, { ...entry, events })
  const { url: target, ...after } = shown(made)
  changes.push({ action: 'create', kind: 'webhook', target, after })
}

async function change(
  { operations, actor, realm, changes }: FileWork,
  before: Webhook,
  entry: RealmFileWebhook,
): Promise<void> {
  const after = await operations.webhooks.update(actor, realm.name, before.id, entry)
  const about = { kind: 'webhook', target: shown(after).url } as const
  const update = updateOf(about, webhookToFile(before), webhookToFile(after))
  if (update) changes.push(update)
}
