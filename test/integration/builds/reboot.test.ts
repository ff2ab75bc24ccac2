import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { RootFiles } from '../../fakes/openstack/guests/root-files.js';
import { TestEnv, type Build } from '../../support/test-env.js';
import { blockingCommand } from '../../support/interrupter.js';
import { until } from '../../support/until.js';

/**
 * Returns a template body. Each command appends its name to /root/runs. The second command runs until the test ends it.
 * The last command succeeds only if /root/runs contains exactly the names in `ran`.
 */
function bodyOf(ran: string): string {
  return `<commands>
    <command name="one">echo one >> /root/runs</command>
    <command name="two">${blockingCommand('two')}</command>
    <command name="check">test "$(echo $(cat /root/runs))" = "${ran}"</command></commands>`;
}

describe('a guest that is rebooted while a command of the template runs', { concurrency: 3 }, () => {
  let env: TestEnv;
  before(async () => {
    env = await TestEnv.start();
    await (await env.build(env.template())).result();
  });
  after(() => env.close());

  function serverOf(build: Build): string | undefined {
    return [...env.cloud.state.servers.values()].find(({ name }) => name.endsWith(build.uuid))?.id;
  }

  /** Waits until the second command runs, and reboots its guest. */
  async function reboot(build: Build): Promise<RootFiles> {
    const files = await until(async () => {
      const found = env.cloud.guestFiles(serverOf(build) ?? '');
      return (await found?.read('root/two.runs')) === undefined ? undefined : found;
    }, 'the second command runs');
    await files.remove('root/two.runs');
    await env.cloud.rebootServer(serverOf(build) ?? '');
    return files;
  }

  it('interrupts the command: the step fails with CommandInterrupted, and its hint names rerunnable_commands', async () => {
    const build = await env.build(env.template({ body: bodyOf('one two') }));
    await reboot(build);
    const { type, message, details } = await build.failure();
    assert.equal(type, 'CommandInterrupted');
    assert.match(message, /^command:2 two: run command two: interrupted, /);
    assert.match((details?.[0] as { hint: string }).hint, /--parameter rerunnable_commands True/);
    const { steps } = await build.status();
    assert.deepEqual(
      steps.filter(({ name, state }) => name.startsWith('command:') || state === 'failed').map(({ name }) => name),
      ['command:1 one', 'command:2 two'],
    );
    assert.deepEqual(
      env.leftovers().filter((resource) => JSON.stringify(resource).includes(build.uuid)),
      [],
    );
  });

  it('runs the command again with rerunnable_commands, and the build completes', async () => {
    const parameters = { rerunnable_commands: 'True' };
    const build = await env.build(env.template({ body: bodyOf('one two two') }), parameters);
    const files = await reboot(build);
    await until(() => files.read('root/two.runs'), 'the second command runs again');
    await files.write('root/two.end', '', { mode: 0o600 });
    const { glanceId } = await build.result();
    assert.ok(env.cloud.state.images.has(glanceId));
  });

  it('can be resumed at that step when the build is held', async () => {
    const build = await env.build(env.template({ body: bodyOf('one two two') }), { on_error: 'hold' });
    const files = await reboot(build);
    const held = await build.held();
    assert.match(held.message, /interrupted/);
    await build.handle.executeUpdate('resume', { args: [{ action: 'retry' }] });
    await until(() => files.read('root/two.runs'), 'the second command runs again');
    await files.write('root/two.end', '', { mode: 0o600 });
    await build.result();
  });
});
