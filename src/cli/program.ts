export async function runCommand(
  argv: readonly string[],
  _env: NodeJS.ProcessEnv,
  serve: () => Promise<number>,
): Promise<number> {
  if (argv[2] === 'serve') return serve()
  return 2
}
