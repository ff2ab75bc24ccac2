import { FactoryError } from '../../domain/errors.js';
import type { Operation, StagingObject } from '../types.js';
import { deleteDisk, isOurs, listDisks, readDiskWithUsers, searchMarks, stageOf } from './disks.js';
import type { Engine } from './engine.js';
import { begunAt, imageOf, isNameOf, readMarks, STAGE, type Stage } from './marks.js';
import { listOf, MACHINE, type OvirtDisk, type OvirtMachine } from './schemas.js';
import { deleteMachine, isStaged } from './templates.js';
import { cancelTransfer, findTransfer } from './transfers.js';

/** The stage of the virtual machine of which a template is made. */
const MACHINE_STAGE: Stage = 'uploaded';

/** What pushes have left. */
interface Leftovers {
  disks: OvirtDisk[];
  machines: OvirtMachine[];
  templates: OvirtMachine[];
}

/**
 * Finds what unfinished pushes have left. With a UUID, only those of that image.
 *
 * @param everything whether also what is finished counts: the image is given up
 */
async function findLeftovers(
  engine: Engine,
  uuid: string | undefined,
  signal: AbortSignal,
  everything = false,
): Promise<Leftovers> {
  const query = searchMarks(uuid);
  const [disks, machines, templates] = await Promise.all([
    listDisks(engine, uuid, signal),
    engine.list(`/vms?${query}`, listOf('vm', MACHINE), signal),
    engine.list(`/templates?${query}`, listOf('template', MACHINE), signal),
  ]);
  return {
    // A finished disk has no stage.
    disks: disks.filter((disk) => everything || stageOf(disk) !== undefined),
    // A virtual machine that a user makes of our template has the template's description, which has no stage.
    // While the template is not finished, its stage is another than that of our virtual machine.
    machines: machines.filter(
      (one) => isOurs(one.description, uuid) && readMarks(one.description)[STAGE] === MACHINE_STAGE,
    ),
    // Templates that users make of such virtual machines have other names.
    templates: templates.filter(
      (one) =>
        isOurs(one.description, uuid) &&
        isNameOf(imageOf(readMarks(one.description)), one.name) &&
        (everything || isStaged(one)),
    ),
  };
}

/**
 * Removes what only a push needs: the transfer, the disk or the template that is not finished, the virtual machine of a
 * template.
 *
 * @param everything whether also what is finished is removed: the image is given up
 */
export async function removeLeftovers(
  operation: Operation,
  engine: Engine,
  uuid: string,
  everything: boolean,
): Promise<string[]> {
  const { signal } = operation;
  const { disks, machines, templates } = await findLeftovers(engine, uuid, signal, everything);
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
    const left = await readDiskWithUsers(engine, id, signal);
    if (left !== undefined) await deleteUnusedDisk(operation, engine, left);
    removed.push(`disk ${alias} (${id})`);
  }
  return removed;
}

/** Removes a disk. @throws FactoryError Conflict when a virtual machine has it. @returns false when it was not there */
export async function deleteUnusedDisk(operation: Operation, engine: Engine, disk: OvirtDisk): Promise<boolean> {
  const users = (disk.vms?.vm ?? []).map((vm) => vm.name ?? vm.id);
  if (users.length === 0) return await deleteDisk(operation, engine, disk.id);
  throw new FactoryError('Conflict', `the disk ${disk.id} is in use by ${users.join(', ')}`, {
    hint: 'detach the disk from these virtual machines, and delete the image again',
  });
}

/** Lists what unfinished pushes have left, of every image. */
export async function listLeftovers(operation: Operation, engine: Engine): Promise<StagingObject[]> {
  const { disks, machines, templates } = await findLeftovers(engine, undefined, operation.signal);
  const describeMachine =
    (kind: string) =>
    ({ id, description, creation_time: created }: OvirtMachine): StagingObject => {
      const createdAt = begunAt(description) ?? created;
      return { uuid: imageOf(readMarks(description)), kind, id, createdAt, size: undefined };
    };
  return [
    ...disks.map(({ id, description, actual_size: size }) => {
      return { uuid: imageOf(readMarks(description)), kind: 'disk', id, createdAt: begunAt(description), size };
    }),
    ...machines.map(describeMachine('virtual machine')),
    ...templates.map(describeMachine('template')),
  ];
}
