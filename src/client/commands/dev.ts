import { jsonDocument } from '../output.js';
import type { Command } from './command.js';

export const dev: Command = {
  usage: 'dev <action>',
  summary: 'start or stop the development Temporal server',
  positionals: { action: { type: 'string', choices: ['start', 'stop', 'status'], describe: 'what to do' } },
  examples: [['$0 dev start', 'start it as temporal-dev.yaml says, and return']],
  run: async ({ io, settings, options }) => {
    const { startDevServer, stopDevServer, devServerStatus } = await import('../dev-server.js');
    const action = { start: startDevServer, stop: stopDevServer, status: devServerStatus }[String(options['action'])];
    const state = await action?.();
    io.out(settings.output === 'json' ? jsonDocument(state) : `${JSON.stringify(state)}\n`);
    return 0;
  },
};
