import type { FastifyInstance, FastifyListenOptions, InjectOptions, LightMyRequestResponse } from 'fastify'
import { FRONT_DOORS, type FrontDoor, type Server } from '../../src/server/build-server.ts'

/** The front doors of a test server. Building all takes longer than most tests, so each is built when it is first asked. */
export interface TestApp extends Pick<FastifyInstance, 'server'> {
  listen(options?: FastifyListenOptions): Promise<string>
  inject(request: InjectOptions | string): Promise<LightMyRequestResponse>
  /** All front doors. */
  ready(): PromiseLike<FastifyInstance>
}

/** Doors that the test server before this one was asked at: the tests of a file are alike, and one build takes less than two. */
let usual: ReadonlySet<FrontDoor> = new Set()

type Build = (doors: readonly FrontDoor[]) => Promise<Server>

/** What is asked at a door of its own later finds a new server, whose limits and metrics begin anew: see `ready`. */
export function testApp(build: Build): { readonly app: TestApp; close(): Promise<void> } {
  const servers: Promise<Server>[] = []
  let open: readonly FrontDoor[] | undefined
  let newest: Server | undefined
  const asked = new Set<FrontDoor>()
  const opened = async (doors: readonly FrontDoor[]) => {
    for (const door of doors) asked.add(door)
    if (!open || doors.some((door) => !open?.includes(door))) {
      open = FRONT_DOORS.filter((door) => asked.has(door) || usual.has(door))
      servers.push(build(open))
    }
    newest = await (servers.at(-1) as Promise<Server>)
    return newest.app
  }
  const app: TestApp = {
    ready: () => opened(FRONT_DOORS),
    inject: async (request) => (await opened(doorsOf(request))).inject(request),
    listen: async (options?: FastifyListenOptions) => (await opened(FRONT_DOORS)).listen(options),
    get server() {
      if (!newest) throw new Error('it does not listen yet')
      return newest.app.server
    },
  }
  const close = async () => {
    usual = asked
    for (const server of servers) await (await server).close()
  }
  return { app, close }
}

/** The doors that the address names anywhere: a path of PUBLIC_URL may precede, and letters may be encoded. */
function doorsOf(request: InjectOptions | string): readonly FrontDoor[] {
  const url = typeof request === 'string' ? request : (request.url ?? request.path)
  if (typeof url !== 'string') return FRONT_DOORS
  const path = (url.split('?', 1)[0] as string)
    .replaceAll(/%[46]\w|%[57][0-9a]/gi, decodeURIComponent)
    .toLowerCase()
  return FRONT_DOORS.filter((door) => path.includes(door))
}
