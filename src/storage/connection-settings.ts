import { DatabaseSettingError } from './database-error.ts'

/** Sent when a connection is made. PgBouncer keeps these for each client by default; it refuses others. */
export const STARTUP_SETTINGS = { DateStyle: 'ISO, MDY', TimeZone: 'UTC', standard_conforming_strings: 'on' }

/** What PostgreSQL reports on each connection, and what it must say. */
const REQUIRED_SETTINGS: Record<string, RegExp> = {
  DateStyle: /^ISO\b/,
  client_encoding: /^UTF8$/,
  server_encoding: /^UTF8$/,
  standard_conforming_strings: /^on$/,
}

/** What is wrong with a setting as PostgreSQL reports it; `undefined` where it is right, or does not matter. */
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
