import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CallPattern } from '../fakes/openstack/core/call-log.js';
import type { TestEnv } from './bed.js';
import type { Build } from './bed.js';
import type { KillPoint } from './kill-points.js';
import { heldCommand, Interrupter } from './interrupter.js';

/** Parameters with which a build makes everything that there is to remove. */
export const PARAMETERS = { request_floating_ip: 'True', download: true };
const BODY = `<packages><package name="tree"/></packages>
  <commands><command name="one">${heldCommand('one')}</command></commands>`;

/** A build that is in the state in which it is to be cancelled. */
export interface Scene {
  bed: TestEnv;
  build: Build;
  /** Lets go what held it there. */
  release?: () => Promise<void>;
}

/** A state of a build, and how it gets there. */
export interface State {
  what: string;
  /** What the clean-up must say that it removed. */
  removes?: RegExp;
  reach: (bed: TestEnv) => Promise<Scene>;
  /** Default: one of them by turns, because both end in the same call. */
  ways?: readonly Way[];
}

export const WAYS = ['imagefactory', 'Temporal'] as const;
export type Way = (typeof WAYS)[number];

export const nova = (method: string, path: RegExp): CallPattern => ({ service: 'compute', method, path });
const glance = (method: string, path: RegExp): CallPattern => ({ service: 'image', method, path });
export const neutron = (method: string, path: RegExp): CallPattern => ({ service: 'network', method, path });
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
      const striker = new Interrupter(bed, bed.cloud, build, AbortSignal.timeout(60_000));
      const { release } = await striker.at({ of, step, at: { call, when } });
      return { bed, build, release };
    },
  };
}

/** In a step that lasts because the cloud or the guest behaves so. */
function lasting(
  what: string,
  step: string,
  arrange: (bed: TestEnv) => void,
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
      const run = step.startsWith('installer: ') ? await build.installer() : build;
      await run.reaches(step.replace('installer: ', ''));
      return { bed, build };
    },
  };
}

const INSTANCE = /instance [0-9a-f-]{36}/;
const IMAGE = /image [0-9a-f-]{36}/;
/** What there is of a guest. */
export const GUEST = /instance .*floating IP .*security group .*key pair/;

/** The states in which a build can be cancelled: in every step, and wherever it waits. */
export const STATES: State[] = [
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
      const striker = new Interrupter(bed, bed.cloud, build, AbortSignal.timeout(60_000));
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
      await build.held();
      return { bed, build };
    },
  },
];

/** Milliseconds after which a build that was cancelled is taken for one that has not heard it. How soon it does is for the benchmark. */
const UNHEARD = 60_000;

/** Milliseconds until a build that is cancelled has said so, and waits for nothing any more but its clean-up. */
export async function reaction(build: Build, since: number): Promise<number> {
  let said = false;
  for (;;) {
    const status = await build.status();
    said ||= status.cancelRequestedAt !== undefined;
    if (status.phase === 'cleanup' || status.endedAt !== undefined) {
      assert.ok(said, 'it said that it is being cancelled');
      return Date.now() - since;
    }
    assert.ok(Date.now() - since < UNHEARD, `still in ${status.phase} after ${Date.now() - since} ms`);
    await sleep(25);
  }
}
