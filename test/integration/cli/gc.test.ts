import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { CloudSweep } from '../../../src/domain/sweep-report.js';
import { getSweepScheduleId } from '../../../src/client/sweep.js';
import { TestEnv } from '../../support/test-env.js';
import { until } from '../../support/until.js';
import { runCommand } from './run-command.js';

describe('gc and setup --gc-schedule on the command line', () => {
  let env: TestEnv;
  before(async () => {
    env = await TestEnv.start();
  });
  after(() => env.close());

  const imagefactory = (...args: string[]): ReturnType<typeof runCommand> =>
    runCommand(env.temporal, env.taskQueue, ...args);

  /**
   * Starts a build and terminates it. The build leaves an instance, a key pair and a security group in the cloud.
   *
   * @returns the UUID of the build
   */
  async function leave(): Promise<string> {
    const build = await env.build(env.template({ name: 'left' }));
    await build.reaches('ssh');
    await build.handle.terminate('by the test');
    return build.uuid;
  }

  it('a dry run prints one line for each resource, with its age and the reason, and removes nothing', async () => {
    const uuid = await leave();
    const { code, stdout, stderr } = await imagefactory('gc', '--dry-run', '--older-than', '0s');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^ +KIND +ID, NAME +AGE +WHY\n/);
    assert.match(
      stdout,
      new RegExp(`would go +instance +\\S+ imagefactory-customise-${uuid} +\\d+ s +its build has ended`),
    );
    assert.match(stdout, new RegExp(`would go +key pair +imagefactory-key-${uuid} `));
    assert.match(stdout, /stays +image +\S+ left-jeos +\d+ s +builds may start from it\n/);
    assert.match(stdout, /\nenvvars: 3 would go, \d+ stay\n$/);
    assert.equal(env.leftovers().filter(({ kind }) => kind !== 'port').length, 3);
  });

  it('by default keeps resources that are younger than a day', async () => {
    const { code, stdout } = await imagefactory('gc');
    assert.equal(code, 0);
    assert.match(stdout, /^envvars: \d+ stay\n$/);
  });

  it('prints what it has removed, in JSON mode with all resources that it has found', async () => {
    const { code, stdout } = await imagefactory('--output', 'json', 'gc', '--older-than', '0', '--cloud', 'envvars');
    const document = JSON.parse(stdout) as { dry_run: boolean; clouds: CloudSweep[] };
    assert.equal(code, 0, stdout);
    assert.equal(document.dry_run, false);
    const removed = document.clouds[0]?.resources
      .filter(({ outcome }) => outcome === 'removed')
      .map(({ kind }) => kind);
    assert.deepEqual(removed, ['instance', 'security group', 'key pair']);
    assert.deepEqual(env.leftovers(), []);
  });

  it('says what it could not remove, and exits 1', async () => {
    await leave();
    env.cloud.faults.add({ kind: 'status', status: 403, match: { method: 'DELETE', path: /security-groups/ } });
    const { code, stdout } = await imagefactory('gc', '--older-than', '0s');
    assert.equal(code, 1);
    assert.match(stdout, /FAILED +security group .*403/);
    env.cloud.faults.clear();
    assert.equal((await imagefactory('gc', '--older-than', '0s')).code, 0);
  });

  it('an unknown cloud gives one line and exit code 1', async () => {
    const { code, stdout } = await imagefactory('gc', '--cloud', 'nowhere', '--cloud', 'envvars');
    assert.equal(code, 1);
    assert.match(stdout, /^nowhere: could not be swept: .*nowhere.*\nenvvars: \d+ stay\n$/);
  });

  it('the schedule is made once, changed by the next call, sweeps, and is gone when it is off', async () => {
    const first = await imagefactory('setup', '--gc-schedule', '6h');
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, /the sweeper’s schedule is created: every 6h in envvars\n$/);
    const second = await imagefactory('setup', '--gc-schedule', '1d', '--older-than', '0s', '--jeos-keep', '3');
    assert.match(second.stdout, /the sweeper’s schedule is updated: every 1d in envvars\n$/);
    const handle = env.temporal.client.schedule.getHandle(getSweepScheduleId(env.taskQueue));
    const { spec, action } = await handle.describe();
    assert.deepEqual(
      spec.intervals?.map(({ every }) => every),
      [86_400_000],
    );
    assert.equal((action.args?.[0] as { limits: { jeosKeep: number } }).limits.jeosKeep, 3);

    await leave();
    await handle.trigger();
    await until(() => env.leftovers().length === 0, 'nothing is left');

    assert.match((await imagefactory('setup', '--gc-schedule', 'off')).stdout, /schedule is removed\n$/);
    assert.match((await imagefactory('setup', '--gc-schedule', 'off')).stdout, /the sweeper has no schedule\n$/);
  });

  it('invalid values of options are refused before anything is done', async () => {
    for (const args of [
      ['gc', '--older-than', 'soon'],
      ['setup', '--gc-schedule', '5s'],
      ['gc', '--jeos-keep', '-1'],
    ]) {
      assert.equal((await imagefactory(...args)).code, 2, args.join(' '));
    }
  });
});
