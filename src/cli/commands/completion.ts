import { SCRIPTS } from '../completion/scripts.js';
import type { Command } from './command.js';

export const completion: Command = {
  usage: 'completion [shell]',
  summary: 'print a script that completes commands, options, parameters, builds and files in a shell',
  positionals: {
    shell: { type: 'string', choices: Object.keys(SCRIPTS), describe: 'the shell (default: that of SHELL, else bash)' },
  },
  examples: [['$0 completion bash >> ~/.bashrc', 'complete in bash from the next login on']],
  run: ({ io, options }) => {
    const login = (io.env['SHELL'] ?? '').split('/').at(-1) ?? '';
    const shell = String(options['shell'] ?? (login in SCRIPTS ? login : 'bash'));
    io.outExact(SCRIPTS[shell as keyof typeof SCRIPTS]);
    return Promise.resolve(0);
  },
};
