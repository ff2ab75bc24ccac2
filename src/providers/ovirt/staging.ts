import type { Operation, StagingObject } from '../types.js';
import { deleteDisk, isOurs, listDisks, readDisk, searchMarks, stageOf } from './disks.js';
import type { Engine } from './engine.js';
import { imageOf, readMarks, STAGE } from './marks.js';
import { listOf, MACHINE, type OvirtDisk, type OvirtMachine } from './schemas.js';
import { deleteMachine } from './templates.js';
import { cancelTransfer, findTransfer } from './transfers.js';

/** What unfinished pushes have left. With a UUID, only those of that image. */
interface Leftovers {
  disks: OvirtDisk[];
  machines: OvirtMachine[];
  templates: OvirtMachine[];
}

async function findLeftovers(engine: Engine, uuid: string | undefined, signal: AbortSignal): Promise<Leftovers> {
  const query = searchMarks(uuid);
  const [disks, machines, templates] = await Promise.all([
    listDisks(engine, uuid, signal),
    engine.list(`/vms?${query}`, listOf('vm', MACHINE), signal),
    engine.list(`/templates?${query}`, listOf('template', MACHINE), signal),
  ]);
  return {
    // A finished disk has no stage.
    disks: disks.filter((disk) => stageOf(disk) !== undefined),
    // A virtual machine that a user makes of our template has the template's description, which has no stage.
    machines: machines.filter((one) => isOurs(one.description, uuid) && STAGE in readMarks(one.description)),
    templates: templates.filter((one) => isOurs(one.description, uuid) && one.status === 'illegal'),
  };
}

/** Removes what only a push needs: the transfer, the disk that is not finished, the virtual machine of a template. */
export async function removeLeftovers(operation: Operation, engine: Engine, uuid: string): Promise<string[]> {
  const { signal } = operation;
  const { disks, machines, templates } = await findLeftovers(engine, uuid, signal);
  const removed: string[] = [];
  for (const { id, name } of templates) {
    if (await deleteMachine(operation, engine, 'template', id)) removed.push(`template ${name} (${id})`);
  }
  for (const { id, name } of machines) {
    if (await deleteMachine(operation, engine, 'vm', id)) removed.push(`virtual machine ${name} (${id})`);
  }
  for (const { id, alias } of disks) {
    const transfer = await findTransfer(engine, id, signal);
    if (transfer !== undefined) await cancelTransfer(operation, engine, transfer.id);
    // A cancelled transfer and a removed virtual machine take their disk with them.
    if ((await readDisk(engine, id, signal)) !== undefined) await deleteDisk(operation, engine, id);
    removed.push(`disk ${alias} (${id})`);
  }
  return removed;
}

/** Lists what unfinished pushes have left, of every image. */
export async function listLeftovers(operation: Operation, engine: Engine): Promise<StagingObject[]> {
  const { disks, machines, templates } = await findLeftovers(engine, undefined, operation.signal);
  const describeMachine =
    (kind: string) =>
    ({ id, description, creation_time: createdAt }: OvirtMachine): StagingObject => {
      return { uuid: imageOf(readMarks(description)), kind, id, createdAt, size: undefined };
    };
  return [
    ...disks.map(({ id, description, actual_size: size }) => {
      return { uuid: imageOf(readMarks(description)), kind: 'disk', id, createdAt: undefined, size };
    }),
    ...machines.map(describeMachine('virtual machine')),
    ...templates.map(describeMachine('template')),
  ];
}
