import { Argument, type Command } from 'commander'
import {
  bashCompletion,
  type Completed,
  type CompletedOption,
  fishCompletion,
  zshCompletion,
} from './completion-scripts.ts'
import type { Terminal } from './terminal.ts'

const SHELLS = {
  bash: [bashCompletion, 'eval "$(mintmark completion bash)" in ~/.bashrc'],
  zsh: [zshCompletion, 'eval "$(mintmark completion zsh)" in ~/.zshrc, after compinit'],
  fish: [fishCompletion, 'mintmark completion fish > ~/.config/fish/completions/mintmark.fish'],
} as const

/** Prints what a shell needs to complete commands, options and their values: made from the commands themselves. */
export function completionCommand(program: Command, terminal: Terminal): void {
  const ways = Object.entries(SHELLS).map(([shell, [, use]]) => `  ${shell}: ${use}`)
  program
    .command('completion')
    .description('print a script that completes commands in your shell')
    .addArgument(new Argument('<shell>').choices(Object.keys(SHELLS)))
    .addHelpText('after', `\nHow to use it:\n${ways.join('\n')}`)
    .action((shell: keyof typeof SHELLS) => {
      const script = SHELLS[shell][0](completedOf(program, []))
      terminal.print({ json: { shell, script }, text: script.trimEnd() })
    })
}

/** A command and all below it. */
export function completedOf(command: Command, path: readonly string[]): Completed[] {
  const globals = path.length > 0 ? optionsOf(rootOf(command)) : []
  const own: Completed = {
    path,
    words: [
      ...command.commands.map((one) => ({ word: one.name(), description: one.description() })),
      ...command.registeredArguments.flatMap(({ argChoices = [], description }) =>
        argChoices.map((word) => ({ word, description })),
      ),
    ],
    options: [...optionsOf(command), ...globals, { word: '--help', ...HELP }],
  }
  return [own, ...command.commands.flatMap((one) => completedOf(one, [...path, one.name()]))]
}

const HELP = { description: 'show the help of the command', takesValue: false, choices: undefined }

function rootOf(command: Command): Command {
  return command.parent ? rootOf(command.parent) : command
}

function optionsOf(command: Command): CompletedOption[] {
  return command.options
    .filter(({ hidden, long }) => !hidden && long)
    .map(({ long, description, required, optional, argChoices }) => ({
      word: long as string,
      description,
      takesValue: required || optional,
      choices: argChoices,
    }))
}
