import { FactoryError } from '../../domain/errors.js';
import { isMarkedAs, PROVIDER_KEYS } from '../../domain/provider-marks.js';
import { TOOL } from '../../domain/names.js';
import { measureQcow2 } from '../../formats/index.js';
import type { Operation, PushedImage } from '../types.js';
import type { Engine } from './engine.js';
import { describe, diskIdOf, isPushedDisk, nameOf, readMarks, STAGE, type Stage } from './marks.js';
import { DISK, listOf, type OvirtDisk, type OvirtStorageDomain } from './schemas.js';
import { createOrFind, waitFor } from './wait.js';

/** Sizes of disks are multiples of it: vdsm refuses others. */
const ALIGNMENT = 4096;
/** Storage whose volumes are logical volumes. A raw disk there takes its whole size, since LVM has no holes. */
const BLOCK_STORAGE = ['iscsi', 'fcp'];

/** Returns the disk of a push. @throws FactoryError Conflict when somebody else's disk has the id */
export async function findDisk(
  engine: Engine,
  image: PushedImage,
  signal?: AbortSignal,
): Promise<OvirtDisk | undefined> {
  const disk = await readDisk(engine, diskIdOf(image), signal);
  if (disk === undefined || isMarkedAs(readMarks(disk.description), image)) return disk;
  throw new FactoryError('Conflict', `oVirt has a disk ${disk.id} (${disk.alias}) that is not of this push`, {
    hint: 'give the disk its description back, or remove it, and push again',
  });
}

export async function readDisk(engine: Engine, id: string, signal?: AbortSignal): Promise<OvirtDisk | undefined> {
  return await engine.get(`/disks/${encodeURIComponent(id)}`, DISK, signal);
}

/** Reads a disk with the virtual machines that have it: the engine leaves them out unless it is asked. */
export async function readDiskWithUsers(
  engine: Engine,
  id: string,
  signal?: AbortSignal,
): Promise<OvirtDisk | undefined> {
  return await engine.get(`/disks/${encodeURIComponent(id)}?all_content=true`, DISK, signal);
}

/** How far the push of a disk has come. Undefined: it is finished. */
export function stageOf(disk: OvirtDisk): string | undefined {
  return readMarks(disk.description)[STAGE];
}

/** Makes the disk of a push, unless an earlier attempt has made it. */
export async function createDisk(
  operation: Operation,
  engine: Engine,
  image: PushedImage,
  domain: OvirtStorageDomain,
): Promise<OvirtDisk> {
  const { signal } = operation;
  const { file } = image;
  const isCow = file.format === 'qcow2';
  const size = Math.ceil(file.virtualSize / ALIGNMENT) * ALIGNMENT;
  const isBlockStorage = BLOCK_STORAGE.includes(domain.storage?.type ?? '');
  const body = {
    id: diskIdOf(image),
    alias: nameOf(image),
    name: nameOf(image),
    description: describe(image, operation.creator, 'upload'),
    format: isCow ? 'cow' : 'raw',
    sparse: isCow || !isBlockStorage,
    provisioned_size: size,
    // On block storage nobody makes the volume larger while it is written, so it must hold all data from its beginning.
    ...(isCow ? { initial_size: await measure(file, signal) } : {}),
    storage_domains: { storage_domain: [{ id: domain.id }] },
  };
  return await createOrFind(
    () => engine.create('/disks', body, DISK, signal),
    () => findDisk(engine, image, signal),
  );
}

async function measure(file: PushedImage['file'], signal: AbortSignal): Promise<number> {
  return await measureQcow2({ path: file.path, format: 'qcow2', virtualSize: file.virtualSize }, [], signal);
}

/** Waits until nothing works on a disk. @throws FactoryError ImageFailed when the disk is illegal, or has gone */
export async function waitForDisk(operation: Operation, engine: Engine, id: string): Promise<OvirtDisk> {
  return await waitFor(operation, 'oVirt makes the disk', async () => {
    const disk = await readDisk(engine, id, operation.signal);
    if (disk === undefined) {
      throw new FactoryError('ImageFailed', `oVirt has removed the disk ${id} while it was made`, {
        retryable: true,
        hint: 'look for the reason in the events of the Administration Portal',
      });
    }
    if (disk.status === 'ok') return disk;
    if (disk.status === 'illegal') {
      throw new FactoryError('ImageFailed', `oVirt says that the disk ${id} is illegal`, {
        hint: 'see the events of the Administration Portal; remove what was uploaded, and push again',
      });
    }
    return undefined;
  });
}

/** Writes into the disk's description how far the push has come. The engine does it after its answer. */
export async function markDisk(
  operation: Operation,
  engine: Engine,
  image: PushedImage,
  stage: Stage | undefined,
): Promise<void> {
  const id = diskIdOf(image);
  const description = describe(image, operation.creator, stage);
  await engine.update(`/disks/${id}`, { description }, operation.signal);
  await waitFor(operation, 'oVirt changes the description of the disk', async () => {
    const disk = await waitForDisk(operation, engine, id);
    return disk.description === description ? true : undefined;
  });
}

/** Lists the disks that this program has made. */
export async function listDisks(engine: Engine, uuid: string | undefined, signal?: AbortSignal): Promise<OvirtDisk[]> {
  const disks = await engine.list(`/disks?${searchMarks(uuid)}`, listOf('disk', DISK), signal);
  return disks.filter((disk) => isOurs(disk.description, uuid) && isPushedDisk(disk));
}

/** The query for what has our marks in its description. The engine's search knows `*`, and takes it for any text. */
export function searchMarks(uuid: string | undefined): string {
  return new URLSearchParams({ search: `description=*${uuid ?? TOOL}*` }).toString();
}

/** Whether a description has our mark, and that of the image with this UUID. */
export function isOurs(description: string | undefined, uuid: string | undefined): boolean {
  const marks = readMarks(description);
  return marks[PROVIDER_KEYS.tool] === TOOL && (uuid === undefined || marks[PROVIDER_KEYS.image] === uuid);
}

/** Removes a disk, and waits until it is gone. @returns false when it was not there */
export async function deleteDisk(operation: Operation, engine: Engine, id: string): Promise<boolean> {
  const path = `/disks/${encodeURIComponent(id)}`;
  const removed = await engine.remove(path, operation.signal);
  await waitForAbsence(operation, engine, path, `oVirt removes the disk ${id}`);
  return removed;
}

/** Waits until something is gone: the engine answers before it has removed it. */
export async function waitForAbsence(
  operation: Operation,
  engine: Engine,
  path: string,
  message: string,
): Promise<void> {
  await waitFor(operation, message, async () =>
    (await engine.get(path, DISK.partial(), operation.signal)) === undefined ? true : undefined,
  );
}
