import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, describe, it } from 'node:test';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { run } from '../../../src/client/cli.js';
import type { BuildStatus } from '../../../src/build/status.js';
import type { CallPattern } from '../../fake-cloud/core/call-log.js';
import { Bed, Build } from '../../support/bed.js';
import type { KillPoint } from '../../support/kill-points.js';
import { heldCommand, Striker } from '../../support/strikes.js';
import { startTemporal } from '../../support/temporal.js';
import { RecordingIo } from '../../unit/client/recording-io.js';

/** Milliseconds within which a build must say that it is being cancelled, and clean up. */
const REACTION = 5000;
const PARAMETERS = { request_floating_ip: 'True', download: true };
const BODY = `<packages><package name="tree"/></packages>
  <commands><command name="one">${heldCommand('one')}</command></commands>`;

/** A build that is in the state in which it is to be cancelled. */
interface Scene {
  bed: Bed;
  build: Build;
  /** Lets go what held it there. */
  release?: () => Promise<void>;
}

/** A state of a build, and how it gets there. */
interface State {
  what: string;
  /** What the clean-up must say that it removed. */
  removes?: RegExp;
  reach: (bed: Bed) => Promise<Scene>;
  /** Default: one of them by turns, because both end in the same call. */
  ways?: readonly Way[];
}

const WAYS = ['imagefactory', 'Temporal'] as const;
type Way = (typeof WAYS)[number];

async function until(condition: () => Promise<boolean> | boolean, what: string): Promise<void> {
  for (let tries = 0; !(await condition()); tries++) {
    assert.ok(tries < 1500, `never: ${what}`);
    await sleep(20);
  }
}

const nova = (method: string, path: RegExp): CallPattern => ({ service: 'compute', method, path });
const glance = (method: string, path: RegExp): CallPattern => ({ service: 'image', method, path });
const neutron = (method: string, path: RegExp): CallPattern => ({ service: 'network', method, path });
/** The first call of everything that is done in the guest. */
const ADMIT = neutron('GET', /\/security-groups\?tags=/);

/** In a step of the build, or of its installer’s run, while a call waits for its answer. */
function during(
  of: KillPoint['of'],
  step: string,
  call: CallPattern,
  removes?: RegExp,
  when: 'before' | 'after' = 'before',
): State {
  return {
    what: `${step}${of === 'jeos' ? ' of the installer’s run' : ''}, ${when} ${call.method} ${call.path?.source.replaceAll('\\', '')}`,
    ...(removes === undefined ? {} : { removes }),
    reach: async (bed) => {
      // The command of the template ends at once.
      const body = BODY.replace(/<command name="one">.*<\/command>/s, '<command name="one">true</command>');
      const build = await bed.build(bed.template({ body }), PARAMETERS);
      const striker = new Striker(bed, bed.cloud, build, AbortSignal.timeout(60_000));
      const { release } = await striker.at({ of, step, at: { call, when } });
      return { bed, build, release };
    },
  };
}

/** In a step that lasts because the cloud or the guest behaves so. */
function lasting(
  what: string,
  step: string,
  arrange: (bed: Bed) => void,
  removes?: RegExp,
  parameters: Record<string, unknown> = {},
): State {
  return {
    what,
    ...(removes === undefined ? {} : { removes }),
    reach: async (bed) => {
      arrange(bed);
      const build = await bed.build(bed.template({ body: BODY.replace(/<commands>.*/s, '') }), {
        ...PARAMETERS,
        ...parameters,
      });
      const run = step.startsWith('installer: ') ? await installerOf(bed, build) : build;
      await run.reaches(step.replace('installer: ', ''));
      return { bed, build };
    },
  };
}

async function installerOf(bed: Bed, build: Build): Promise<Build> {
  await build.reaches('jeos');
  const { jeosWorkflowId = '' } = await build.status();
  const handle = bed.temporal.client.workflow.getHandle(jeosWorkflowId);
  await until(
    () =>
      handle.describe().then(
        () => true,
        () => false,
      ),
    jeosWorkflowId,
  );
  return new Build(build.uuid, handle, bed);
}

const INSTANCE = /instance [0-9a-f-]{36}/;
const IMAGE = /image [0-9a-f-]{36}/;
const GUEST = /instance .*floating IP .*security group .*key pair/;

const STATES: State[] = [
  during('base', 'plan', nova('GET', /\/flavors/)),
  during('base', 'jeos', glance('GET', /imagefactory_jeos=/)),
  lasting('while it fetches the installer’s kernel', 'installer: media', (bed) =>
    bed.media.fault(/linux$/, { kind: 'hang' }),
  ),
  during('jeos', 'media', glance('PUT', /\/file$/)),
  during('jeos', 'boot-image', glance('POST', /\/images$/), IMAGE, 'after'),
  during('jeos', 'installer.create', nova('POST', /\/servers$/)),
  during('jeos', 'installer.create', nova('POST', /\/servers$/), INSTANCE, 'after'),
  lasting(
    'while the quota lets it make no instance',
    'installer: installer.create',
    (bed) => (bed.cloud.state.quotas.instances = 0),
    IMAGE,
  ),
  lasting(
    'while the installer runs',
    'installer: installer.wait',
    (bed) => bed.cloud.behaviours.add({ match: { boots: 'installer' }, installer: 'never-off' }),
    INSTANCE,
  ),
  during('jeos', 'jeos.snapshot', nova('POST', /\/action$/), INSTANCE, 'after'),
  during('jeos', 'jeos.publish', glance('PATCH', /\/images\//), IMAGE),
  during('base', 'access', nova('POST', /\/os-keypairs$/), /security group/),
  during('base', 'customise.create', nova('POST', /\/servers$/), /key pair/),
  during(
    'base',
    'customise.create',
    neutron('POST', /\/floatingips$/),
    /floating IP .*security group .*key pair/,
    'after',
  ),
  during('base', 'customise.create', nova('POST', /\/servers$/), INSTANCE, 'after'),
  lasting(
    'while its instance is built',
    'address',
    (bed) => bed.cloud.behaviours.add({ match: { boots: 'disk' }, create: 'stuck' }),
    INSTANCE,
  ),
  lasting(
    'while nothing answers over SSH',
    'ssh',
    (bed) => bed.cloud.behaviours.add({ match: { boots: 'disk' }, guest: { ssh: false } }),
    GUEST,
  ),
  during('base', 'packages', ADMIT, GUEST),
  {
    what: 'while a command runs in the guest',
    ways: WAYS,
    removes: GUEST,
    reach: async (bed) => {
      const build = await bed.build(bed.template({ body: BODY }), PARAMETERS);
      const striker = new Striker(bed, bed.cloud, build, AbortSignal.timeout(60_000));
      await striker.at({ of: 'base', step: 'command:1 one', at: { command: 'one', ends: 'alone' } });
      return { bed, build };
    },
  },
  during('base', 'icicle', ADMIT, GUEST),
  during('base', 'clean', ADMIT, GUEST),
  lasting(
    'while the guest shuts down',
    'shutdown',
    (bed) => bed.cloud.behaviours.add({ match: { boots: 'disk' }, guest: { ignoresShutdown: true } }),
    GUEST,
  ),
  during('base', 'base.snapshot', nova('POST', /\/action$/), GUEST, 'after'),
  lasting(
    'while the snapshot is taken',
    'base.snapshot',
    (bed) => bed.cloud.behaviours.add({ match: { boots: 'disk' }, snapshot: 'endless' }),
    /instance .*image/,
  ),
  during('base', 'base.publish', glance('PATCH', /\/images\//), /image/, 'after'),
  during('base', 'customise.delete', nova('DELETE', /\/servers\//), /image/),
  during('base', 'download', glance('GET', /\/file$/), /floating IP .*security group .*key pair .*image/),
  {
    what: 'while it is held after a failure',
    ways: WAYS,
    removes: GUEST,
    reach: async (bed) => {
      const body = '<commands><command name="bad">exit 3</command></commands>';
      const build = await bed.build(bed.template({ body }), { ...PARAMETERS, on_error: 'hold' });
      await until(async () => (await build.status()).held !== undefined, 'held');
      return { bed, build };
    },
  },
];

describe('a build that is cancelled', { concurrency: 6 }, () => {
  let temporal: TestWorkflowEnvironment;
  before(async () => {
    temporal = await startTemporal();
  });
  after(() => temporal.teardown());

  async function on(work: (bed: Bed) => Promise<void>): Promise<void> {
    const bed = await Bed.start({ temporal });
    try {
      await work(bed);
    } finally {
      await bed.close();
    }
  }

  /** Cancels with our own command; answers what it printed once it has ended. */
  async function command({ bed, build }: Scene): Promise<string> {
    const io = new RecordingIo({ ...bed.env() });
    assert.equal(await run(['--task-queue', bed.taskQueue, 'cancel', build.uuid], io), 0, io.stderr);
    assert.match(io.stdout, /Image build CANCELED/);
    return io.stderr;
  }

  /** The time until the build says that it is being cancelled, and until nothing of it is waited for any more. */
  async function reaction({ build }: Scene, since: number): Promise<{ said: number; reacted: number }> {
    let said = 0;
    for (;;) {
      const status = await build.status();
      if (said === 0 && status.cancelRequestedAt !== undefined) said = Date.now() - since;
      if (status.phase === 'cleanup' || status.endedAt !== undefined) return { said, reacted: Date.now() - since };
      assert.ok(Date.now() - since < REACTION, `still in ${status.phase} after ${Date.now() - since} ms`);
      await sleep(25);
    }
  }

  async function isGone({ bed, build }: Scene, removes: RegExp | undefined): Promise<BuildStatus> {
    await assert.rejects(build.result(), /[Cc]ancel/);
    const status = await build.status();
    assert.equal(status.status, 'CANCELED');
    assert.deepEqual(status.leftovers, []);
    assert.equal(status.failure?.type, 'Canceled');
    assert.equal((await build.record()).status, 'CANCELED');
    // The installer’s run that nobody needs any more cleans up by itself.
    await until(() => bed.leftovers().length === 0, 'nothing left');
    assert.deepEqual(bed.images('base'), []);
    assert.deepEqual(
      bed.images('jeos').filter(({ properties }) => properties['imagefactory_jeos'] === undefined),
      [],
    );
    if (removes !== undefined && status.phase !== 'plan' && !isOfInstaller(status))
      assert.match((status.removed ?? []).join(', '), removes);
    return status;
  }

  /** Whether what there was belonged to the installer’s run. */
  function isOfInstaller({ steps }: BuildStatus): boolean {
    return steps.some(({ name, state }) => name === 'jeos' && state === 'failed');
  }

  STATES.forEach(({ what, removes, reach, ways }, index) => {
    for (const way of ways ?? [WAYS[index % 2] ?? 'Temporal']) {
      it(`with ${way}’s cancel ends at once, and leaves nothing: ${what}`, () =>
        on(async (bed) => {
          const scene = await reach(bed);
          const since = Date.now();
          const ending = way === 'Temporal' ? scene.build.handle.cancel() : command(scene);
          const { said } = await reaction(scene, since);
          assert.ok(said > 0, 'it said that it is being cancelled');
          await scene.release?.();
          await isGone(scene, removes);
          const printed = await ending;
          if (typeof printed === 'string' && removes !== undefined)
            assert.match(printed, new RegExp(`Removed: .*${removes.source}`));
        }));
    }
  });

  it('leaves the installer’s run to the builds that still need it', () =>
    on(async (bed) => {
      bed.cloud.behaviours.add({ match: { boots: 'installer' }, install: 12_000 });
      const [first, second] = await Promise.all([bed.build(bed.template()), bed.build(bed.template())]);
      await (await installerOf(bed, first)).reaches('installer.wait');
      await second.reaches('jeos');
      const since = Date.now();
      const printed = command({ bed, build: first });
      await reaction({ bed, build: first }, since);
      assert.match(await printed, /installer’s run jeos-\S+ goes on/);
      await second.result();
      assert.equal(bed.cloud.state.serversMade.filter((name) => name.includes('-installer-')).length, 1);
      assert.deepEqual(bed.leftovers(), []);
    }));

  it('a second time, while it cleans up, ends as before', () =>
    on(async (bed) => {
      const build = await bed.build(bed.template(), PARAMETERS);
      await build.reaches('ssh');
      const striker = new Striker(bed, bed.cloud, build, AbortSignal.timeout(60_000));
      const cleaning = striker.at({
        of: 'base',
        step: 'cleanup',
        at: { call: neutron('DELETE', /\/security-groups\//), when: 'before' },
      });
      await build.handle.cancel();
      const { release } = await cleaning;
      await build.handle.cancel();
      assert.equal((await build.status()).phase, 'cleanup');
      await release();
      await isGone({ bed, build }, GUEST);
    }));

  it('too late, while it cleans up after its image is published, keeps its image', () =>
    on(async (bed) => {
      const build = await bed.build(bed.template(), PARAMETERS);
      const striker = new Striker(bed, bed.cloud, build, AbortSignal.timeout(60_000));
      const at = { call: nova('DELETE', /\/os-keypairs\//), when: 'before' } as const;
      const { release } = await striker.at({ of: 'base', step: 'cleanup', at });
      await build.handle.cancel();
      await release();
      const { glanceId } = await build.result();
      assert.ok(bed.cloud.state.images.has(glanceId));
      assert.equal((await build.record()).status, 'COMPLETE');
      assert.deepEqual(bed.leftovers(), []);
    }));
});
