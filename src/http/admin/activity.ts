import type { Operations } from '../../operations/operations.ts'
import { accountActivityToWire, realmActivityToWire } from '../../wire/activity.ts'
import { Type } from '../../wire/json-schema.ts'
import type { AdminScope } from './admin-scope.ts'
import { actorOf } from './authentication.ts'
import { InRealm, Moment, named, OfAccount } from './schemas.ts'

const Count = named(
  'TokenCount',
  Type.Object({
    starts_at: Moment,
    issued: Type.Integer({ description: 'Tokens' }),
    refused: Type.Integer({ description: 'Requests for a token' }),
  }),
)

const counts = {
  hours: Type.Array(Count, { description: 'Hours with requests, of the last 7 days, the oldest first; UTC' }),
  days: Type.Array(Count, { description: 'Days with requests, of the last 90; UTC' }),
}

const refusals = {
  refusals: Type.Array(
    Type.Object({
      starts_at: Moment,
      reason: Type.String({
        description: 'Such as wrong_secret, or a code of RFC 6749; there may be more later',
      }),
      count: Type.Integer(),
    }),
    { description: 'Refused requests by day and reason, of the last 90 days, the oldest first; UTC' },
  ),
}

const AccountActivity = named(
  'Activity',
  Type.Object({
    ...counts,
    ...refusals,
    origins: Type.Array(
      Type.Object({
        outcome: Type.Enum(['issued', 'refused']),
        address: Type.String({ description: 'IP address' }),
        user_agent: Type.String({ description: 'As the request said it, cut to 200 characters' }),
        first_at: Moment,
        last_at: Moment,
      }),
      {
        description:
          'Where requests came from: the last ten that got tokens and the last ten that were refused, to the hour, for 90 days. The refused ones include anybody who sent its client_id',
      },
    ),
  }),
)

const RealmActivityAnswer = named(
  'RealmActivity',
  Type.Object({
    ...counts,
    ...refusals,
    busiest_today: Type.Union(
      [
        Type.Array(
          Type.Object({
            client_id: Type.String(),
            issued: Type.Integer(),
            refused: Type.Integer(),
            needed: Type.Integer({
              description:
                'Tokens that a process needs if it uses each one until it expires. If far more are issued, the client does not reuse its tokens',
            }),
          }),
        ),
        Type.Null(),
      ],
      { description: 'Accounts with the most tokens since midnight; null: too many accounts to compare' },
    ),
  }),
)

/** How many tokens were issued and refused. */
export function activityRoutes(app: AdminScope, { activity }: Pick<Operations, 'activity'>): void {
  app.get(
    '/admin/realms/:realm/activity',
    {
      schema: {
        tags: ['Realms'],
        operationId: 'getRealmActivity',
        summary: 'Count the tokens of a realm by hour and day, and show who asks most; about a minute late',
        params: InRealm,
        response: { 200: RealmActivityAnswer },
      },
    },
    async (request) => realmActivityToWire(await activity.ofRealm(actorOf(request), request.params.realm)),
  )

  app.get(
    '/admin/realms/:realm/service-accounts/:client_id/activity',
    {
      schema: {
        tags: ['Service accounts'],
        operationId: 'getServiceAccountActivity',
        summary: 'Count the tokens of a service account by hour and day; about a minute late',
        params: OfAccount,
        response: { 200: AccountActivity },
      },
    },
    async (request) => {
      const { realm, client_id: clientId } = request.params
      return accountActivityToWire(await activity.ofAccount(actorOf(request), realm, clientId))
    },
  )
}
