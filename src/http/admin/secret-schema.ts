import { Type } from '../../wire/json-schema.ts'
import { ClientKeyAnswer } from './client-key-schema.ts'
import { MaybeMoment, Moment, named } from './schemas.ts'
import { ServiceAccountAnswer } from './service-account-schema.ts'

export const ClientSecretAnswer = named(
  'Secret',
  Type.Object({
    id: Type.String(),
    last_four: Type.String({ description: 'Its last characters; empty where the client had it already' }),
    created_at: Moment,
    expires_at: MaybeMoment,
    too_old_at: {
      ...MaybeMoment,
      description: 'When it gets older than max_secret_age_seconds allow; null: at no age',
    },
    last_used_at: MaybeMoment,
  }),
)

/** An account with credentials that were made just now. */
export const NewCredentialsAnswer = named(
  'NewCredentials',
  Type.Object({
    ...ServiceAccountAnswer.properties,
    client_secret: Type.Optional(
      Type.String({ description: 'Shown this once; left out where the client had it, or has none' }),
    ),
    secret: Type.Optional(ClientSecretAnswer),
    old_secrets: Type.Array(ClientSecretAnswer, {
      description: 'Secrets that were valid before. Each ends at its expires_at: after a reset it has ended',
    }),
    key: Type.Optional(ClientKeyAnswer),
  }),
)
