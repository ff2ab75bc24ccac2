import { join } from 'node:path';
import { stopDevServer } from '../src/cli/dev-server/dev-server.js';
import { stopBackground } from './background.js';
import { PROJECT, runProgram } from './dev-cloud.js';

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Stops what `make demo` has started, in the order in which it is needed. */
for (const name of ['worker', 'mirror']) {
  if (await stopBackground(name)) say(`stopped the ${name}`);
}
const before = await stopDevServer();
say(
  before.running ? 'the Temporal server did not end' : 'Temporal’s development server is stopped; its database stays',
);
const action = process.env['PURGE'] === undefined ? 'stop' : 'purge';
process.exitCode = await runProgram(join(PROJECT, 'dev/openstack/cloud.sh'), [action], { onLine: say });
