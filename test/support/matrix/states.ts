import { setTimeout as pause } from 'node:timers/promises';
import type { LoggedCall } from '../../fakes/openstack/core/call-log.js';
import type { FaultKind } from '../../fakes/openstack/core/faults.js';
import type { Behaviour } from '../../fakes/openstack/compute/behaviour.js';
import type { FakeServer } from '../../fakes/openstack/state.js';
import type { VolumeBehaviour } from '../../fakes/openstack/volume/behaviour.js';
import type { Injection } from './ambush.js';
import { ON_VOLUMES, type MatrixSlot, type SlotBuild } from './lane.js';
import { faultPoint, type FaultPoint } from './places.js';

/** One cell of the matrix with a build of its own. */
export interface StateCell {
  place: FaultPoint;
  fault: '401' | 'ERROR' | 'stuck' | 'deleted' | 'SSH cut' | 'SSH gone' | 'guest reboot';
  /** `built`, or what the failed build says. */
  expects: 'built' | RegExp;
  build?: SlotBuild;
  behaviour?: Behaviour;
  blow?: (lane: MatrixSlot) => Injection;
}

/** What a hypervisor says when a guest cannot be started on it. */
const BROKEN = 'Build of instance was aborted: Failure prepping block device.';
const INSTALLER: Behaviour = { match: { boots: 'installer' }, times: 1 };
const GUEST: Behaviour = { match: { boots: 'disk' }, times: 1 };
/** Milliseconds for which a guest is not there. */
const AWAY = 3000;

const onCall =
  (what: (lane: MatrixSlot, call: LoggedCall) => Promise<FaultKind | undefined> | FaultKind | undefined) =>
  (lane: MatrixSlot): Injection => ({ on: 'call', strike: async (call) => what(lane, call) });

/** Lets the call be done, and does something before it is answered. */
const onceDone = (what: (lane: MatrixSlot) => unknown): ((lane: MatrixSlot) => Injection) =>
  onCall((lane) => ({
    kind: 'held',
    when: 'after',
    decide: async () => {
      await what(lane);
      return 'go';
    },
  }));

function serverOf(lane: MatrixSlot): FakeServer {
  const server = [...lane.cloud.state.servers.values()].find(({ gone }) => !gone);
  if (server === undefined) throw new Error('there is no instance');
  return server;
}

const deleteServer = onCall((lane) => {
  lane.cloud.deleteServer(serverOf(lane).id);
  return undefined;
});
const failServer = onCall(async (lane) => {
  await lane.cloud.failServer(serverOf(lane).id, 'the host has died');
  return undefined;
});
const deleteImageOfCall = onCall(async (lane, { path }) => {
  await lane.cloud.deleteImage(/[0-9a-f-]{36}/.exec(path)?.[0] ?? '');
  return undefined;
});
/** The cloud says that it will, and does not. */
const forgetful = onCall(() => ({ kind: 'status', status: 204 }));

function newestImage(lane: MatrixSlot): { id: string; status: string } {
  const image = [...lane.cloud.state.images.values()].at(-1);
  if (image === undefined) throw new Error('there is no image');
  return image;
}

/** Cells of one fault. */
function column(fault: StateCell['fault'], cells: Omit<StateCell, 'fault'>[]): StateCell[] {
  return cells.map((cell) => ({ ...cell, fault }));
}

const IN_ERROR = column('ERROR', [
  { place: faultPoint('media upload'), expects: 'built', blow: imageBecomes('killed') },
  {
    place: faultPoint('boot image'),
    expects: 'built',
    blow: onceDone((lane) => (newestImage(lane).status = 'killed')),
  },
  {
    place: faultPoint('installer create'),
    expects: /instance .* went to ERROR: Build of instance was aborted/,
    behaviour: { ...INSTALLER, create: 'error', fault: BROKEN },
  },
  { place: faultPoint('installer wait'), expects: /went to ERROR: the host has died/, blow: failServer },
  {
    place: faultPoint('JEOS snapshot'),
    expects: 'built',
    behaviour: { ...INSTALLER, snapshot: 'killed' },
  },
  {
    place: faultPoint('customise create'),
    expects: /instance .* went to ERROR: Build of instance was aborted/,
    behaviour: { ...GUEST, create: 'error', fault: BROKEN },
    build: { fresh: false },
  },
  {
    place: faultPoint('address'),
    expects: /went to ERROR: the host has died/,
    blow: failServer,
    build: { fresh: false },
  },
  ...guestPlaces().map((where) => ({
    place: where,
    expects: /went to ERROR: the host has died/,
    blow: failServer,
    ...reused(where),
  })),
  {
    place: faultPoint('base snapshot'),
    expects: 'built',
    behaviour: { ...GUEST, snapshot: 'killed' },
    build: { fresh: false },
  },
]);

const STUCK = column('stuck', [
  { place: faultPoint('media upload'), expects: 'built', blow: imageBecomes('saving') },
  {
    place: faultPoint('installer create'),
    expects: /the installer has not powered its machine off by its deadline/,
    behaviour: { ...INSTALLER, create: 'stuck' },
    build: { parameters: { install_timeout: 3 } },
  },
  {
    place: faultPoint('installer wait'),
    expects: /the installer has not powered its machine off by its deadline/,
    behaviour: { ...INSTALLER, installer: 'never-off' },
    build: { parameters: { install_timeout: 3 } },
  },
  {
    place: faultPoint('console capture'),
    expects: /no sign of life for 2 s/,
    behaviour: { ...INSTALLER, installer: 'silent' },
    build: { parameters: { inactivity_timeout: 2 } },
  },
  { place: faultPoint('JEOS snapshot'), expects: 'built', behaviour: { ...INSTALLER, snapshot: 'stuck' } },
  { place: faultPoint('installer delete'), expects: 'built', blow: forgetful },
  { place: faultPoint('clean-up of the install'), expects: 'built', blow: forgetful },
  {
    place: faultPoint('customise create'),
    expects: /is still BUILD .* at its deadline/,
    behaviour: { ...GUEST, create: 'stuck' },
    build: { fresh: false, parameters: { boot_timeout: 3 } },
  },
  {
    place: faultPoint('SSH wait'),
    expects: /no login over SSH by the deadline/,
    behaviour: { ...GUEST, guest: { ssh: false } },
    build: { fresh: false, parameters: { boot_timeout: 3 } },
  },
  ...[
    { where: 'precommand', body: '<precommands><command name="early">sleep 600</command></precommands>' },
    { where: 'command', body: '<commands><command name="one">sleep 600</command></commands>' },
  ].map(({ where, body }) => ({
    place: faultPoint(where),
    expects: /did not end within 2 s and was stopped/,
    build: { fresh: false, body, parameters: { command_timeout: 2 } },
  })),
  {
    place: faultPoint('shutdown'),
    expects: /still ACTIVE at the deadline of its shutdown/,
    behaviour: { ...GUEST, guest: { ignoresShutdown: true } },
    build: { fresh: false, parameters: { shutdown_timeout: 3 } },
  },
  {
    place: faultPoint('base snapshot'),
    expects: 'built',
    behaviour: { ...GUEST, snapshot: 'stuck' },
    build: { fresh: false },
  },
  {
    place: faultPoint('base snapshot'),
    expects: /the snapshot .* is still queued at its deadline/,
    behaviour: { ...GUEST, snapshot: 'endless' },
    build: { fresh: false, parameters: { snapshot_timeout: 3 } },
  },
  { place: faultPoint('delete'), expects: 'built', blow: forgetful, build: { fresh: false } },
  { place: faultPoint('clean-up'), expects: 'built', blow: forgetful, build: { fresh: false } },
]);

const GONE = /instance .* is gone: somebody else has deleted it/;
const IMAGE_GONE = /image .* is gone: somebody else has deleted it/;

const DELETED = column('deleted', [
  { place: faultPoint('media upload'), expects: 'built', blow: deleteImageOfCall },
  {
    place: faultPoint('boot image'),
    expects: 'built',
    blow: onceDone((lane) => lane.cloud.deleteImage(newestImage(lane).id)),
  },
  {
    place: faultPoint('installer create'),
    expects: GONE,
    blow: onceDone((lane) => lane.cloud.deleteServer(serverOf(lane).id)),
  },
  { place: faultPoint('installer wait'), expects: GONE, blow: deleteServer },
  { place: faultPoint('console capture'), expects: GONE, blow: deleteServer },
  { place: faultPoint('JEOS snapshot'), expects: GONE, blow: deleteServer },
  { place: faultPoint('JEOS publish'), expects: IMAGE_GONE, blow: deleteImageOfCall },
  { place: faultPoint('installer delete'), expects: 'built', blow: deleteServer },
  { place: faultPoint('clean-up of the install'), expects: 'built', blow: deleteImageOfCall },
  {
    place: faultPoint('network set-up'),
    expects: 'built',
    blow: onceDone((lane) => forget(lane.cloud.state.securityGroups, ({ name }) => name.startsWith('imagefactory'))),
    build: { fresh: false },
  },
  {
    place: faultPoint('key set-up'),
    expects: /key/i,
    blow: onceDone((lane) => forget(lane.cloud.state.keyPairs, () => true)),
    build: { fresh: false },
  },
  {
    place: faultPoint('customise create'),
    expects: GONE,
    blow: onceDone((lane) => lane.cloud.deleteServer(serverOf(lane).id)),
    build: { fresh: false },
  },
  { place: faultPoint('address'), expects: GONE, blow: deleteServer, build: { fresh: false } },
  {
    place: faultPoint('floating IP'),
    expects: 'built',
    blow: onceDone((lane) => lane.cloud.deleteFloatingIps()),
    build: { fresh: false },
  },
  { place: faultPoint('SSH wait'), expects: GONE, blow: deleteServer, build: { fresh: false } },
  ...guestPlaces().map((where) => ({ place: where, expects: GONE, blow: deleteServer, ...reused(where) })),
  { place: faultPoint('base snapshot'), expects: GONE, blow: deleteServer, build: { fresh: false } },
  { place: faultPoint('publish'), expects: IMAGE_GONE, blow: deleteImageOfCall, build: { fresh: false } },
  { place: faultPoint('delete'), expects: 'built', blow: deleteServer, build: { fresh: false } },
  { place: faultPoint('download'), expects: /image/, blow: deleteImageOfCall, build: { fresh: false } },
  {
    place: faultPoint('clean-up'),
    expects: 'built',
    blow: onCall((lane) => void lane.cloud.deleteFloatingIps()),
    build: { fresh: false },
  },
]);

/** Commands that say when they run, and then take long enough for something to happen to them. */
const SLOW = `
  <precommands><command name="early">echo early >> /root/runs; touch /root/precommand.runs; sleep 2</command></precommands>
  <packages><package name="tree"/></packages>
  <files><file name="/etc/motd.d/hello">hello</file></files>
  <commands>
    <command name="one">echo one >> /root/runs; touch /root/command.runs; sleep 2</command>
    <command name="check">test "$(echo $(cat /root/runs))" = "early one"; test "$(cat /etc/motd.d/hello)" = hello</command>
  </commands>`;

function inSession({ name }: FaultPoint, what: (lane: MatrixSlot) => unknown): (lane: MatrixSlot) => Injection {
  const running = ['precommand', 'command'].includes(name);
  return (lane) => ({
    on: 'begin',
    strike: () => {
      if (!running) return Promise.resolve(void what(lane));
      // When it runs, which this strike has to let happen.
      void whenRunning(lane, name).then(() => what(lane));
      return Promise.resolve();
    },
  });
}

async function whenRunning(lane: MatrixSlot, name: string): Promise<void> {
  const files = lane.cloud.guestFiles(serverOf(lane).id);
  while ((await files?.read(`root/${name}.runs`)) === undefined) await pause(20);
}

const OVER_SSH: StateCell[] = guestPlaces().flatMap((where): StateCell[] => {
  const build = { ...reused(where).build, body: SLOW };
  const interrupted = ['precommand', 'command'].includes(where.name);
  return [
    {
      place: where,
      fault: 'SSH cut',
      expects: 'built',
      build,
      blow: inSession(where, (lane) => lane.cloud.sessions.cut()),
    },
    {
      place: where,
      fault: 'SSH gone',
      expects: 'built',
      build,
      blow: inSession(where, (lane) => lane.cloud.sessions.freeze(AWAY)),
    },
    {
      place: where,
      fault: 'guest reboot',
      expects: interrupted ? /interrupted/ : 'built',
      build,
      blow: inSession(where, (lane) => lane.cloud.rebootServer(serverOf(lane).id)),
    },
  ];
});

const REUSED_ON_VOLUMES: SlotBuild = { ...ON_VOLUMES, fresh: false };
const VOLUME_GONE = /volume .* is gone: somebody else has deleted it/;
/** In Nova's words, and in Cinder's. */
const NO_VOLUME = /failed to get volume|Volume .* could not be found/;

function deleteVolumes({ cloud }: MatrixSlot): undefined {
  for (const id of cloud.state.volumes.keys()) cloud.deleteVolume(id);
}

/** What becomes of the volume, or the image of it, that the call asks for. */
const nextVolume = (behaviour: VolumeBehaviour): ((lane: MatrixSlot) => Injection) =>
  onCall((lane) => void lane.cloud.volumeBehaviours.add({ ...behaviour, times: 1 }));

const OF_VOLUMES: StateCell[] = [
  ...column('ERROR', [
    {
      place: faultPoint('installer’s volume'),
      expects: /volume .* is error: the cloud could not make it/,
      blow: nextVolume({ create: 'error' }),
      build: ON_VOLUMES,
    },
    { place: faultPoint('JEOS upload'), expects: 'built', blow: nextVolume({ upload: 'deleted' }), build: ON_VOLUMES },
    {
      place: faultPoint('guest’s volume'),
      expects: /volume .* is error: the cloud could not make it/,
      blow: nextVolume({ create: 'error' }),
      build: REUSED_ON_VOLUMES,
    },
    {
      place: faultPoint('base upload'),
      expects: /is active but empty/,
      blow: nextVolume({ upload: 'empty' }),
      build: REUSED_ON_VOLUMES,
    },
  ]),
  ...column('stuck', [
    { place: faultPoint('JEOS upload'), expects: 'built', blow: nextVolume({ upload: 'lost' }), build: ON_VOLUMES },
    { place: faultPoint('volume clean-up of the install'), expects: 'built', blow: forgetful, build: ON_VOLUMES },
    { place: faultPoint('volume clean-up'), expects: 'built', blow: forgetful, build: REUSED_ON_VOLUMES },
  ]),
  ...column('deleted', [
    { place: faultPoint('installer’s volume'), expects: VOLUME_GONE, blow: onceDone(deleteVolumes), build: ON_VOLUMES },
    { place: faultPoint('volume wait'), expects: NO_VOLUME, blow: onceDone(deleteVolumes), build: ON_VOLUMES },
    { place: faultPoint('JEOS upload'), expects: NO_VOLUME, blow: onCall(deleteVolumes), build: ON_VOLUMES },
    {
      place: faultPoint('guest’s volume'),
      expects: VOLUME_GONE,
      blow: onceDone(deleteVolumes),
      build: REUSED_ON_VOLUMES,
    },
    { place: faultPoint('base upload'), expects: NO_VOLUME, blow: onCall(deleteVolumes), build: REUSED_ON_VOLUMES },
    { place: faultPoint('volume clean-up'), expects: 'built', blow: onCall(deleteVolumes), build: REUSED_ON_VOLUMES },
  ]),
];

/** A mirror that wants to know who we are will want to know it at every try. */
const REFUSED = column('401', [
  {
    place: faultPoint('media fetch'),
    expects: /401/,
    blow: () => ({ on: 'medium', strike: () => Promise.resolve({ kind: 'status', status: 401 }) }),
  },
]);

export const STATE_CELLS: StateCell[] = [...REFUSED, ...IN_ERROR, ...STUCK, ...DELETED, ...OVER_SSH, ...OF_VOLUMES];

function guestPlaces(): FaultPoint[] {
  const names = ['root access', 'precommand', 'packages', 'files', 'command', 'ICICLE', 'clean-up of the guest', 'shutdown']; // prettier-ignore
  return names.map(faultPoint);
}

/** What does not need a JEOS of its own takes the one that there is. */
function reused({ firstOnly = false }: FaultPoint): { build: SlotBuild } {
  return { build: { fresh: firstOnly } };
}

function forget<V>(things: Map<string, V>, which: (thing: V) => boolean): void {
  for (const [key, thing] of things) if (which(thing)) things.delete(key);
}

/** The upload's bytes are lost, and the image is left in a state. */
function imageBecomes(status: 'killed' | 'saving'): (lane: MatrixSlot) => Injection {
  return onCall((lane, { path }) => {
    const image = lane.cloud.state.images.get(/[0-9a-f-]{36}/.exec(path)?.[0] ?? '');
    if (image !== undefined) image.status = status;
    return { kind: 'status', status: 500 };
  });
}
