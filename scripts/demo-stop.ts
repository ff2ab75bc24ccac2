import { join } from 'node:path';
import { stopDevServer } from '../src/cli/dev-server/dev-server.js';
import { stopBackground } from './background.js';
import { PROJECT, runProgram } from './dev-cloud.js';

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Stops the programs that `make demo` has started. The worker stops first, because it uses the other programs. */
for (const name of ['worker', 'mirror']) {
  if (await stopBackground(name)) say(`stopped the ${name}`);
}
const before = await stopDevServer();
say(
  before.running
    ? 'Temporal’s development server still runs: it did not stop in time'
    : 'Temporal’s development server is stopped; its database stays',
);
const action = process.env['PURGE'] === undefined ? 'stop' : 'purge';
process.exitCode = await runProgram(join(PROJECT, 'dev/openstack/cloud.sh'), [action], { onLine: say });
