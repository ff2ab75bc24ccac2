import type { DevServerStatus } from '../dev-server/dev-server.js';
import { formatDocument } from '../documents.js';
import type { Command } from './command.js';

export const dev: Command = {
  usage: 'dev <action>',
  summary: 'start or stop the development Temporal server',
  positionals: { action: { type: 'string', choices: ['start', 'stop', 'status'], describe: 'what to do' } },
  examples: [['$0 dev start', 'start the server with the arguments of temporal-dev.yaml, and return']],
  run: async ({ io, settings, options }) => {
    const { startDevServer, stopDevServer, fetchDevServerStatus } = await import('../dev-server/dev-server.js');
    const action = String(options['action']);
    const run = action === 'start' ? startDevServer : action === 'stop' ? stopDevServer : fetchDevServerStatus;
    const status = await run({ env: io.env, say: (line) => io.err(`${line}\n`) });
    io.out(settings.output === 'json' ? formatDocument('dev', status) : describe(status));
    return 0;
  },
};

function describe({ running, address, ui, log }: DevServerStatus): string {
  if (!running) return 'The development Temporal server is not running.\n';
  return `Temporal server ${address}\nTemporal UI     ${ui}\nLog             ${log}\n`;
}
