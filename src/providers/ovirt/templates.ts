import { FactoryError } from '../../domain/errors.js';
import { isMarkedAs } from '../../domain/provider-marks.js';
import type { Operation, PushedImage } from '../types.js';
import { findDisk, waitForAbsence, writeDescription } from './disks.js';
import type { Engine } from './engine.js';
import { describe, diskIdOf, nameOf, readMarks, STAGE } from './marks.js';
import { ATTACHMENT, listOf, MACHINE, type OvirtCluster, type OvirtMachine } from './schemas.js';
import { createOrFind, waitFor } from './wait.js';

/** A template is made of a virtual machine: it is made for that, never started, and removed afterwards. */
type Kind = 'vm' | 'template';

/** Architectures of oVirt that have a choice of firmware. Those of IBM have only their own. */
const WITH_FIRMWARE = ['x86_64', 'i386', 'i686', 'amd64'];

/** Finds a template or a virtual machine of a push. @throws FactoryError Conflict when it is somebody else's */
export async function findMachine(
  engine: Engine,
  kind: Kind,
  image: PushedImage,
  signal?: AbortSignal,
): Promise<OvirtMachine | undefined> {
  const name = nameOf(image);
  const query = new URLSearchParams({ search: `name=${name}` }).toString();
  const found = await engine.list(`/${kind}s?${query}`, listOf(kind, MACHINE), signal);
  // The engine's search is not case-sensitive, and takes `_` for any character.
  const machine = found.find((one) => one.name === name);
  if (machine === undefined || isMarkedAs(readMarks(machine.description), image)) return machine;
  const what = kind === 'vm' ? 'virtual machine' : 'template';
  throw new FactoryError('Conflict', `oVirt has a ${what} ${name} (${machine.id}) that is not of this push`, {
    hint: `rename or remove that ${what}, and push again`,
  });
}

/**
 * Makes a template of the uploaded disk, unless an earlier attempt has made it, and removes the virtual machine that
 * was needed for it, with the disk. An illegal template of an earlier attempt is made again. The template has a stage
 * until everything is done, so that it is found when nobody goes on.
 */
export async function makeTemplate(
  operation: Operation,
  engine: Engine,
  image: PushedImage,
  cluster: OvirtCluster,
): Promise<OvirtMachine> {
  const { signal } = operation;
  const found = await findMachine(engine, 'template', image, signal);
  const isIllegal = found?.status === 'illegal';
  if (isIllegal) await deleteMachine(operation, engine, 'template', found.id);
  const made = (isIllegal ? undefined : found) ?? (await createTemplate(operation, engine, image, cluster));
  const template = await waitForStatus(operation, engine, 'template', made.id, 'ok');
  const machine = await findMachine(engine, 'vm', image, signal);
  if (machine !== undefined) await deleteMachine(operation, engine, 'vm', machine.id);
  if (!isStaged(template)) return template;
  const path = `/templates/${template.id}`;
  await writeDescription(operation, engine, path, describe(image, operation.creator), () =>
    waitForStatus(operation, engine, 'template', template.id, 'ok'),
  );
  return template;
}

/** Whether the push of a template or of a virtual machine has not ended. */
export function isStaged({ description }: OvirtMachine): boolean {
  return STAGE in readMarks(description);
}

/** The upload is not there any more: another attempt to register finds nothing either. */
export function goneError(image: PushedImage): FactoryError {
  return new FactoryError('NotFound', `the uploaded disk ${diskIdOf(image)} is gone`, {
    hint: `imagefactory resume ${image.uuid} uploads it again`,
  });
}

async function createTemplate(
  operation: Operation,
  engine: Engine,
  image: PushedImage,
  cluster: OvirtCluster,
): Promise<OvirtMachine> {
  const { signal } = operation;
  if ((await findDisk(engine, image, signal)) === undefined) throw goneError(image);
  const found = await findMachine(engine, 'vm', image, signal);
  const machine = found ?? (await createMachine(operation, engine, image, cluster));
  await waitForStatus(operation, engine, 'vm', machine.id, 'down');
  await attachDisk(operation, engine, image, machine.id);
  const body = {
    name: nameOf(image),
    description: describe(image, operation.creator, 'template'),
    comment: commentOf(image),
    vm: { id: machine.id },
  };
  return await createOrFind(
    () => engine.create('/templates', body, MACHINE, signal),
    () => findMachine(engine, 'template', image, signal),
  );
}

async function createMachine(
  operation: Operation,
  engine: Engine,
  image: PushedImage,
  cluster: OvirtCluster,
): Promise<OvirtMachine> {
  const { signal } = operation;
  const body = {
    name: nameOf(image),
    description: describe(image, operation.creator, 'uploaded'),
    comment: commentOf(image),
    cluster: { id: cluster.id },
    template: { name: 'Blank' },
    type: 'server',
    os: {
      type: /windows/i.test(image.os.name) ? 'other' : 'other_linux',
      boot: { devices: { device: ['hd'] } },
    },
    bios: { type: biosOf(image) },
  };
  return await createOrFind(
    () => engine.create('/vms', body, MACHINE, signal),
    () => findMachine(engine, 'vm', image, signal),
  );
}

function biosOf({ os, firmware, secureBoot }: PushedImage): string {
  if (!WITH_FIRMWARE.includes(os.arch)) return 'cluster_default';
  if (firmware === 'bios') return 'q35_sea_bios';
  return secureBoot ? 'q35_secure_boot' : 'q35_ovmf';
}

function commentOf({ os, source }: PushedImage): string {
  return `${os.name} ${os.version} ${os.arch}, image ${source}`;
}

async function attachDisk(operation: Operation, engine: Engine, image: PushedImage, vm: string): Promise<void> {
  const { signal } = operation;
  const path = `/vms/${vm}/diskattachments`;
  const id = diskIdOf(image);
  const find = async (): Promise<unknown> =>
    (await engine.list(path, listOf('disk_attachment', ATTACHMENT), signal)).find((attachment) => attachment.id === id);
  if ((await find()) !== undefined) return;
  // The id of an attachment is that of its disk.
  const body = { disk: { id }, bootable: true, active: true, interface: 'virtio_scsi' };
  await createOrFind<unknown>(() => engine.create(path, body, ATTACHMENT, signal), find);
}

/** Waits until nothing works on a machine. @throws FactoryError ImageFailed when it is illegal, or has gone */
async function waitForStatus(
  operation: Operation,
  engine: Engine,
  kind: Kind,
  id: string,
  wanted: string,
): Promise<OvirtMachine> {
  const what = kind === 'vm' ? 'virtual machine' : 'template';
  return await waitFor(operation, `oVirt makes the ${what}`, async () => {
    const machine = await engine.get(`/${kind}s/${id}`, MACHINE, operation.signal);
    if (machine === undefined) {
      throw new FactoryError('ImageFailed', `oVirt has removed the ${what} ${id} while it was made`, {
        retryable: true,
        hint: 'look for the reason in the events of the Administration Portal',
      });
    }
    if (machine.status === wanted) return machine;
    // A template is `locked` while it is made, a virtual machine `image_locked`. What else it is, it stays.
    if (machine.status === undefined || /locked$/.test(machine.status)) return undefined;
    throw new FactoryError('ImageFailed', `oVirt says that the ${what} ${machine.name} is ${machine.status}`, {
      hint: `look for the reason in the events of the Administration Portal; remove the ${what}, and push again`,
    });
  });
}

/**
 * Removes a machine with its disks when nothing works on it, and waits until it is gone. @returns false when it was not
 * there
 */
export async function deleteMachine(operation: Operation, engine: Engine, kind: Kind, id: string): Promise<boolean> {
  const path = `/${kind}s/${encodeURIComponent(id)}`;
  const what = kind === 'vm' ? 'virtual machine' : 'template';
  await waitFor(operation, `oVirt works on the ${what}`, async () => {
    const machine = await engine.get(path, MACHINE, operation.signal);
    return /locked$/.test(machine?.status ?? '') ? undefined : true;
  });
  const removed = await engine.remove(path, operation.signal);
  await waitForAbsence(operation, engine, path, `oVirt removes the ${what}`);
  return removed;
}
