import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { runConcurrently } from '../transfer/run-concurrently.js';
import type { Operation } from '../types.js';
import { isMissing, type SoapClient } from './soap-client.js';
import { methodFault, methodFaultSchema, SoapFault } from './soap-faults.js';
import { element, listOf, type ManagedObject, reference, referenceSchema, textSchema } from './soap-xml.js';

/** Calls at the same time when all machines of a folder are read. */
const READERS = 8;
/** Times that a machine is read until its configuration is told. */
const READS = 5;

const nothing = z.unknown();
/** An element without content is an empty text. */
const unlessEmpty = <T extends z.ZodType>(schema: T): z.ZodType<z.output<T>> =>
  z.preprocess((value) => (value === '' ? {} : value), schema);
const foundSchema = unlessEmpty(z.object({ returnval: referenceSchema.optional() }));
const returnedSchema = z.object({ returnval: referenceSchema });
const propertySchema = z.object({ name: textSchema, val: z.unknown() });
const propertiesSchema = unlessEmpty(
  z.object({ returnval: z.object({ objects: listOf(z.object({ propSet: listOf(propertySchema) })) }).optional() }),
);
const taskSchema = z.object({ state: textSchema, error: methodFaultSchema.optional() });
const privilegesSchema = z.object({
  returnval: listOf(
    z.object({
      entity: referenceSchema,
      privAvailability: listOf(z.object({ privId: textSchema, isGranted: textSchema })),
    }),
  ),
});
const childrenSchema = z.object({ ManagedObjectReference: listOf(referenceSchema) });
const devicesSchema = z.object({
  VirtualDevice: listOf(z.object({ '@type': z.string().optional(), capacityInKB: textSchema.optional() })),
});

/** A virtual machine or a template. */
export interface Machine {
  ref: ManagedObject;
  name: string;
  /** Its notes. */
  annotation: string;
  isTemplate: boolean;
  /** Bytes of its disks, as the guest sees them. */
  disks: number[];
}

/** The calls for the inventory of a vCenter or of an ESXi host. Each is safe to run twice. */
export class InventoryApi {
  constructor(readonly soap: SoapClient) {}

  /** Finds something by its path: `DC0/vm/images`. */
  async findByPath(operation: Operation, path: string): Promise<ManagedObject | undefined> {
    const { searchIndex: self } = await this.soap.connect(operation);
    const call = { method: 'FindByInventoryPath', self, elements: [element('inventoryPath', path)] };
    const found = await this.soap.call(operation, call, foundSchema);
    return found.returnval;
  }

  /** Reads properties of an object; those that are not set are left out. Undefined when the object is gone. */
  async readObject(
    operation: Operation,
    object: ManagedObject,
    properties: readonly string[],
  ): Promise<Record<string, unknown> | undefined> {
    const { propertyCollector: self } = await this.soap.connect(operation);
    const wanted = element('specSet', {
      propSet: { type: object.type, all: false, pathSet: [...properties] },
      objectSet: { obj: reference(object), skip: false },
    });
    const call = { method: 'RetrievePropertiesEx', self, elements: [wanted, element('options', '')] };
    try {
      const [found] = (await this.soap.call(operation, call, propertiesSchema)).returnval?.objects ?? [];
      return found && Object.fromEntries(found.propSet.map(({ name, val }) => [name, val]));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /**
   * Reads a machine. Undefined when it is gone.
   *
   * @throws FactoryError CloudUnavailable, retryable, when vSphere does not tell its configuration for a while: the
   *   machine is being made, or its host does not answer
   */
  async readMachine(operation: Operation, ref: ManagedObject): Promise<Machine | undefined> {
    for (let reads = 1; ; reads++) {
      const values = await this.readObject(operation, ref, MACHINE);
      if (values === undefined) return undefined;
      if (hasConfiguration(values)) return toMachine(ref, values);
      if (reads === READS) {
        throw new FactoryError(
          'CloudUnavailable',
          `${this.soap.product} does not tell the configuration of the virtual machine ${ref.value} yet`,
          { retryable: true, hint: 'read the state of the machine and of its host in the vSphere Client' },
        );
      }
      await operation.sleep(operation.pollInterval);
    }
  }

  /** Whether a machine is there, be it still being made. */
  async hasMachine(operation: Operation, ref: ManagedObject): Promise<boolean> {
    return (await this.readObject(operation, ref, ['name'])) !== undefined;
  }

  /**
   * Lists the virtual machines and templates of a folder, not those of folders in it. One whose configuration vSphere
   * does not tell is left out: nothing says whose it is.
   */
  async listMachines(operation: Operation, folder: ManagedObject): Promise<Machine[]> {
    const values = await this.readObject(operation, folder, ['childEntity']);
    const children = childrenSchema.safeParse(values?.['childEntity']).data?.ManagedObjectReference ?? [];
    const refs = children.filter(({ type }) => type === 'VirtualMachine');
    const machines: Machine[] = [];
    await runConcurrently(refs, READERS, async (ref) => {
      const values = await this.readObject(operation, ref, MACHINE);
      if (values !== undefined && hasConfiguration(values)) machines.push(toMachine(ref, values));
    });
    return machines;
  }

  /** Changes the notes of a virtual machine. */
  async annotate(operation: Operation, machine: ManagedObject, annotation: string): Promise<void> {
    const elements = [element('spec', { annotation })];
    await this.runTask(operation, { method: 'ReconfigVM_Task', self: machine, elements });
  }

  /** Removes a virtual machine with its disks. */
  async destroy(operation: Operation, machine: ManagedObject): Promise<void> {
    await this.runTask(operation, { method: 'Destroy_Task', self: machine });
  }

  async markAsTemplate(operation: Operation, machine: ManagedObject): Promise<void> {
    await this.soap.call(operation, { method: 'MarkAsTemplate', self: machine }, nothing);
  }

  /** Returns those privileges that the user lacks on an object. */
  async listMissingPrivileges(
    operation: Operation,
    entity: ManagedObject,
    privileges: readonly string[],
  ): Promise<string[]> {
    const { authorizationManager: self, sessionKey } = await this.soap.connect(operation);
    const elements = [
      element('entity', reference(entity)),
      element('sessionId', sessionKey),
      ...privileges.map((privilege) => element('privId', privilege)),
    ];
    const call = { method: 'HasPrivilegeOnEntities', self, elements };
    let returnval: z.output<typeof privilegesSchema>['returnval'];
    try {
      ({ returnval } = await this.soap.call(operation, call, privilegesSchema));
    } catch (error) {
      // Not every ESXi host can be asked.
      if (error instanceof SoapFault && error.fault === 'NotSupported') return [];
      throw error;
    }
    const granted = returnval.flatMap(({ privAvailability }) =>
      privAvailability.filter(({ isGranted }) => isGranted === 'true').map(({ privId }) => privId),
    );
    return privileges.filter((privilege) => !granted.includes(privilege));
  }

  /** Starts a task, and waits until it has ended. @throws SoapFault with the task's error */
  private async runTask(
    operation: Operation,
    call: { method: string; self: ManagedObject; elements?: readonly string[] },
  ): Promise<void> {
    const { returnval: task } = await this.soap.call(operation, call, returnedSchema);
    for (;;) {
      const values = await this.readObject(operation, task, ['info.state', 'info.error']);
      const info = taskSchema.safeParse({ state: values?.['info.state'], error: values?.['info.error'] });
      if (!info.success) {
        throw new FactoryError('CloudUnavailable', `${this.soap.product} no longer knows the task of ${call.method}`, {
          retryable: true,
        });
      }
      const { state, error } = info.data;
      if (state === 'success') return;
      if (state === 'error') throw methodFault(`${this.soap.product} could not perform ${call.method}`, error);
      await operation.sleep(operation.pollInterval);
    }
  }
}

const MACHINE = ['name', 'config.annotation', 'config.template', 'config.hardware.device'];

/** Notes that are empty are not told either, but whether it is a template always is. */
function hasConfiguration(values: Record<string, unknown>): boolean {
  return values['config.template'] !== undefined;
}

function toMachine(ref: ManagedObject, values: Record<string, unknown>): Machine {
  const text = (name: string): string => textSchema.safeParse(values[name]).data ?? '';
  const devices = devicesSchema.safeParse(values['config.hardware.device']).data?.VirtualDevice ?? [];
  return {
    ref,
    name: text('name'),
    annotation: text('config.annotation'),
    isTemplate: text('config.template') === 'true',
    disks: devices
      .filter((device) => device['@type']?.endsWith('VirtualDisk') === true)
      .map(({ capacityInKB }) => Number(capacityInKB) * 1024),
  };
}
