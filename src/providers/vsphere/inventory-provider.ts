import { asRetryable, FactoryError } from '../../domain/errors.js';
import type { RegisteredImage, UploadedFile } from '../../domain/provider-image.js';
import { isMarked, isMarkedAs, PROVIDER_KEYS } from '../../domain/provider-marks.js';
import { retryPart } from '../transfer/retry-part.js';
import type { Finding, Operation, Provider, PushedImage, StagingObject } from '../types.js';
import { checkImage, Trials } from './check-image.js';
import type { Place } from './configuration.js';
import { changeState, isOurMachine, readBegun, readMarks, readState, writeDescription } from './description.js';
import { type Import, importOva, type ImportPlace } from './import-ova.js';
import type { InventoryApi, Machine } from './inventory-api.js';
import { nameOfImage } from './item-name.js';
import { readOva } from './ova-parts.js';
import { isMissing } from './soap-client.js';
import { SoapFault } from './soap-faults.js';
import { type ManagedObject, textSchema } from './soap-xml.js';

/** What is needed where. `MarkAsTemplate` is of no use on an ESXi host, which has no templates. */
const PRIVILEGES: Readonly<Record<keyof ImportPlace, readonly string[]>> = {
  folder: [
    'VirtualMachine.Inventory.Create',
    'VirtualMachine.Inventory.Delete',
    'VirtualMachine.Config.AddNewDisk',
    'VirtualMachine.Config.Annotation',
    'VirtualMachine.Provisioning.MarkAsTemplate',
  ],
  resourcePool: ['VApp.Import', 'Resource.AssignVMToPool'],
  datastore: ['Datastore.AllocateSpace'],
  network: ['Network.Assign'],
};
const VERIFIED =
  'vSphere tells no digest of an imported disk: the host read the whole stream; the size of the disk was compared';

/** Pushes into the inventory of a vCenter, as a template, or of an ESXi host, as a virtual machine that is off. */
export class InventoryProvider implements Provider {
  readonly account = undefined;
  readonly region = undefined;
  readonly location: string;

  constructor(
    private readonly api: InventoryApi,
    private readonly place: Place,
    private readonly post: (operation: Operation) => Import['post'],
    private readonly closeConnections: () => Promise<void>,
  ) {
    const path = [place.datacenter, 'vm', place.folder].filter((part) => part !== '').join('/');
    this.location = `vSphere ${new URL(api.soap.server).host}, folder ${path}`;
  }

  async check(operation: Operation, image?: PushedImage): Promise<Finding[]> {
    const trials = new Trials(operation, image !== undefined);
    if (!(await trials.try('log in', () => this.api.soap.connect(operation)))) return trials.findings;
    const isHost = await this.isHost(operation);
    for (const [key, path] of Object.entries(this.paths()) as [keyof ImportPlace, string][]) {
      const privileges = PRIVILEGES[key].filter((name) => !(isHost && name.endsWith('.MarkAsTemplate')));
      await trials.try(`${path}: ${privileges.join(', ')}`, async () => {
        const object = await this.findPath(operation, path);
        const missing = await this.api.listMissingPrivileges(operation, object, privileges);
        if (missing.length > 0) throw missingPrivilegesError(path, missing);
      });
    }
    if (image === undefined) return trials.findings;
    await trials.try(`name ${nameOfImage(image)}`, () => this.findMachine(operation, image));
    await checkImage(trials, image, await this.readFreeSpace(operation));
    return trials.findings;
  }

  async find(operation: Operation, image: PushedImage): Promise<RegisteredImage | undefined> {
    const machine = await this.findMachine(operation, image);
    if (machine === undefined || readState(machine.annotation) !== 'registered') return undefined;
    return machine.isTemplate || (await this.isHost(operation)) ? this.toRegistered(machine) : undefined;
  }

  async upload(operation: Operation, image: PushedImage): Promise<UploadedFile> {
    const ova = await readOva(image.file.path);
    const name = nameOfImage(image);
    const annotation = writeDescription(image, operation.creator, 'uploading', name);
    let bytes = 0;
    const machine = await retryPart(operation, async () => {
      const found = await this.findMachine(operation, image);
      if (found !== undefined && readState(found.annotation) !== 'uploading') return found;
      if (found !== undefined) await this.destroy(operation, found);
      const place = await this.findPlace(operation);
      const { api } = this;
      const work = { api, operation, image, ova, place, name, annotation, post: this.post(operation) };
      const { machine: ref, sent } = await importOva(work).catch(async (error: unknown) => {
        throw await this.explainDuplicate(operation, image, error);
      });
      bytes += sent;
      const imported = await this.api.readMachine(operation, ref);
      if (imported === undefined) throw goneError(name);
      compareDisk(imported, image);
      await this.api.annotate(operation, ref, changeState(annotation, 'uploaded'));
      return imported;
    });
    return { ids: { machine: machine.ref.value }, sent: bytes, verifiedBy: VERIFIED };
  }

  async register(operation: Operation, image: PushedImage, uploaded: UploadedFile): Promise<RegisteredImage> {
    const ref = { type: 'VirtualMachine', value: uploaded.ids['machine'] ?? '' };
    const machine = await this.api.readMachine(operation, ref);
    if (machine === undefined) throw lostError(nameOfImage(image));
    if (!isOurs(machine, image)) throw changedError(machine.name);
    if (readState(machine.annotation) !== 'registered') {
      await this.api.annotate(operation, ref, changeState(machine.annotation, 'registered'));
    }
    if (!machine.isTemplate && !(await this.isHost(operation))) await this.markAsTemplate(operation, ref);
    return this.toRegistered(machine);
  }

  async removeStaging(operation: Operation, uuid: string, options: { everything?: boolean } = {}): Promise<string[]> {
    const removed: string[] = [];
    for (const machine of await this.listUnfinished(operation, options.everything)) {
      if (!isMarked(readMarks(machine.annotation), uuid)) continue;
      await this.destroy(operation, machine);
      removed.push(`virtual machine ${machine.name}`);
    }
    return removed;
  }

  async delete(operation: Operation, registered: RegisteredImage): Promise<string[]> {
    const machine = await this.api.readMachine(operation, { type: 'VirtualMachine', value: registered.id });
    if (machine === undefined) return [];
    if (!isOurMachine(machine)) throw foreignError(machine.name);
    await this.destroy(operation, machine);
    return [`${machine.isTemplate ? 'template' : 'virtual machine'} ${machine.name}`];
  }

  async listStaging(operation: Operation): Promise<StagingObject[]> {
    return (await this.listUnfinished(operation)).flatMap(({ ref, annotation, disks }) => {
      const uuid = readMarks(annotation)[PROVIDER_KEYS.image];
      const size = disks.reduce((sum, disk) => sum + disk, 0);
      const createdAt = readBegun(annotation);
      return uuid === undefined ? [] : [{ uuid, kind: 'virtual machine', id: ref.value, createdAt, size }];
    });
  }

  async close(): Promise<void> {
    await this.api.soap.logout();
    await this.closeConnections();
  }

  private async isHost(operation: Operation): Promise<boolean> {
    return (await this.api.soap.connect(operation)).about.apiType === 'HostAgent';
  }

  private paths(): Record<keyof ImportPlace, string> {
    const { datacenter, folder, resourcePool, datastore, network } = this.place;
    return {
      folder: [datacenter, 'vm', folder].filter((part) => part !== '').join('/'),
      resourcePool: `${datacenter}/host/${resourcePool}`,
      datastore: `${datacenter}/datastore/${datastore}`,
      network: `${datacenter}/network/${network}`,
    };
  }

  private async findPath(operation: Operation, path: string): Promise<ManagedObject> {
    const found = await this.api.findByPath(operation, path);
    if (found !== undefined) return found;
    throw new FactoryError('NotFound', `there is no ${path} at vSphere, or the user may not see it`, {
      hint: 'check the path in the configuration of the provider',
    });
  }

  private async findPlace(operation: Operation): Promise<ImportPlace> {
    const { folder, resourcePool, datastore, network } = this.paths();
    return {
      folder: await this.findPath(operation, folder),
      resourcePool: await this.findPath(operation, resourcePool),
      datastore: await this.findPath(operation, datastore),
      network: await this.findPath(operation, network),
    };
  }

  /** @throws FactoryError Conflict when somebody else's machine has the name of the image */
  private async findMachine(operation: Operation, image: PushedImage): Promise<Machine | undefined> {
    const ref = await this.api.findByPath(operation, `${this.paths().folder}/${nameOfImage(image)}`);
    const machine = ref && (await this.api.readMachine(operation, ref));
    if (machine === undefined) return undefined;
    if (!isOurs(machine, image)) throw foreignError(machine.name);
    return machine;
  }

  /**
   * vSphere finds a machine by its path only some time after it was made. When an import says that the name is used,
   * it is looked for again: the next try goes on with our own machine.
   *
   * @throws FactoryError Conflict when it is somebody else's
   */
  private async explainDuplicate(operation: Operation, image: PushedImage, error: unknown): Promise<unknown> {
    if (!(error instanceof SoapFault && error.fault === 'DuplicateName')) return error;
    return (await this.findMachine(operation, image)) === undefined ? error : asRetryable(error);
  }

  /**
   * Lists the machines of unfinished pushes. One that is registered may be in use: it counts only when the image is
   * given up.
   *
   * @param everything whether it is. A machine on an ESXi host is then a finished image, which `delete` removes
   */
  private async listUnfinished(operation: Operation, everything = false): Promise<Machine[]> {
    const withRegistered = everything && !(await this.isHost(operation));
    const folder = await this.findPath(operation, this.paths().folder);
    return (await this.api.listMachines(operation, folder)).filter((machine) => {
      if (!isOurMachine(machine) || machine.isTemplate) return false;
      return withRegistered || readState(machine.annotation) !== 'registered';
    });
  }

  /** Removes a machine. One that is still being imported cannot be removed until its lease has ended. */
  private async destroy(operation: Operation, { ref, name }: Machine): Promise<void> {
    for (;;) {
      try {
        return await this.api.destroy(operation, ref);
      } catch (error) {
        if (isMissing(error)) return;
        if (!(error instanceof SoapFault && ['InvalidState', 'TaskInProgress'].includes(error.fault))) throw error;
      }
      if (!(await this.api.hasMachine(operation, ref))) return;
      operation.report({ message: `waiting until vSphere has ended the earlier import of ${name}` });
      await operation.sleep(operation.pollInterval);
    }
  }

  private async markAsTemplate(operation: Operation, ref: ManagedObject): Promise<void> {
    try {
      await this.api.markAsTemplate(operation, ref);
    } catch (error) {
      // A first call whose reply was lost has done it.
      if ((await this.api.readMachine(operation, ref))?.isTemplate !== true) throw error;
    }
  }

  private async readFreeSpace(operation: Operation): Promise<number | undefined> {
    const datastore = await this.api.findByPath(operation, this.paths().datastore);
    const values = datastore && (await this.api.readObject(operation, datastore, ['summary.freeSpace']));
    const text = textSchema.safeParse(values?.['summary.freeSpace']).data;
    return text === undefined ? undefined : Number(text);
  }

  private toRegistered({ ref }: Machine): RegisteredImage {
    const location = `${this.api.soap.server}/sdk#${ref.type}:${ref.value}`;
    return { id: ref.value, location, resources: [], verifiedBy: VERIFIED };
  }
}

function compareDisk({ name, disks }: Machine, { file }: PushedImage): void {
  if (disks.includes(file.virtualSize)) return;
  throw new FactoryError(
    'ImageFailed',
    `the machine ${name} has disks of ${disks.join(', ')} bytes, not of ${file.virtualSize}`,
  );
}

function isOurs(machine: Machine, image: PushedImage): boolean {
  return isOurMachine(machine) && isMarkedAs(readMarks(machine.annotation), image);
}

function foreignError(name: string): FactoryError {
  return new FactoryError('Conflict', `the folder has a virtual machine ${name} that this push has not made`, {
    hint: 'rename or remove that machine; it is never overwritten',
  });
}

function goneError(name: string): FactoryError {
  return new FactoryError('CloudUnavailable', `the virtual machine ${name} is gone after its import`, {
    retryable: true,
  });
}

function lostError(name: string): FactoryError {
  return new FactoryError('NotFound', `the virtual machine ${name}, which was uploaded, is no longer at vSphere`, {
    hint: 'resume the push: it uploads the image again',
  });
}

function changedError(name: string): FactoryError {
  return new FactoryError('Conflict', `somebody has changed the name or the notes of the virtual machine ${name}`, {
    hint: 'remove that machine, or give it another name, and resume the push: it uploads the image again',
  });
}

function missingPrivilegesError(path: string, missing: readonly string[]): FactoryError {
  return new FactoryError('Forbidden', `the user lacks ${missing.join(', ')} on ${path}`, {
    hint: 'add them to the role of the user, for this object',
  });
}
