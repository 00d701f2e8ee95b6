import { fastify } from 'fastify'
import t from 'tap'
import { UnknownRealmError } from '../../src/domain/oauth-error.ts'
import { errorPages } from '../../src/http/portal/error-pages.ts'

t.test('a realm that is deleted during a click is not found', async (t) => {
  const app = fastify()
  const layout = {
    send: (reply, { status = 200, title }) => reply.code(status).send(title),
  } satisfies Parameters<typeof errorPages>[0]
  app.setErrorHandler(errorPages(layout, { isDatabaseAway: () => false, singleSignOn: false }))
  app.get('/', async () => {
    throw new UnknownRealmError('gone')
  })
  const answer = await app.inject('/')
  t.equal(answer.statusCode, 404)
  t.equal(answer.body, 'Not found')
})
