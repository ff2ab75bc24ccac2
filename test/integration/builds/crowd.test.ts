import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { parseResourceName } from '../../../src/domain/names.js';
import type { FakeCloud } from '../../fakes/openstack/fake-cloud.js';
import { TestEnv, type Build } from '../../support/test-env.js';
import { until } from '../../support/until.js';

const BUILDS = 200;
const QUOTA = 10;
/**
 * Minutes in which at least one of the builds must end. The time that all builds take together depends on what else the
 * machine does, so it has no limit of its own.
 */
const MINUTES_TO_NEXT_END = 4;

/**
 * Waits until all builds have ended.
 *
 * @returns the errors of the builds that have failed
 * @throws Error when no build has ended for {@link MINUTES_TO_NEXT_END}
 */
async function waitForEnds(builds: Build[]): Promise<unknown[]> {
  const errors: unknown[] = [];
  let ended = 0;
  const ends = builds.map(({ handle }) =>
    handle
      .result()
      .catch((error: unknown) => errors.push((error as { cause?: unknown }).cause ?? error))
      .finally(() => (ended += 1)),
  );
  while (ended < builds.length) {
    const before = ended;
    await until(() => ended > before, `the end of one more build than ${before}`, AbortSignal.timeout(MINUTES_TO_NEXT_END * 60_000)); // prettier-ignore
  }
  await Promise.all(ends);
  return errors;
}

/**
 * Lists the faults of the floating IPs in use now: an address that two of them have, or a floating IP at the instance
 * of another build.
 */
function wrongUses({ state }: FakeCloud): string[] {
  const inUse = [...state.floatingIps.values()];
  const addresses = new Set(inUse.map((floating) => floating.floating_ip_address));
  const wrong = addresses.size === inUse.length ? [] : ['one address twice'];
  for (const { description, port_id: portId } of inUse) {
    const server = portId === null ? undefined : state.servers.get(state.ports.get(portId)?.device_id ?? '');
    if (server === undefined) continue;
    const [owner, user] = [parseResourceName(description, 'address'), parseResourceName(server.name, 'customise')];
    if (owner !== user) wrong.push(`the floating IP of ${owner} at the instance of ${user}`);
  }
  return wrong;
}

describe(`${BUILDS} builds at once on a quota of ${QUOTA} instances and ${QUOTA} floating IPs`, () => {
  let env: TestEnv;
  before(async () => {
    env = await TestEnv.start();
    // Installs the JEOS that all builds reuse.
    await (await env.build(env.template())).result();
  });
  after(() => env.close());

  it('all succeed, never exceed the quota, never share an address, and leave nothing', async () => {
    Object.assign(env.cloud.state.quotas, { instances: QUOTA, floatingIps: QUOTA });
    const refused = (): number =>
      env.cloud.calls.list({ method: 'POST' }).filter(({ status = 0 }) => [403, 409].includes(status)).length;
    const most = { instances: 0, floatingIps: 0 };
    const wrong = new Set<string>();
    const watch = setInterval(() => {
      most.instances = Math.max(most.instances, env.cloud.state.servers.size);
      most.floatingIps = Math.max(most.floatingIps, env.cloud.state.floatingIps.size);
      for (const use of wrongUses(env.cloud)) wrong.add(use);
    }, 10);
    const began = Date.now();
    const builds = await Promise.all(
      Array.from({ length: BUILDS }, () =>
        env.build(env.template(), { request_floating_ip: 'True', generate_icicle: false }, 'envvars', 60),
      ),
    );
    const errors = await waitForEnds(builds).finally(() => clearInterval(watch));
    assert.equal(errors.length, 0, `${errors.length} builds have failed, the first with: ${String(errors[0])}`);
    assert.deepEqual([...wrong], []);
    assert.deepEqual(most, { instances: QUOTA, floatingIps: QUOTA });
    assert.deepEqual(env.leftovers(), []);
    assert.equal(env.images('base').length, BUILDS + 1);
    // Only the build whose turn it is sends requests that the cloud can refuse. So the number of refusals for each
    // build is small, however long the build waits.
    assert.ok(refused() < 20 * BUILDS, `the cloud refused ${refused()} times`);
    process.stdout.write(
      `${BUILDS} builds in ${Math.round((Date.now() - began) / 1000)} s, refused ${refused()} times\n`,
    );
  });
});
