import { setTimeout as pause } from 'node:timers/promises';
import type { LoggedCall } from '../../fakes/openstack/core/call-log.js';
import type { FaultKind } from '../../fakes/openstack/core/faults.js';
import type { Behaviour } from '../../fakes/openstack/compute/behaviour.js';
import type { FakeServer } from '../../fakes/openstack/state.js';
import type { VolumeBehaviour } from '../../fakes/openstack/volume/behaviour.js';
import type { Injection } from './fault-injector.js';
import { ON_VOLUMES, type MatrixSlot, type SlotBuild } from './matrix-slot.js';
import { faultPoint, type FaultPoint } from './fault-points.js';
import type { STATE_FAULTS } from './document.js';

/** A cell of the matrix that has its own build: a resource of the build gets into a bad state. */
export interface StateCell {
  point: FaultPoint;
  fault: '401' | (typeof STATE_FAULTS)[number];
  /** `built` when the build must succeed. Otherwise the message with which the build must fail. */
  expects: 'built' | RegExp;
  build?: SlotBuild;
  behaviour?: Behaviour;
  injection?: (slot: MatrixSlot) => Injection;
}

/** Nova's fault message when the hypervisor cannot start a guest. */
const BROKEN = 'Build of instance was aborted: Failure prepping block device.';
const INSTALLER: Behaviour = { match: { boots: 'installer' }, times: 1 };
const GUEST: Behaviour = { match: { boots: 'disk' }, times: 1 };
/** Milliseconds for which a guest does not answer. */
const SILENT_FOR = 3000;

/** Creates an injection that runs `action` after the cloud has got the call and before the cloud performs it. */
const beforeCall =
  (action: (slot: MatrixSlot, call: LoggedCall) => Promise<FaultKind | undefined> | FaultKind | undefined) =>
  (slot: MatrixSlot): Injection => ({ on: 'call', inject: async (call) => action(slot, call) });

/** Creates an injection that runs `action` after the cloud has performed the call and before it replies. */
const beforeReply = (action: (slot: MatrixSlot) => unknown): ((slot: MatrixSlot) => Injection) =>
  beforeCall((slot) => ({
    kind: 'held',
    when: 'after',
    decide: async () => {
      await action(slot);
      return 'go';
    },
  }));

function findServer(slot: MatrixSlot): FakeServer {
  const server = [...slot.cloud.state.servers.values()].find(({ gone }) => !gone);
  if (server === undefined) throw new Error('there is no instance');
  return server;
}

const deleteServer = beforeCall((slot) => {
  slot.cloud.deleteServer(findServer(slot).id);
  return undefined;
});
const failServer = beforeCall(async (slot) => {
  await slot.cloud.failServer(findServer(slot).id, 'the host has died');
  return undefined;
});
const deleteImageOfCall = beforeCall(async (slot, { path }) => {
  await slot.cloud.deleteImage(/[0-9a-f-]{36}/.exec(path)?.[0] ?? '');
  return undefined;
});
/** The cloud accepts the request with 204 and does not perform it. */
const ignoreRequest = beforeCall(() => ({ kind: 'status', status: 204 }));

function findNewestImage(slot: MatrixSlot): { id: string; status: string } {
  const image = [...slot.cloud.state.images.values()].at(-1);
  if (image === undefined) throw new Error('there is no image');
  return image;
}

/** Creates the cells of one fault, which is a column of the matrix. */
function createColumn(fault: StateCell['fault'], cells: Omit<StateCell, 'fault'>[]): StateCell[] {
  return cells.map((cell) => ({ ...cell, fault }));
}

const IN_ERROR = createColumn('ERROR', [
  { point: faultPoint('media upload'), expects: 'built', injection: loseUpload('killed') },
  {
    point: faultPoint('boot image'),
    expects: 'built',
    injection: beforeReply((slot) => (findNewestImage(slot).status = 'killed')),
  },
  {
    point: faultPoint('installer create'),
    expects: /instance .* went to ERROR: Build of instance was aborted/,
    behaviour: { ...INSTALLER, create: 'error', fault: BROKEN },
  },
  { point: faultPoint('installer wait'), expects: /went to ERROR: the host has died/, injection: failServer },
  {
    point: faultPoint('JEOS snapshot'),
    expects: 'built',
    behaviour: { ...INSTALLER, snapshot: 'killed' },
  },
  {
    point: faultPoint('customise create'),
    expects: /instance .* went to ERROR: Build of instance was aborted/,
    behaviour: { ...GUEST, create: 'error', fault: BROKEN },
    build: { fresh: false },
  },
  {
    point: faultPoint('address'),
    expects: /went to ERROR: the host has died/,
    injection: failServer,
    build: { fresh: false },
  },
  ...findGuestPoints().map((point) => ({
    point,
    expects: /went to ERROR: the host has died/,
    injection: failServer,
    ...reuseJeos(point),
  })),
  {
    point: faultPoint('base snapshot'),
    expects: 'built',
    behaviour: { ...GUEST, snapshot: 'killed' },
    build: { fresh: false },
  },
]);

const STUCK = createColumn('stuck', [
  { point: faultPoint('media upload'), expects: 'built', injection: loseUpload('saving') },
  {
    point: faultPoint('installer create'),
    expects: /the installer has not powered its machine off by its deadline/,
    behaviour: { ...INSTALLER, create: 'stuck' },
    build: { parameters: { install_timeout: 3 } },
  },
  {
    point: faultPoint('installer wait'),
    expects: /the installer has not powered its machine off by its deadline/,
    behaviour: { ...INSTALLER, installer: 'never-off' },
    build: { parameters: { install_timeout: 3 } },
  },
  {
    point: faultPoint('console capture'),
    expects: /no sign of life for 2 s/,
    behaviour: { ...INSTALLER, installer: 'silent' },
    build: { parameters: { inactivity_timeout: 2 } },
  },
  { point: faultPoint('JEOS snapshot'), expects: 'built', behaviour: { ...INSTALLER, snapshot: 'stuck' } },
  { point: faultPoint('installer delete'), expects: 'built', injection: ignoreRequest },
  { point: faultPoint('clean-up of the install'), expects: 'built', injection: ignoreRequest },
  {
    point: faultPoint('customise create'),
    expects: /is still BUILD .* at its deadline/,
    behaviour: { ...GUEST, create: 'stuck' },
    build: { fresh: false, parameters: { boot_timeout: 3 } },
  },
  {
    point: faultPoint('SSH wait'),
    expects: /no login over SSH by the deadline/,
    behaviour: { ...GUEST, guest: { ssh: false } },
    build: { fresh: false, parameters: { boot_timeout: 3 } },
  },
  ...[
    { point: 'precommand', body: '<precommands><command name="early">sleep 600</command></precommands>' },
    { point: 'command', body: '<commands><command name="one">sleep 600</command></commands>' },
  ].map(({ point, body }) => ({
    point: faultPoint(point),
    expects: /did not end within 2 s and was stopped/,
    build: { fresh: false, body, parameters: { command_timeout: 2 } },
  })),
  {
    point: faultPoint('shutdown'),
    expects: /did not shut down by the deadline: its instance is still ACTIVE/,
    behaviour: { ...GUEST, guest: { ignoresShutdown: true } },
    build: { fresh: false, parameters: { shutdown_timeout: 3 } },
  },
  {
    point: faultPoint('base snapshot'),
    expects: 'built',
    behaviour: { ...GUEST, snapshot: 'stuck' },
    build: { fresh: false },
  },
  {
    point: faultPoint('base snapshot'),
    expects: /the snapshot .* is still queued at its deadline/,
    behaviour: { ...GUEST, snapshot: 'endless' },
    build: { fresh: false, parameters: { snapshot_timeout: 3 } },
  },
  { point: faultPoint('delete'), expects: 'built', injection: ignoreRequest, build: { fresh: false } },
  { point: faultPoint('clean-up'), expects: 'built', injection: ignoreRequest, build: { fresh: false } },
]);

const GONE = /instance .* is gone: it was deleted outside of the build/;
const IMAGE_GONE = /image .* is gone: it was deleted outside of the build/;

const DELETED = createColumn('deleted', [
  { point: faultPoint('media upload'), expects: 'built', injection: deleteImageOfCall },
  {
    point: faultPoint('boot image'),
    expects: 'built',
    injection: beforeReply((slot) => slot.cloud.deleteImage(findNewestImage(slot).id)),
  },
  {
    point: faultPoint('installer create'),
    expects: GONE,
    injection: beforeReply((slot) => slot.cloud.deleteServer(findServer(slot).id)),
  },
  { point: faultPoint('installer wait'), expects: GONE, injection: deleteServer },
  { point: faultPoint('console capture'), expects: GONE, injection: deleteServer },
  { point: faultPoint('JEOS snapshot'), expects: GONE, injection: deleteServer },
  { point: faultPoint('JEOS publish'), expects: IMAGE_GONE, injection: deleteImageOfCall },
  { point: faultPoint('installer delete'), expects: 'built', injection: deleteServer },
  { point: faultPoint('clean-up of the install'), expects: 'built', injection: deleteImageOfCall },
  {
    point: faultPoint('network set-up'),
    expects: 'built',
    injection: beforeReply((slot) =>
      removeFrom(slot.cloud.state.securityGroups, ({ name }) => name.startsWith('imagefactory')),
    ),
    build: { fresh: false },
  },
  {
    point: faultPoint('key set-up'),
    expects: /key/i,
    injection: beforeReply((slot) => removeFrom(slot.cloud.state.keyPairs, () => true)),
    build: { fresh: false },
  },
  {
    point: faultPoint('customise create'),
    expects: GONE,
    injection: beforeReply((slot) => slot.cloud.deleteServer(findServer(slot).id)),
    build: { fresh: false },
  },
  { point: faultPoint('address'), expects: GONE, injection: deleteServer, build: { fresh: false } },
  {
    point: faultPoint('floating IP'),
    expects: 'built',
    injection: beforeReply((slot) => slot.cloud.deleteFloatingIps()),
    build: { fresh: false },
  },
  { point: faultPoint('SSH wait'), expects: GONE, injection: deleteServer, build: { fresh: false } },
  ...findGuestPoints().map((point) => ({ point, expects: GONE, injection: deleteServer, ...reuseJeos(point) })),
  { point: faultPoint('base snapshot'), expects: GONE, injection: deleteServer, build: { fresh: false } },
  { point: faultPoint('publish'), expects: IMAGE_GONE, injection: deleteImageOfCall, build: { fresh: false } },
  { point: faultPoint('delete'), expects: 'built', injection: deleteServer, build: { fresh: false } },
  { point: faultPoint('download'), expects: /image/, injection: deleteImageOfCall, build: { fresh: false } },
  {
    point: faultPoint('clean-up'),
    expects: 'built',
    injection: beforeCall((slot) => void slot.cloud.deleteFloatingIps()),
    build: { fresh: false },
  },
]);

/** Commands that create a file when they start, and then run long enough for a fault to hit them. */
const SLOW = `
  <precommands><command name="early">echo early >> /root/runs; touch /root/precommand.runs; sleep 2</command></precommands>
  <packages><package name="tree"/></packages>
  <files><file name="/etc/motd.d/hello">hello</file></files>
  <commands>
    <command name="one">echo one >> /root/runs; touch /root/command.runs; sleep 2</command>
    <command name="check">test "$(echo $(cat /root/runs))" = "early one"; test "$(cat /etc/motd.d/hello)" = hello</command>
  </commands>`;

/** Creates an injection that runs `action` during the SSH session of the point's step. */
function duringSession({ name }: FaultPoint, action: (slot: MatrixSlot) => unknown): (slot: MatrixSlot) => Injection {
  const running = ['precommand', 'command'].includes(name);
  return (slot) => ({
    on: 'begin',
    inject: () => {
      if (!running) return Promise.resolve(void action(slot));
      // The command starts only when `inject` resolves, and the action waits for the command. So `inject` must not wait
      // for the action.
      void waitForCommand(slot, name).then(() => action(slot));
      return Promise.resolve();
    },
  });
}

async function waitForCommand(slot: MatrixSlot, name: string): Promise<void> {
  const files = slot.cloud.guestFiles(findServer(slot).id);
  while ((await files?.read(`root/${name}.runs`)) === undefined) await pause(20);
}

const OVER_SSH: StateCell[] = findGuestPoints().flatMap((point): StateCell[] => {
  const build = { ...reuseJeos(point).build, body: SLOW };
  const interrupted = ['precommand', 'command'].includes(point.name);
  return [
    {
      point,
      fault: 'SSH cut',
      expects: 'built',
      build,
      injection: duringSession(point, (slot) => slot.cloud.sessions.cut()),
    },
    {
      point,
      fault: 'SSH gone',
      expects: 'built',
      build,
      injection: duringSession(point, (slot) => slot.cloud.sessions.freeze(SILENT_FOR)),
    },
    {
      point,
      fault: 'guest reboot',
      expects: interrupted ? /interrupted/ : 'built',
      build,
      injection: duringSession(point, (slot) => slot.cloud.rebootServer(findServer(slot).id)),
    },
  ];
});

const REUSED_ON_VOLUMES: SlotBuild = { ...ON_VOLUMES, fresh: false };
const VOLUME_GONE = /volume .* is gone: it was deleted outside of the build/;
/** The message of Nova or of Cinder when a volume does not exist any more. */
const NO_VOLUME = /failed to get volume|Volume .* could not be found/;

function deleteVolumes({ cloud }: MatrixSlot): undefined {
  for (const id of cloud.state.volumes.keys()) cloud.deleteVolume(id);
}

/** Creates an injection that sets the behaviour of the volume, or of the volume's image, that the call creates. */
const setVolumeBehaviour = (behaviour: VolumeBehaviour): ((slot: MatrixSlot) => Injection) =>
  beforeCall((slot) => void slot.cloud.volumeBehaviours.add({ ...behaviour, times: 1 }));

const OF_VOLUMES: StateCell[] = [
  ...createColumn('ERROR', [
    {
      point: faultPoint('installer’s volume'),
      expects: /volume .* is error: the cloud could not make it/,
      injection: setVolumeBehaviour({ create: 'error' }),
      build: ON_VOLUMES,
    },
    {
      point: faultPoint('JEOS upload'),
      expects: 'built',
      injection: setVolumeBehaviour({ upload: 'deleted' }),
      build: ON_VOLUMES,
    },
    {
      point: faultPoint('guest’s volume'),
      expects: /volume .* is error: the cloud could not make it/,
      injection: setVolumeBehaviour({ create: 'error' }),
      build: REUSED_ON_VOLUMES,
    },
    {
      point: faultPoint('base upload'),
      expects: /is active but empty/,
      injection: setVolumeBehaviour({ upload: 'empty' }),
      build: REUSED_ON_VOLUMES,
    },
  ]),
  ...createColumn('stuck', [
    {
      point: faultPoint('JEOS upload'),
      expects: 'built',
      injection: setVolumeBehaviour({ upload: 'lost' }),
      build: ON_VOLUMES,
    },
    {
      point: faultPoint('volume clean-up of the install'),
      expects: 'built',
      injection: ignoreRequest,
      build: ON_VOLUMES,
    },
    { point: faultPoint('volume clean-up'), expects: 'built', injection: ignoreRequest, build: REUSED_ON_VOLUMES },
  ]),
  ...createColumn('deleted', [
    {
      point: faultPoint('installer’s volume'),
      expects: VOLUME_GONE,
      injection: beforeReply(deleteVolumes),
      build: ON_VOLUMES,
    },
    { point: faultPoint('volume wait'), expects: NO_VOLUME, injection: beforeReply(deleteVolumes), build: ON_VOLUMES },
    { point: faultPoint('JEOS upload'), expects: NO_VOLUME, injection: beforeCall(deleteVolumes), build: ON_VOLUMES },
    {
      point: faultPoint('guest’s volume'),
      expects: VOLUME_GONE,
      injection: beforeReply(deleteVolumes),
      build: REUSED_ON_VOLUMES,
    },
    {
      point: faultPoint('base upload'),
      expects: NO_VOLUME,
      injection: beforeCall(deleteVolumes),
      build: REUSED_ON_VOLUMES,
    },
    {
      point: faultPoint('volume clean-up'),
      expects: 'built',
      injection: beforeCall(deleteVolumes),
      build: REUSED_ON_VOLUMES,
    },
  ]),
];

/** A mirror that requires a login answers 401. The build does not retry such a request, so it fails. */
const REFUSED = createColumn('401', [
  {
    point: faultPoint('media fetch'),
    expects: /401/,
    injection: () => ({ on: 'medium', inject: () => Promise.resolve({ kind: 'status', status: 401 }) }),
  },
]);

export const STATE_CELLS: StateCell[] = [...REFUSED, ...IN_ERROR, ...STUCK, ...DELETED, ...OVER_SSH, ...OF_VOLUMES];

function findGuestPoints(): FaultPoint[] {
  const names = ['root access', 'precommand', 'packages', 'files', 'command', 'ICICLE', 'clean-up of the guest', 'shutdown']; // prettier-ignore
  return names.map(faultPoint);
}

/** Returns a build that reuses the slot's JEOS, unless only the first build from a JEOS reaches the point. */
function reuseJeos({ firstOnly = false }: FaultPoint): { build: SlotBuild } {
  return { build: { fresh: firstOnly } };
}

function removeFrom<V>(resources: Map<string, V>, matches: (resource: V) => boolean): void {
  for (const [key, resource] of resources) if (matches(resource)) resources.delete(key);
}

/** Creates an injection that fails the upload, loses its bytes, and leaves the image in the given status. */
function loseUpload(status: 'killed' | 'saving'): (slot: MatrixSlot) => Injection {
  return beforeCall((slot, { path }) => {
    const image = slot.cloud.state.images.get(/[0-9a-f-]{36}/.exec(path)?.[0] ?? '');
    if (image !== undefined) image.status = status;
    return { kind: 'status', status: 500 };
  });
}
