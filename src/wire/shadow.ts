import type { ShadowReport } from '../domain/shadow.ts'

/** What a realm in shadow mode would have answered, as JSON of the admin API and of the CLI's `--json`. */
export function shadowReportToWire({ shadowMode, since, totals, issuedClients, refused }: ShadowReport) {
  return {
    shadow_mode: shadowMode,
    since: since ?? null,
    totals: Object.fromEntries(totals),
    issued_clients: issuedClients,
    refused: refused.map(({ clientId, reason, count, firstAt, lastAt }) => ({
      client_id: clientId === '' ? null : clientId,
      reason,
      count,
      first_at: firstAt,
      last_at: lastAt,
    })),
  }
}
