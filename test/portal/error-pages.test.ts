import { fastify } from 'fastify'
import t from 'tap'
import { OAuthError, UnknownRealmError } from '../../src/domain/oauth-error.ts'
import { errorPages } from '../../src/http/portal/error-pages.ts'

/** The status and the title of what is shown for an error. */
async function shownFor(error: Error): Promise<[number, string]> {
  const app = fastify()
  const layout = {
    send: (reply, { status = 200, title }) => reply.code(status).send(title),
  } satisfies Parameters<typeof errorPages>[0]
  app.setErrorHandler(errorPages(layout, false))
  app.get('/', async () => {
    throw error
  })
  const { statusCode, body } = await app.inject('/')
  return [statusCode, body]
}

t.test('a realm that is deleted during a click is not found', async (t) => {
  t.same(await shownFor(new UnknownRealmError('gone')), [404, 'Not found'])
})

t.test(
  'a database that goes away while a token is made is away, and any other refusal a fault',
  async (t) => {
    const away = new OAuthError('temporarily_unavailable', 'Try again shortly.')
    t.same(await shownFor(away), [503, 'The database is away'])
    t.same(await shownFor(new OAuthError('server_error', 'Something.')), [500, 'Something went wrong'])
  },
)
