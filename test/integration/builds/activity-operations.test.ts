import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Activities } from '../../../src/activities/index.js';
import { workflowIdFor } from '../../../src/domain/image-kinds.js';
import type { CallPattern } from '../../fakes/openstack/core/call-log.js';
import type { Behaviour } from '../../fakes/openstack/compute/behaviour.js';
import type { RootFiles } from '../../fakes/openstack/guests/root-files.js';
import { TestEnv, imagesIn, leftoversIn, type Build } from '../../support/test-env.js';
import { DuplicateWatch } from '../../support/duplicate-watch.js';
import { blockingCommand } from '../../support/interrupter.js';
import { until } from '../../support/until.js';
import { ActivityOperations } from '../../support/temporal-means.js';
import { startTemporal } from '../../support/temporal.js';
import type { TestWorkflowEnvironment } from '@temporalio/testing';

const STEP = 'command:1 one';
const BODY = `<commands><command name="one">${blockingCommand('one')}</command>
  <command name="check">test "$(cat /root/runs)" = one</command></commands>`;

/** A build in its own cloud, and the operations that a user of the Temporal UI can perform on its activities. */
class Scene {
  readonly operations: ActivityOperations;
  private readonly watch: DuplicateWatch;

  private constructor(
    readonly env: TestEnv,
    readonly build: Build,
  ) {
    this.operations = new ActivityOperations(env.temporal, workflowIdFor('base_image', build.uuid));
    this.watch = new DuplicateWatch(env.cloud);
  }

  static async start(temporal: TestWorkflowEnvironment, behaviour: Behaviour): Promise<Scene> {
    const env = await TestEnv.start({ temporal });
    env.cloud.behaviours.add(behaviour);
    return new Scene(env, await env.build(env.template({ body: BODY })));
  }

  /**
   * Waits until the build has an installer run.
   *
   * @returns an object that can pause, unpause and reset the activities of that run
   */
  async ofInstaller(): Promise<ActivityOperations> {
    const { handle } = await this.build.installer();
    return new ActivityOperations(this.env.temporal, handle.workflowId);
  }

  /**
   * Holds the first call that matches. Resolves when the call is held. The result is a function that lets the call
   * continue.
   */
  hold(match: CallPattern, when: 'before' | 'after'): Promise<() => void> {
    return new Promise((held) => {
      this.env.cloud.faults.add({
        kind: 'held',
        match,
        when,
        decide: () => new Promise((decided) => held(() => decided('go'))),
      });
    });
  }

  /** Waits until the first command of the guest runs. @returns the guest's files */
  commandRuns(): Promise<RootFiles> {
    return until(async () => {
      for (const id of this.env.cloud.state.servers.keys()) {
        const files = this.env.cloud.guestFiles(id);
        if ((await files?.read('root/one.runs')) !== undefined) return files;
      }
      return undefined;
    }, STEP);
  }

  async endCommand(): Promise<void> {
    await (await this.commandRuns()).write('root/one.end', '', { mode: 0o600 });
  }

  async isPaused(type: keyof Activities, operations = this.operations): Promise<void> {
    await until(() => operations.isPaused(type), `${type} paused`);
  }

  /**
   * Asserts that the build is complete, has created one instance for each role, and has left only its images in the
   * cloud.
   */
  async isWhole(): Promise<void> {
    const ending = this.endCommand();
    const { glanceId } = await this.build.result();
    await ending;
    const { cloud } = this.env;
    assert.deepEqual(
      cloud.state.serversMade.map((name) => name.split('-')[1]),
      ['installer', 'customise'],
    );
    assert.deepEqual(this.watch.stop(), []);
    assert.deepEqual(leftoversIn(cloud), []);
    assert.deepEqual(
      imagesIn(cloud, 'base').map(({ id }) => id),
      [glanceId],
    );
  }

  async close(): Promise<void> {
    this.watch.stop();
    await this.env.close();
  }
}

const CREATE_SERVER: CallPattern = { service: 'compute', method: 'POST', path: /\/servers$/ };

describe('an activity that a user changes in the Temporal UI', { concurrency: 3 }, () => {
  let temporal: TestWorkflowEnvironment;
  before(async () => {
    temporal = await startTemporal();
  });
  after(() => temporal.teardown());

  function scene(what: string, run: (scene: Scene) => Promise<void>, behaviour: Behaviour = {}): void {
    it(what, async () => {
      const played = await Scene.start(temporal, behaviour);
      try {
        await run(played);
      } finally {
        await played.close();
      }
    });
  }

  for (const when of ['before', 'after'] as const) {
    scene(`is paused ${when} Nova creates an instance, and goes on with that one`, async (played) => {
      const release = await played.hold(CREATE_SERVER, when);
      const installer = await played.ofInstaller();
      await installer.pause('createServer');
      await played.isPaused('createServer', installer);
      release();
      await installer.unpause('createServer');
      await played.isWhole();
    });
  }

  scene(
    'is paused while it waits for the installer, which ends meanwhile',
    async (played) => {
      const installer = await played.ofInstaller();
      await until(() => installer.attempt('waitForPowerOff'), 'the wait');
      await installer.pause('waitForPowerOff');
      await played.isPaused('waitForPowerOff', installer);
      await until(
        async () => [...played.env.cloud.state.servers.values()].some(({ status }) => status === 'SHUTOFF'),
        'the end of the installation',
      );
      await installer.unpause('waitForPowerOff');
      await played.isWhole();
    },
    // The worker learns about the pause only with its next heartbeat, up to four seconds later. So the installation
    // must take longer than that.
    { match: { boots: 'installer' }, install: 15_000 },
  );

  scene(
    'is paused while a command runs in the guest; the command ends meanwhile and does not run again',
    async (played) => {
      await played.commandRuns();
      await played.operations.pause('runTemplateStep');
      await played.isPaused('runTemplateStep');
      await played.endCommand();
      await played.operations.unpause('runTemplateStep');
      await played.isWhole();
    },
  );

  scene('is reset while a command runs in the guest, and then follows the same run of the command', async (played) => {
    await played.commandRuns();
    await played.operations.pause('runTemplateStep');
    await played.isPaused('runTemplateStep');
    await played.operations.reset('runTemplateStep');
    await until(async () => (await played.operations.attempt('runTemplateStep')) === 1, 'the first attempt again');
    await played.isWhole();
  });

  scene('is reset while it waits for the installer’s run, and joins it again', async (played) => {
    const installer = await played.ofInstaller();
    await until(() => installer.attempt('waitForPowerOff'), 'the installer’s wait');
    await played.operations.reset('waitForJeos');
    await played.isWhole();
  });

  scene('gets other timeouts while it runs', async (played) => {
    await played.commandRuns();
    await played.operations.setTimeouts('runTemplateStep', { startToClose: 1200, heartbeat: 3 });
    await played.isWhole();
  });

  scene('is paused when the build is cancelled, and the build still cleans up', async (played) => {
    await played.commandRuns();
    await played.operations.pause('runTemplateStep');
    await played.isPaused('runTemplateStep');
    await played.build.handle.cancel();
    await assert.rejects(played.build.result());
    assert.equal((await played.build.status()).status, 'CANCELED');
    assert.deepEqual(leftoversIn(played.env.cloud), []);
  });
});
