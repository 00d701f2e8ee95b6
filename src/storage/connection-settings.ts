import { DatabaseSettingError } from './database-error.ts'

/** Startup parameters. PgBouncer tracks these for each client by default, and refuses others. */
export const STARTUP_SETTINGS = { DateStyle: 'ISO, MDY', TimeZone: 'UTC', standard_conforming_strings: 'on' }

/** Settings that PostgreSQL reports on each connection, and their required values. */
const REQUIRED_SETTINGS: Record<string, RegExp> = {
  DateStyle: /^ISO\b/,
  client_encoding: /^UTF8$/,
  server_encoding: /^UTF8$/,
  standard_conforming_strings: /^on$/,
}

/** A setting that PostgreSQL reports. */
export interface ParameterStatus {
  readonly parameterName: string
  readonly parameterValue: string
}

/** Describes a wrong setting that PostgreSQL reported; `undefined`: right, or irrelevant. */
export function settingFault(name: string, value: string): DatabaseSettingError | undefined {
  const required = REQUIRED_SETTINGS[name]
  return !required || required.test(value) ? undefined : new DatabaseSettingError(explain(name, value))
}

function explain(name: string, value: string): string {
  if (name === 'server_encoding')
    return (
      `the database has the encoding ${value}, and Mintmark needs UTF8: ` +
      "make another one with create database … template template0 encoding 'UTF8'"
    )
  const needed = { ...STARTUP_SETTINGS, client_encoding: 'UTF8' }[name]
  return (
    `the database connection has ${name} = ${value}, and Mintmark needs ${needed}: ` +
    'remove what sets it in DATABASE_URL, the pooler, the role or the database'
  )
}

/** Time limit of a query, and of the wait for a connection. */
export const QUERY_MILLISECONDS = 1500
