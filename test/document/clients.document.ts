import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { missing, served, tool } from './served.ts'

// Clients that generators make of the document are compiled, and make, list and read a service account of a real server.

const TYPESCRIPT = `import createClient from 'openapi-fetch'
import type { components, paths } from './schema.js'

const client = createClient<paths>({
  baseUrl: process.env['URL'] as string,
  headers: { authorization: 'Bearer ' + process.env['TOKEN'] },
})
const realm = 'acme'
const made = await client.POST('/admin/realms/{realm}/service-accounts', {
  params: { path: { realm } },
  body: { name: 'TypeScript', allowed_networks: ['10.0.0.0/8'] },
})
if (!made.data) throw new Error(made.error.detail)
const { client_id } = made.data
const listed = await client.GET('/admin/realms/{realm}/service-accounts', {
  params: { path: { realm }, query: { state: 'enabled', client_id } },
})
const items: components['schemas']['ServiceAccount'][] = listed.data?.items ?? []
const { data } = await client.GET('/admin/realms/{realm}/service-accounts/{client_id}', {
  params: { path: { realm, client_id } },
})
const refused = await client.GET('/admin/realms/{realm}', { params: { path: { realm: 'nowhere' } } })
console.log(JSON.stringify([items.length, data?.name, data?.allowed_networks, refused.error?.type]))
`

const PYTHON = `import json, os
from generated import AuthenticatedClient
from generated.api.service_accounts import create_service_account, get_service_account, list_service_accounts
from generated.api.realms import get_realm
from generated.models import NewServiceAccount

client = AuthenticatedClient(base_url=os.environ["URL"], token=os.environ["TOKEN"])
body = NewServiceAccount(name="Python", allowed_networks=["10.0.0.0/8"])
made = create_service_account.sync("acme", client=client, body=body)
listed = list_service_accounts.sync("acme", client=client, client_id=made.client_id)
one = get_service_account.sync("acme", made.client_id, client=client)
refused = get_realm.sync("nowhere", client=client)
print(json.dumps([len(listed.items), one.name, one.allowed_networks, str(refused.type_)]))
`

const GO = `package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	ctx := context.Background()
	withToken := func(_ context.Context, request *http.Request) error {
		request.Header.Set("Authorization", "Bearer "+os.Getenv("TOKEN"))
		return nil
	}
	client, err := NewClientWithResponses(os.Getenv("URL"), WithRequestEditorFn(withToken))
	must(err)
	body := CreateServiceAccountJSONRequestBody{Name: "Go"}
	made, err := client.CreateServiceAccountWithResponse(ctx, "acme", &CreateServiceAccountParams{}, body)
	must(err)
	id := made.JSON201.ClientId
	listed, err := client.ListServiceAccountsWithResponse(ctx, "acme", &ListServiceAccountsParams{ClientId: &id})
	must(err)
	one, err := client.GetServiceAccountWithResponse(ctx, "acme", id, &GetServiceAccountParams{})
	must(err)
	refused, err := client.GetRealmWithResponse(ctx, "nowhere", &GetRealmParams{})
	must(err)
	must(json.NewEncoder(os.Stdout).Encode([]any{
		len(listed.JSON200.Items), one.JSON200.Name, one.JSON200.AllowedNetworks,
		refused.ApplicationproblemJSON404.Type,
	}))
}
`

const NOT_FOUND = 'urn:mintmark:problem:not-found'

const COMPILER = 'node_modules/typescript/bin/tsc'
const GENERATOR = 'node_modules/openapi-typescript/bin/cli.js'

t.test(
  'openapi-typescript makes a client that compiles and works',
  {
    skip: missing(COMPILER, GENERATOR, 'node_modules/openapi-fetch'),
  },
  async (t) => {
    const { file, folder, url, token } = await served(t)
    symlinkSync(tool('node_modules'), join(folder, 'node_modules'))
    await run(process.execPath, [tool(GENERATOR), file, '-o', join(folder, 'schema.d.ts')])
    writeFileSync(join(folder, 'package.json'), '{"type": "module"}')
    writeFileSync(
      join(folder, 'globals.d.ts'),
      'declare const process: { env: Record<string, string | undefined> }',
    )
    writeFileSync(join(folder, 'client.ts'), TYPESCRIPT)
    const strict = [
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--skipLibCheck',
      '--lib',
      'es2024,dom',
    ]
    const sources = ['client.ts', 'globals.d.ts'].map((name) => join(folder, name))
    await run(process.execPath, [tool(COMPILER), ...strict, ...sources])
    const printed = await run(process.execPath, [join(folder, 'client.js')], { URL: url, TOKEN: token })
    t.same(JSON.parse(printed), [1, 'TypeScript', ['10.0.0.0/8'], NOT_FOUND])
  },
)

t.test(
  'openapi-python-client makes a client that works',
  {
    skip: missing('python/bin/openapi-python-client'),
  },
  async (t) => {
    const { file, folder, url, token } = await served(t)
    const output = join(folder, 'generated')
    const args = ['generate', '--path', file, '--output-path', output, '--meta', 'none']
    const warnings = await run(tool('python/bin/openapi-python-client'), args)
    const unread = warnings.match(/WARNING parsing [^\n]*/g) ?? []
    t.same(
      unread.filter((line) => !line.includes('import')),
      [],
      'no operation is left out but imports of lines',
    )
    writeFileSync(join(folder, 'client.py'), PYTHON)
    const printed = await run(tool('python/bin/python3'), [join(folder, 'client.py')], {
      URL: url,
      TOKEN: token,
    })
    t.same(JSON.parse(printed), [1, 'Python', ['10.0.0.0/8'], NOT_FOUND])
  },
)

t.test(
  'oapi-codegen makes a client that compiles and works',
  {
    skip: missing('bin/oapi-codegen', 'go/go.mod'),
  },
  async (t) => {
    const { file, folder, url, token } = await served(t)
    const module = join(folder, 'go')
    mkdirSync(module)
    for (const name of ['go.mod', 'go.sum']) copyFileSync(tool(`go/${name}`), join(module, name))
    const client = await run(tool('bin/oapi-codegen'), [
      '-generate',
      'types,client',
      '-package',
      'main',
      file,
    ])
    writeFileSync(join(module, 'client.go'), client)
    writeFileSync(join(module, 'main.go'), GO)
    const printed = await run('go', ['run', '.'], { URL: url, TOKEN: token, GOFLAGS: '-mod=mod' }, module)
    t.same(JSON.parse(printed), [1, 'Go', null, NOT_FOUND])
  },
)

function run(command: string, args: readonly string[], env: object = {}, cwd?: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const options = { env: { ...process.env, ...env }, maxBuffer: 1e8, ...(cwd !== undefined && { cwd }) }
  execFile(command, args, options, (error, stdout, stderr) => {
    if (error) reject(new Error(`${error.message}\n${stdout.slice(-4000)}\n${stderr.slice(-4000)}`))
    else resolve(stdout)
  })
  return promise
}
