import t from 'tap'
import { createVerifier } from '../../packages/verifier/src/index.ts'
import { Issuer } from './issuer.ts'

t.test(
  'a bare origin is the same audience with and without its final slash, and nothing else is',
  async (t) => {
    const issuer = await Issuer.start(t)
    const accepts = async (audience: string, aud: string) =>
      createVerifier({ issuer: issuer.url, audience, now: issuer.now })
        .verify(await issuer.token({ aud }))
        .then(
          () => true,
          () => false,
        )
    t.ok(await accepts('https://api.example', 'https://api.example/'))
    t.ok(await accepts('https://api.example/', 'https://api.example'))
    t.notOk(await accepts('https://api.example/v1', 'https://api.example/v1/'))
    t.notOk(await accepts('https://api.example', 'https://api.example//'))
    t.notOk(await accepts('api', 'api/'))
  },
)
