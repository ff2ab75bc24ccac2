import { randomUUID } from 'node:crypto';
import { type ProviderCall, type ProviderReply, ProviderServer } from '../provider-server.js';
import { FakeLeases, type LeasedDisk } from './fake-leases.js';
import { type Argument, escapeXml, Fault, faultReply, find, readCall, soapReply, textOf } from './soap-reply.js';

interface Machine {
  id: string;
  name: string;
  annotation: string;
  isTemplate: boolean;
  isOn: boolean;
  capacity: number;
  /** The disks that were uploaded. */
  disks: LeasedDisk[];
}

interface Task {
  /** Questions until it has ended. */
  left: number;
  run(): void;
  error?: Fault;
}

/** The elements of VirtualMachineConfigSpec that this fake knows, in the order that the schema has. */
const CONFIG_ORDER = ['name', 'version', 'guestId', 'annotation', 'files', 'numCPUs', 'memoryMB', 'deviceChange'];
/** The newest virtual hardware of vSphere 8. */
const NEWEST_HARDWARE = 21;

/** What is there before the first push. */
const OBJECTS: Record<string, [string, string]> = {
  DC: ['Datacenter', 'datacenter-1'],
  'DC/vm': ['Folder', 'group-v1'],
  'DC/vm/images': ['Folder', 'group-v2'],
  'DC/host/cluster/Resources': ['ResourcePool', 'resgroup-1'],
  'DC/datastore/store': ['Datastore', 'datastore-1'],
  'DC/network/VM Network': ['Network', 'network-1'],
};
const FOLDER = 'DC/vm/images';

/** The part of vim25 that imports need, of a vCenter or of an ESXi host. */
export class FakeInventory {
  readonly server: ProviderServer;
  readonly machines = new Map<string, Machine>();
  readonly leases: FakeLeases;
  readonly denied = new Set<string>();
  apiType: 'VirtualCenter' | 'HostAgent' = 'VirtualCenter';
  freeSpace = 1e12;
  /** Reads of machines that tell no configuration yet. */
  readsWithoutConfig = 0;
  /** Searches by path that do not find a machine yet. */
  blindSearches = 0;
  password = 'secret';
  now = 1_700_000_000_000;
  private readonly logins = new Set<string>();
  private readonly tasks = new Map<string, Task>();
  private nextMachine = 1;

  constructor() {
    this.server = new ProviderServer('vsphere', (call) => this.handle(call));
    this.leases = new FakeLeases(
      () => this.now,
      (id) => void this.machines.delete(id),
    );
  }

  endLogins(): void {
    this.logins.clear();
  }

  addMachine(name: string, annotation: string): Machine {
    const id = `vm-${this.nextMachine++}`;
    const machine = { id, name, annotation, isTemplate: false, isOn: false, capacity: 0, disks: [] };
    this.machines.set(id, machine);
    return machine;
  }

  /** What a user makes of a template or a machine: it has the same notes. */
  cloneMachine(id: string, name: string): Machine {
    const { annotation, capacity } = this.findMachine(id);
    return Object.assign(this.addMachine(name, annotation), { capacity });
  }

  private handle(call: ProviderCall): ProviderReply {
    if (call.path.startsWith('/nfc/')) return { status: call.method === 'POST' ? this.leases.post(call) : 405 };
    if (call.path !== '/sdk') return { status: 404 };
    try {
      return this.perform(readCall(call.body.toString('utf8')), call);
    } catch (error) {
      if (error instanceof Fault) return faultReply(error);
      throw error;
    }
  }

  private perform(call: Argument, { headers, origin }: ProviderCall): ProviderReply {
    const { name } = call;
    const self = textOf(call, '_this');
    if (name === 'RetrieveServiceContent') return soapReply(name, this.describeService());
    if (name === 'Login') return this.login(call);
    const session = /vmware_soap_session="?([^";]*)/.exec(headers.cookie ?? '')?.[1] ?? '';
    if (!this.logins.has(session)) throw new Fault('NotAuthenticated', 'The session is not authenticated.');
    const lease = (): ReturnType<FakeLeases['find']> => this.leases.find(self, session);
    switch (name) {
      case 'Logout':
        this.logins.delete(session);
        return soapReply(name, '');
      case 'FindByInventoryPath':
        return soapReply(name, this.findByPath(textOf(call, 'inventoryPath')));
      case 'RetrievePropertiesEx':
        return soapReply(name, this.retrieve(call, session, origin));
      case 'HasPrivilegeOnEntities':
        return soapReply(name, this.describePrivileges(call, session));
      case 'CreateImportSpec':
        return soapReply(name, this.createImportSpec(call));
      case 'ImportVApp':
        return soapReply(name, this.importVApp(call, session));
      case 'HttpNfcLeaseProgress':
        this.leases.progress(lease(), textOf(call, 'percent'));
        return soapReply(name, '');
      case 'HttpNfcLeaseComplete':
        this.leases.complete(lease());
        return soapReply(name, '');
      case 'HttpNfcLeaseAbort':
        this.leases.abort(lease());
        return soapReply(name, '');
      case 'ReconfigVM_Task':
        return this.startTask(name, this.reconfigure(this.findMachine(self), call));
      case 'Destroy_Task':
        return this.startTask(name, this.destroy(this.findMachine(self)));
      case 'MarkAsTemplate':
        this.markAsTemplate(this.findMachine(self));
        return soapReply(name, '');
      default:
        throw new Fault('InvalidRequest', `unknown method ${name}`);
    }
  }

  private describeService(): string {
    const managers = ['propertyCollector', 'sessionManager', 'authorizationManager', 'searchIndex', 'ovfManager'];
    const texts = managers.map((name) => `<${name} type="${name}">${name}</${name}>`);
    const about = `<about><name>fake</name><apiType>${this.apiType}</apiType></about>`;
    return `<returnval><rootFolder type="Folder">group-d1</rootFolder>${texts.join('')}${about}</returnval>`;
  }

  private login(call: Argument): ProviderReply {
    if (textOf(call, 'userName') !== 'images@vsphere.local' || textOf(call, 'password') !== this.password) {
      throw new Fault('InvalidLogin', 'Cannot complete login due to an incorrect user name or password.');
    }
    const key = randomUUID();
    this.logins.add(key);
    const cookie = { 'set-cookie': `vmware_soap_session="${key}"; Path=/; HttpOnly` };
    return soapReply('Login', `<returnval><key>${key}</key><userName>images</userName></returnval>`, cookie);
  }

  private findByPath(path: string): string {
    const found = OBJECTS[path];
    if (found !== undefined) return `<returnval type="${found[0]}">${found[1]}</returnval>`;
    if (this.blindSearches-- > 0) return '';
    for (const { id, name } of this.listMachines()) {
      if (path === `${FOLDER}/${name}`) return `<returnval type="VirtualMachine">${id}</returnval>`;
    }
    return '';
  }

  /** An import that was not kept alive takes its machine away. */
  private listMachines(): Machine[] {
    for (const id of [...this.machines.keys()]) this.leases.holds(id);
    return [...this.machines.values()];
  }

  private retrieve(call: Argument, session: string, origin: string): string {
    const type = textOf(call, 'specSet', 'propSet', 'type');
    const id = textOf(call, 'specSet', 'objectSet', 'obj');
    const values = this.describeObject(type, id, session, origin);
    const wanted = find(call, 'specSet', 'propSet')?.children.filter(({ name }) => name === 'pathSet') ?? [];
    const sets = wanted.flatMap(({ text }) => {
      const value = values[text];
      return value === undefined ? [] : [`<propSet><name>${text}</name>${value}</propSet>`];
    });
    return `<returnval><objects><obj type="${type}">${escapeXml(id)}</obj>${sets.join('')}</objects></returnval>`;
  }

  private describeObject(type: string, id: string, session: string, origin: string): Record<string, string> {
    const text = (value: string | number | boolean): string =>
      `<val xsi:type="xsd:string">${escapeXml(String(value))}</val>`;
    switch (type) {
      case 'HttpNfcLease':
        return this.leases.describe(this.leases.find(id, session), origin);
      case 'Task':
        return this.describeTask(id);
      case 'Datastore':
        return { 'summary.freeSpace': text(this.freeSpace) };
      case 'Folder': {
        const children = this.listMachines().map(
          (machine) => `<ManagedObjectReference type="VirtualMachine">${machine.id}</ManagedObjectReference>`,
        );
        return { childEntity: `<val xsi:type="ArrayOfManagedObjectReference">${children.join('')}</val>` };
      }
      default: {
        const { name, annotation, isTemplate, capacity } = this.findMachine(id);
        const disk = `<VirtualDevice xsi:type="VirtualDisk"><key>2000</key><capacityInKB>${capacity / 1024}</capacityInKB></VirtualDevice>`;
        if (this.readsWithoutConfig-- > 0) return { name: text(name) };
        return {
          name: text(name),
          'config.annotation': text(annotation),
          'config.template': `<val xsi:type="xsd:boolean">${isTemplate}</val>`,
          'config.hardware.device': `<val xsi:type="ArrayOfVirtualDevice"><VirtualDevice xsi:type="VirtualIDEController"><key>200</key></VirtualDevice>${disk}</val>`,
        };
      }
    }
  }

  private describePrivileges(call: Argument, session: string): string {
    if (textOf(call, 'sessionId') !== session) throw new Fault('InvalidArgument', 'the sessionId is unknown');
    const privileges = call.children.filter(({ name }) => name === 'privId');
    const availability = privileges.map(
      ({ text }) =>
        `<privAvailability><privId>${text}</privId><isGranted>${!this.denied.has(text)}</isGranted></privAvailability>`,
    );
    return `<returnval><entity type="Folder">x</entity>${availability.join('')}</returnval>`;
  }

  private createImportSpec(call: Argument): string {
    const order = call.children.map(({ name }) => name).join(' ');
    if (order !== '_this ovfDescriptor resourcePool datastore cisp') throw new Fault('InvalidRequest', order);
    const descriptor = textOf(call, 'ovfDescriptor');
    const name = textOf(call, 'cisp', 'entityName');
    if (textOf(call, 'cisp', 'networkMapping', 'network') !== 'network-1')
      throw new Fault('InvalidArgument', 'network');
    const hardware = Number(/<vssd:VirtualSystemType>vmx-(\d+)</.exec(descriptor)?.[1]);
    if (!(hardware <= NEWEST_HARDWARE)) {
      const message = `Unsupported hardware family 'vmx-${hardware}'.`;
      const fault = '<fault xsi:type="OvfUnsupportedHardwareFamily"></fault>';
      return `<returnval><error>${fault}<localizedMessage>${message}</localizedMessage></error></returnval>`;
    }
    const [, href = ''] = /<File ovf:href="([^"]*)"/.exec(descriptor) ?? [];
    const size = /ovf:size="(\d+)"/.exec(descriptor)?.[1];
    const capacity = Number(/ovf:capacity="(\d+)"/.exec(descriptor)?.[1]);
    const disk = `<deviceChange><operation>add</operation><device xsi:type="VirtualDisk"><capacityInKB>${capacity / 1024}</capacityInKB></device></deviceChange>`;
    const config = `<configSpec><name>${escapeXml(name)}</name><version>vmx-${hardware}</version><guestId>debian11_64Guest</guestId><files><vmPathName>[store]</vmPathName></files><numCPUs>1</numCPUs><memoryMB>1024</memoryMB>${disk}</configSpec>`;
    const item = `<fileItem><deviceId>/${name}/VirtualLsiLogicController0:0</deviceId><path>${href}</path><size>${size}</size><cimType>17</cimType><create>false</create></fileItem>`;
    return `<returnval><importSpec xsi:type="VirtualMachineImportSpec">${config}<resPoolEntity type="ResourcePool">resgroup-1</resPoolEntity></importSpec>${item}</returnval>`;
  }

  private importVApp(call: Argument, session: string): string {
    this.require('VApp.Import');
    const spec = find(call, 'spec');
    const config = find(spec, 'configSpec');
    if (config === undefined || spec?.attributes['xsi:type'] !== 'VirtualMachineImportSpec') {
      throw new Fault('InvalidRequest', 'the specification is none of a virtual machine');
    }
    const names = config.children.map(({ name }) => CONFIG_ORDER.indexOf(name));
    if (names.some((position, at) => position < (names[at - 1] ?? 0))) {
      throw new Fault('InvalidRequest', 'the elements of the specification are not in the order of the schema');
    }
    if (textOf(call, 'folder') !== 'group-v2') throw new Fault('InvalidArgument', 'folder');
    const name = textOf(config, 'name');
    if (this.listMachines().some((machine) => machine.name === name)) {
      throw new Fault('DuplicateName', `The name '${name}' already exists.`);
    }
    const machine = this.addMachine(name, textOf(config, 'annotation'));
    machine.capacity = Number(textOf(config, 'deviceChange', 'device', 'capacityInKB')) * 1024;
    const deviceId = `/${name}/VirtualLsiLogicController0:0`;
    machine.disks = [{ deviceId, size: this.diskSize, content: undefined }];
    const lease = this.leases.start(session, machine.id, machine.disks);
    return `<returnval type="HttpNfcLease">${lease.id}</returnval>`;
  }

  /** Bytes that the descriptor announces for the disk; the specification does not carry them. */
  diskSize = 0;

  private reconfigure(machine: Machine, call: Argument): Task {
    this.require('VirtualMachine.Config.Annotation');
    const [change, ...others] = find(call, 'spec')?.children ?? [];
    if (change?.name !== 'annotation' || others.length > 0) throw new Fault('InvalidRequest', 'only the annotation');
    return this.makeTask(machine, () => {
      machine.annotation = change.text;
    });
  }

  private destroy(machine: Machine): Task {
    this.require('VirtualMachine.Inventory.Delete');
    if (machine.isOn) throw new Fault('InvalidPowerState', 'The operation is not allowed while it is powered on.');
    return this.makeTask(machine, () => void this.machines.delete(machine.id));
  }

  private markAsTemplate(machine: Machine): void {
    this.require('VirtualMachine.Provisioning.MarkAsTemplate');
    if (this.apiType === 'HostAgent' || machine.isTemplate) throw new Fault('NotSupported', 'not supported');
    if (this.leases.holds(machine.id)) throw new Fault('InvalidState', 'the machine is being imported');
    machine.isTemplate = true;
  }

  /** "While the lease is held, operations that alter the state of the virtual machines are blocked." */
  private makeTask({ id }: Machine, run: () => void): Task {
    if (!this.leases.holds(id)) return { left: 1, run };
    return { left: 0, run, error: new Fault('TaskInProgress', 'Another task is already in progress.') };
  }

  private startTask(method: string, task: Task): ProviderReply {
    const id = `task-${this.tasks.size + 1}`;
    this.tasks.set(id, task);
    if (task.error === undefined && task.left === 0) task.run();
    return soapReply(method, `<returnval type="Task">${id}</returnval>`);
  }

  private describeTask(id: string): Record<string, string> {
    const task = this.tasks.get(id);
    if (task === undefined) throw new Fault('ManagedObjectNotFound', `no task ${id}`);
    const state = (name: string): string => `<val xsi:type="TaskInfoState">${name}</val>`;
    if (task.error !== undefined) {
      const { fault, message } = task.error;
      const error = `<val xsi:type="LocalizedMethodFault"><fault xsi:type="${fault}"></fault><localizedMessage>${message}</localizedMessage></val>`;
      return { 'info.state': state('error'), 'info.error': error };
    }
    if (task.left-- > 0) return { 'info.state': state('running') };
    if (task.left === -1) task.run();
    return { 'info.state': state('success') };
  }

  private require(privilege: string): void {
    if (!this.denied.has(privilege)) return;
    const detail = `<object type="Folder">group-v2</object><privilegeId>${privilege}</privilegeId>`;
    throw new Fault('NoPermission', 'Permission to perform this operation was denied.', detail);
  }

  private findMachine(id: string): Machine {
    this.leases.holds(id);
    const machine = this.machines.get(id);
    if (machine === undefined) throw new Fault('ManagedObjectNotFound', `no machine ${id}`);
    return machine;
  }
}
