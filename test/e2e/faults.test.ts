import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse, stringify } from 'yaml';
import type { Mirror } from '../../dev/installer-tree/mirror.js';
import { CACHE, cloudEnvironment, cloudFolder, PROJECT } from '../../scripts/dev-cloud.js';
import type { BaseImageResult } from '../../src/domain/messages.js';
import type { BuildRecord } from '../../src/domain/record.js';
import { connectClouds } from '../../src/openstack/index.js';
import type { Cloud, Clouds } from '../../src/openstack/types.js';
import { TemporalProcess } from '../support/temporal-process.js';
import { CloudProxy } from './support/cloud-proxy.js';
import { Door } from './support/door.js';
import { FaultyBuild } from './support/faulty-build.js';
import {
  HOST,
  imagesOf,
  installMirror,
  killService,
  leftovers,
  MIRROR_PORT,
  noOwnCloud,
  removeRemains,
  setLink,
  startService,
  treeWithOwnRamdisk,
} from './support/single-node.js';
import { WorkerProgram } from './support/worker-program.js';

const CLOUD = cloudEnvironment()['OS_CLOUD'] ?? '';
const FLAVOR = process.env['IMAGEFACTORY_E2E_FLAVOR'] ?? '2';
/** Addresses of the services of the single-node cloud (`dev/openstack/lib/services.sh`). */
const SERVICES = { compute: 'http://127.0.0.1:8774', image: 'http://127.0.0.1:9292', network: 'http://127.0.0.1:9696' };
/** Milliseconds for which the guest has no network. */
const AWAY = 60_000;
const CREATE_SERVER = { service: 'compute', method: 'POST', path: /\/servers$/ } as const;
const LIST_SERVERS = { service: 'compute', method: 'GET', path: /\/servers\/detail/ } as const;
const SNAPSHOT = { service: 'compute', method: 'POST', path: /\/action$/, body: /createImage/ } as const;
/**
 * The first call of each step that works in the guest. With it the worker checks that the security group allows its SSH
 * connection.
 */
const ADMIT = { service: 'network', method: 'GET', path: /\/security-groups\?tags=/ } as const;

/** Injects the worst faults of the fault matrix into one build on a real cloud. */
describe('a build on the single-node cloud', { skip: noOwnCloud() }, () => {
  let storage: string;
  let temporal: TemporalProcess;
  let proxy: CloudProxy;
  let mirror: Mirror;
  let mirrorUrl: string;
  let ramdisk: string;
  let door: Door;
  let clouds: Clouds;
  let cloud: Cloud;
  let worker: WorkerProgram;
  let build: FaultyBuild | undefined;

  before(async () => {
    storage = await mkdtemp(join(tmpdir(), 'imagefactory-faults-'));
    ramdisk = await treeWithOwnRamdisk(join(storage, 'tree'));
    mirror = await installMirror(join(storage, 'tree'));
    mirrorUrl = await mirror.start(0, HOST);
    [temporal, proxy, door] = await Promise.all([TemporalProcess.start(), CloudProxy.start(SERVICES), Door.open(HOST)]);
    clouds = connectClouds();
    cloud = clouds.get(CLOUD);
    const env = { ...process.env, TEMPORAL_ADDRESS: temporal.address, NO_COLOR: '1' };
    await mkdir(join(CACHE, 'log'), { recursive: true });
    const log = join(CACHE, 'log', 'e2e-faults-worker.log');
    await writeFile(log, '');
    worker = new WorkerProgram(
      storage,
      { ...env, OS_CLOUD: CLOUD, OS_CLIENT_CONFIG_FILE: await cloudsBehindProxy() },
      log,
    );
  });
  after(async () => {
    await worker?.end('SIGTERM');
    if (build !== undefined) await removeRemains(cloud, [...build.marks], [ramdisk]);
    await build?.close();
    await clouds?.close();
    await temporal?.close();
    await proxy?.stop();
    await door?.close();
    await mirror?.stop();
    await rm(storage, { recursive: true, force: true });
  });

  /**
   * Writes a copy of the cloud's `clouds.yaml` in which the services have the addresses of the proxy. @returns its path
   */
  async function cloudsBehindProxy(): Promise<string> {
    const text = await readFile(join(cloudFolder(), 'clouds.yaml'), 'utf8');
    const entry = (parse(text) as { clouds: Record<string, object> }).clouds[CLOUD];
    const overrides = Object.keys(SERVICES).map((name) => [`${name}_endpoint_override`, proxy.address(name)] as const);
    const file = join(storage, 'clouds.yaml');
    await writeFile(file, stringify({ clouds: { [CLOUD]: { ...entry, ...Object.fromEntries(overrides) } } }));
    return file;
  }

  /**
   * Returns a template with three commands. The first two write a record in the guest, report to the host, and wait
   * until the host lets them continue. The third command sends these records to the host.
   */
  function template(): string {
    const ran = (name: string): string => `#!/bin/bash\necho ${name} >>/var/lib/faults-runs\n`;
    const commands = [
      `${ran('one')}${door.say('one', HOST)}\n`,
      `${ran('two')}${door.say('two', HOST)}\nexec 3>&-\nsleep 20\n`,
      `#!/bin/bash\n${door.say('runs: $(tr "\\n" " " </var/lib/faults-runs)', HOST)}\n`,
    ];
    const elements = commands.map(
      (text, index) =>
        `<command name='${['one', 'two', 'three'][index]}' position='${index + 1}'><![CDATA[${text}]]></command>`,
    );
    return `<template><name>faults</name><os><name>Debian</name><version>12</version><arch>x86_64</arch>
      <install type='url'><url>${mirrorUrl}/debian/dists/bookworm/main/installer-amd64/current/images/netboot</url></install>
      </os><disk><size>4</size></disk><commands>${elements.join('')}</commands></template>`;
  }

  async function script(): Promise<string> {
    const text = await readFile(join(PROJECT, 'examples/debian-12.preseed'), 'utf8');
    return text.replaceAll(`${HOST}:${MIRROR_PORT}`, new URL(mirrorUrl).host);
  }

  async function started(): Promise<FaultyBuild> {
    build = await FaultyBuild.start(temporal, worker, {
      template: template(),
      cloud: CLOUD,
      parameters: {
        install_script: await script(),
        flavor: FLAVOR,
        request_floating_ip: true,
        default_user: 'debian',
        command_prefix: 'sudo',
        reuse_jeos: false,
      },
    });
    return build;
  }

  /** Injects all faults into the build, in the order of its steps. */
  async function strikeAll(build: FaultyBuild): Promise<void> {
    const isIn = (step: string) => (): Promise<boolean> => build.isIn(step);
    const at = {
      plan: proxy.ambush({ service: 'compute', method: 'GET', path: /\/flavors/, when: 'before' }),
      media: proxy.ambush({ service: 'image', method: 'PUT', path: /\/file$/, when: 'midway' }),
      installer: proxy.ambush({ ...CREATE_SERVER, when: 'after' }),
      lookForInstaller: proxy.ambush({ ...LIST_SERVERS, when: 'before' }),
      installing: proxy.ambush({ ...LIST_SERVERS, when: 'before', isIt: isIn('installer.wait') }),
      jeosSnapshot: proxy.ambush({ ...SNAPSHOT, when: 'after' }),
      beforeCustomise: proxy.ambush({ ...CREATE_SERVER, when: 'before' }),
      customise: proxy.ambush({ ...CREATE_SERVER, when: 'after' }),
      icicle: proxy.ambush({ ...ADMIT, when: 'before', isIt: isIn('icicle') }),
      shutdown: proxy.ambush({ ...LIST_SERVERS, when: 'before', isIt: isIn('shutdown') }),
      baseSnapshot: proxy.ambush({ ...SNAPSHOT, when: 'after' }),
      cleanup: proxy.ambush({ service: 'network', method: 'DELETE', path: /\/floatingips\//, when: 'after' }),
    };
    const one = door.knock('one');
    const two = door.knock('two');
    worker.start();

    await build.killWorker('plan', 'as it asks Nova for the flavor', at.plan);
    await build.killWorker('media', 'with a part of the ramdisk uploaded', at.media);
    await build.loseReply('installer.create', at.installer);
    await build.killWorker('installer.create', 'before it could look what had become of its call', at.lookForInstaller);

    const installer = await build.holds('installer');
    await build.until(async () => (await cloud.compute.getServer(installer))?.status === 'ACTIVE' || undefined);
    await build.strike('installer.wait', 'nova-compute killed and started again', async () => {
      await killService('nova-compute');
      await build.killWorker('installer.wait', 'as it looks at the instance', at.installing);
      // Starts nova-compute and restarts Temporal at the same time. The installer is running, and must not end before
      // both are back.
      await Promise.all([startService('nova-compute'), build.restartTemporal('installer.wait')]);
    });
    await build.killWorker('jeos.snapshot', 'with the call done by Nova, and not answered', at.jeosSnapshot);

    await build.killWorker('customise.create', 'with the call on its way to Nova', at.beforeCustomise);
    await build.loseReply('customise.create', at.customise);
    await build.killWorker('ssh', 'five seconds into the wait', build.after('ssh', 5000));

    const first = await build.orEnd(one);
    const followed = proxy.calls.length;
    await build.killWorker('command:1 one', 'while the command runs', Promise.resolve({ cut: () => undefined }));
    await build.until(async () => proxy.calls.slice(followed).some(({ path }) => ADMIT.path.test(path)) || undefined);
    await build.restartTemporal('command:1 one');
    first.letGo();

    const second = await build.orEnd(two);
    const customise = await build.holds('customise');
    await build.strike('command:2 two', 'the guest’s network cut for a minute, in which the command ends', async () => {
      second.letGo();
      // The command gets the answer of our host within this second. Then the test cuts the guest's network.
      await build.pause(1000);
      await setLink(cloud, customise, 'down');
      try {
        await build.pause(AWAY);
      } finally {
        await setLink(cloud, customise, 'up');
      }
    });
    await build.killWorker('icicle', 'before it reaches the guest', at.icicle);
    await build.killWorker('shutdown', 'when the guest has been told', at.shutdown);
    await build.killWorker('base.snapshot', 'with the call done by Nova, and not answered', at.baseSnapshot);
    await build.killWorker('cleanup', 'with the floating IP gone, and nothing answered', at.cleanup);
  }

  /**
   * Asserts that the build created one instance for each role, took one snapshot of each instance, and ran each command
   * once.
   */
  function assertMadeOnce(): void {
    const made = proxy.calls.filter(({ method, status }) => method === 'POST' && status !== undefined);
    const servers = made.filter(({ service, path }) => service === 'compute' && path === '/v2.1/servers');
    const nameOf = (body: string): string => (JSON.parse(body) as { server: { name: string } }).server.name;
    assert.deepEqual(
      servers.map(({ body, status }) => [nameOf(body).split('-')[1], status]),
      [
        ['installer', 202],
        ['customise', 202],
      ],
    );
    assert.equal(made.filter(({ body }) => SNAPSHOT.body.test(body)).length, 2);
    assert.deepEqual(door.words, ['one', 'two', 'runs: one two ']);
  }

  /** Asserts that only the image, the JEOS and the ramdisk of the build are left in the cloud. */
  async function assertNothingLeft({ uuid, marks }: FaultyBuild, result: BaseImageResult): Promise<void> {
    const record = JSON.parse(await readFile(join(storage, `${uuid}.meta`), 'utf8')) as BuildRecord;
    assert.equal(record.glance_id, result.glanceId);
    assert.equal((await cloud.image.getImage(result.glanceId))?.status, 'active');
    assert.equal(marks.size, 2);
    assert.deepEqual(await leftovers(cloud, [...marks]), []);
    const images = await imagesOf(cloud, [...marks]);
    assert.deepEqual(images.sort(), [result.glanceId, result.jeos.glance_id].sort());
    assert.equal((await imagesOf(cloud, [], [ramdisk])).length, 1);
  }

  it('is complete after all these faults', { timeout: 20 * 60_000 }, async () => {
    const build = await started();
    await strikeAll(build);
    const result = await build.result();
    const summary = await build.summary();
    for (const { step, fault, result: how, tries, seconds } of summary) {
      process.stdout.write(`# ${step}: ${fault}: ${how} in attempt ${tries}, ${seconds} s after the fault\n`);
      assert.ok(how === 'done' || how === 'COMPLETE', `${step} is ${how}`);
      if (/SIGKILL of the worker|network cut/.test(fault)) assert.ok((tries ?? 0) > 1, `${step} took only one attempt`);
    }
    assertMadeOnce();
    await assertNothingLeft(build, result);
    await writeFile(join(CACHE, 'e2e-faults.json'), `${JSON.stringify(summary, null, 2)}\n`);
  });
});
