import type { Dataset } from './dataset.ts'
import type { Floors } from './floors.ts'
import type { BenchPostgres } from './postgres.ts'
import type { Report } from './report.ts'

export interface Peer {
  readonly name: string
  readonly url: string
  /** Body of a form POST. */
  readonly body: string
}

/** From the command line. */
export interface BenchOptions {
  readonly rounds: number
  /** Length of one turn of one contestant. */
  readonly seconds: number
  readonly peers: readonly Peer[]
  /** Folder of an unpacked Keycloak, for `peers`. */
  readonly keycloak: string | undefined
  /** Program of an Ory Hydra, for `peers`. */
  readonly hydra: string | undefined
  /** Length of the soak in `memory`. */
  readonly minutes: number
  /** Accounts of the large data set. */
  readonly accounts: number
  readonly realms: number
  /** Events of the long audit trail. */
  readonly events: number
  /** Devices of the large realm of `portal`. */
  readonly devices: number
}

/** Arguments of a bench. */
export interface BenchContext {
  readonly options: BenchOptions
  readonly postgres: BenchPostgres
  /** The large data set, loaded when it is first asked for. */
  dataset(): Promise<Dataset>
  /** Measured in this run; started when they are first asked for. */
  floors(): Promise<Floors>
  /** Temporary folder. */
  readonly folder: string
  /** Prints progress. */
  say(line: string): void
}

/** `bench/<name>.ts` exports one as `run`. Resolves to `undefined` if something that it needs is not installed. */
export type RunBench = (context: BenchContext) => Promise<Report | undefined>
