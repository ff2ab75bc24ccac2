import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CallPattern } from '../fakes/openstack/core/call-log.js';
import { FIND_SECURITY_GROUP, glance, neutron, nova } from './call-patterns.js';
import type { Build, TestEnv } from './test-env.js';
import type { KillPoint } from './kill-points.js';
import { blockingCommand, Interrupter } from './interrupter.js';
import { WAIT_MINUTES } from './until.js';

/** Parameters with which a build creates every kind of resource that the clean-up removes. */
export const PARAMETERS = { request_floating_ip: 'True', download: true };
const BODY = `<packages><package name="tree"/></packages>
  <commands><command name="one">${blockingCommand('one')}</command></commands>`;

/** A build in the state in which the test cancels it. */
export interface Scene {
  env: TestEnv;
  build: Build;
  /** Releases the call that the test holds. */
  release?: () => Promise<void>;
}

/** A state in which a test cancels a build, and the function that brings a build into it. */
export interface CancelState {
  name: string;
  /** Pattern for the resources that the clean-up must report as removed. Unset when the test does not check them. */
  removes?: RegExp;
  reach: (env: TestEnv) => Promise<Scene>;
  /**
   * The cancellers to test; each cancels its own build. Default: one of the two, alternating from state to state. One
   * is enough, because both send the same request to Temporal.
   */
  cancelledBy?: readonly Canceller[];
}

/** The two ways to cancel a build: the command `imagefactory cancel`, and Temporal's client. */
export const CANCELLERS = ['imagefactory', 'Temporal'] as const;
type Canceller = (typeof CANCELLERS)[number];

/** Creates a state in which a step of the build, or of its installer run, waits for the reply to a call. */
function duringCall(
  of: KillPoint['of'],
  step: string,
  call: CallPattern,
  removes?: RegExp,
  when: 'before' | 'after' = 'before',
): CancelState {
  return {
    name: `${step}${of === 'jeos' ? ' of the installer’s run' : ''}, ${when} ${call.method} ${call.path?.source.replaceAll('\\', '')}`,
    ...(removes === undefined ? {} : { removes }),
    reach: async (env) => {
      // Replaces the command that blocks by one that ends, because the build must get past this command.
      const body = BODY.replace(/<command name="one">.*<\/command>/s, '<command name="one">true</command>');
      const build = await env.build(env.template({ body }), PARAMETERS);
      const interrupter = new Interrupter(env, env.cloud, build, AbortSignal.timeout(WAIT_MINUTES * 60_000));
      const { release } = await interrupter.pauseAt({ of, step, at: { call, when } });
      return { env, build, release };
    },
  };
}

/**
 * Creates a state in which the build is in a step that does not end. `arrange` changes the cloud or the guest so that
 * the step does not end.
 */
function duringStep(
  what: string,
  step: string,
  arrange: (env: TestEnv) => void,
  removes?: RegExp,
  parameters: Record<string, unknown> = {},
): CancelState {
  return {
    name: what,
    ...(removes === undefined ? {} : { removes }),
    reach: async (env) => {
      arrange(env);
      const build = await env.build(env.template({ body: BODY.replace(/<commands>.*/s, '') }), {
        ...PARAMETERS,
        ...parameters,
      });
      const run = step.startsWith('installer: ') ? await build.installer() : build;
      await run.reaches(step.replace('installer: ', ''));
      return { env, build };
    },
  };
}

const INSTANCE = /instance [0-9a-f-]{36}/;
const IMAGE = /image [0-9a-f-]{36}/;
/** Pattern for the resources that a guest needs. */
export const GUEST = /instance .*floating IP .*security group .*key pair/;

/** The states in which a build can be cancelled: every step, and everything that a build waits for. */
export const CANCEL_STATES: CancelState[] = [
  duringCall('base', 'plan', nova('GET', /\/flavors/)),
  duringCall('base', 'jeos', glance('GET', /imagefactory_jeos=/)),
  duringStep('while it fetches the installer’s kernel', 'installer: media', (env) =>
    env.media.addFault(/linux$/, { kind: 'hang' }),
  ),
  duringCall('jeos', 'media', glance('PUT', /\/file$/)),
  duringCall('jeos', 'boot-image', glance('POST', /\/images$/), IMAGE, 'after'),
  duringCall('jeos', 'installer.create', nova('POST', /\/servers$/)),
  duringCall('jeos', 'installer.create', nova('POST', /\/servers$/), INSTANCE, 'after'),
  duringStep(
    'while the quota lets it make no instance',
    'installer: installer.create',
    (env) => (env.cloud.state.quotas.instances = 0),
    IMAGE,
  ),
  duringStep(
    'while the installer runs',
    'installer: installer.wait',
    (env) => env.cloud.behaviours.add({ match: { boots: 'installer' }, installer: 'never-off' }),
    INSTANCE,
  ),
  duringCall('jeos', 'jeos.snapshot', nova('POST', /\/action$/), INSTANCE, 'after'),
  duringCall('jeos', 'jeos.publish', glance('PATCH', /\/images\//), IMAGE),
  duringCall('base', 'access', nova('POST', /\/os-keypairs$/), /security group/),
  duringCall('base', 'customise.create', nova('POST', /\/servers$/), /key pair/),
  duringCall(
    'base',
    'customise.create',
    neutron('POST', /\/floatingips$/),
    /floating IP .*security group .*key pair/,
    'after',
  ),
  duringCall('base', 'customise.create', nova('POST', /\/servers$/), INSTANCE, 'after'),
  duringStep(
    'while its instance is built',
    'address',
    (env) => env.cloud.behaviours.add({ match: { boots: 'disk' }, create: 'stuck' }),
    INSTANCE,
  ),
  duringStep(
    'while nothing answers over SSH',
    'ssh',
    (env) => env.cloud.behaviours.add({ match: { boots: 'disk' }, guest: { ssh: false } }),
    GUEST,
  ),
  duringCall('base', 'packages', FIND_SECURITY_GROUP, GUEST),
  {
    name: 'while a command runs in the guest',
    cancelledBy: CANCELLERS,
    removes: GUEST,
    reach: async (env) => {
      const build = await env.build(env.template({ body: BODY }), PARAMETERS);
      const interrupter = new Interrupter(env, env.cloud, build, AbortSignal.timeout(WAIT_MINUTES * 60_000));
      await interrupter.pauseAt({ of: 'base', step: 'command:1 one', at: { command: 'one', ends: 'alone' } });
      return { env, build };
    },
  },
  duringCall('base', 'icicle', FIND_SECURITY_GROUP, GUEST),
  duringCall('base', 'clean', FIND_SECURITY_GROUP, GUEST),
  duringStep(
    'while the guest shuts down',
    'shutdown',
    (env) => env.cloud.behaviours.add({ match: { boots: 'disk' }, guest: { ignoresShutdown: true } }),
    GUEST,
  ),
  duringCall('base', 'base.snapshot', nova('POST', /\/action$/), GUEST, 'after'),
  duringStep(
    'while the snapshot is taken',
    'base.snapshot',
    (env) => env.cloud.behaviours.add({ match: { boots: 'disk' }, snapshot: 'endless' }),
    /instance .*image/,
  ),
  duringCall('base', 'base.publish', glance('PATCH', /\/images\//), /image/, 'after'),
  duringCall('base', 'customise.delete', nova('DELETE', /\/servers\//), /image/),
  duringCall('base', 'download', glance('GET', /\/file$/), /floating IP .*security group .*key pair .*image/),
  {
    name: 'while it is held after a failure',
    cancelledBy: CANCELLERS,
    removes: GUEST,
    reach: async (env) => {
      const body = '<commands><command name="bad">exit 3</command></commands>';
      const build = await env.build(env.template({ body }), { ...PARAMETERS, on_error: 'hold' });
      await build.held();
      return { env, build };
    },
  },
];

/**
 * Milliseconds that a cancelled build may take to begin its clean-up; otherwise the test fails. `bench/cancel.ts`
 * measures the real times.
 */
const REACTION_TIMEOUT = 60_000;

/**
 * Waits until a cancelled build is in its clean-up and its status shows the cancel request.
 *
 * @returns milliseconds from `since` until then
 */
export async function measureReaction(build: Build, since: number): Promise<number> {
  let wasShown = false;
  for (;;) {
    const status = await build.status();
    wasShown ||= status.cancelRequestedAt !== undefined;
    if (status.phase === 'cleanup' || status.endedAt !== undefined) {
      assert.ok(wasShown, 'the status never showed that the build is being cancelled');
      return Date.now() - since;
    }
    assert.ok(Date.now() - since < REACTION_TIMEOUT, `still in ${status.phase} after ${Date.now() - since} ms`);
    await sleep(25);
  }
}
