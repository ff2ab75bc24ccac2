import { randomUUID } from 'node:crypto';
import { ProviderServer, type ProviderCall, type ProviderReply } from '../provider-server.js';
import type { ImageHost } from './image-host.js';
import { FakeImageio } from './imageio.js';
import { fault, json, noSuch, renderDisk, renderList, renderMachine, renderTransfer } from './render.js';
import { EngineState, type MachineState } from './state.js';
import { checkDescription, checkDisk, checkMachine, matchesSearch, type Fields } from './validation.js';

export const USER = { username: 'imagefactory@internal', password: 'pass word+&=é' };
export const DOMAIN = { id: '2a1c6f8e-52a9-4b5e-8a4e-0a4c6c1b1f01', name: 'data' };
export const BLOCK_DOMAIN = { id: '2a1c6f8e-52a9-4b5e-8a4e-0a4c6c1b1f02', name: 'san' };
export const CLUSTER = { id: '3b1c6f8e-52a9-4b5e-8a4e-0a4c6c1b1f03', name: 'Default' };

/**
 * The engine of oVirt, as far as a push needs it, with one host. It refuses what the engine refuses: the sources are
 * TransferDiskImageCommand.java, AddDiskCommand.java, BackendDisksResource.java and BackendImageTransferResource.java
 * of ovirt-engine, and the API's model. It also refuses unknown fields, which the engine skips.
 */
export class OvirtEngine {
  readonly server: ProviderServer;
  readonly host: ImageHost;
  readonly state: EngineState;
  /** The fake imageio. Undefined when the engine has a real one. */
  readonly imageio: FakeImageio | undefined;
  readonly tokens = new Set<string>();
  /** The role of the user: it lacks what is named here. `create_disk`, `create_vm`, `create_template`. */
  readonly denied = new Set<string>();
  /** Free bytes of the storage domains. */
  available = 1024 ** 4;
  architecture = 'x86_64';
  /** The address that the engine tells for the host, when it cannot be reached. Default: the right one. */
  hostUrl: string | undefined;
  /** The address that the engine tells for its proxy. Default: that of the host. */
  proxyUrl: string | undefined;
  /** Before 4.4.7, a transfer was removed as soon as it had ended. */
  forgetsTransfers = false;

  /**
   * @param host the host with imageio. Default: a fake, at the engine's own address
   * @param tls certificate and key, for https
   */
  constructor(host?: ImageHost, tls?: { cert: string; key: string }) {
    this.server = new ProviderServer('ovirt', (call) => this.handle(call), tls);
    this.imageio = host === undefined ? new FakeImageio(() => this.server.url) : undefined;
    this.host = host ?? (this.imageio as FakeImageio);
    this.state = new EngineState(this.host);
  }

  get url(): string {
    return `${this.server.url}/ovirt-engine`;
  }

  private async handle(call: ProviderCall): Promise<ProviderReply> {
    if (call.path.startsWith('/images/')) return this.imageio?.handle(call) ?? { status: 404 };
    if (call.path === '/ovirt-engine/sso/oauth/token') return this.signIn(call);
    if (call.path === '/ovirt-engine/services/sso-logout') {
      this.tokens.delete(new URLSearchParams(call.body.toString()).get('token') ?? '');
      return json(200, {});
    }
    if (!call.path.startsWith('/ovirt-engine/api')) return { status: 404, body: '<html><body>Not Found</body></html>' };
    const token = /^Bearer (.+)$/.exec(call.headers.authorization ?? '')?.[1] ?? '';
    if (!this.tokens.has(token)) {
      const error = { error: 'invalid_grant', error_description: 'The provided authorization grant is invalid' };
      return json(401, error);
    }
    if (call.body.length > 0 && call.headers['content-type'] !== 'application/json') return { status: 415 };
    return await this.route(call);
  }

  private signIn({ body, method, headers }: ProviderCall): ProviderReply {
    if (method !== 'POST' || !/x-www-form-urlencoded/.test(headers['content-type'] ?? '')) return { status: 405 };
    const fields = new URLSearchParams(body.toString());
    const isRight = fields.get('username') === USER.username && fields.get('password') === USER.password;
    if (fields.get('grant_type') !== 'password' || fields.get('scope') !== 'ovirt-app-api') {
      return json(400, { error: 'invalid_request', error_description: 'missing parameter grant_type or scope' });
    }
    if (!isRight) {
      const text = `Cannot authenticate user '${fields.get('username')}': The user name or password is incorrect.`;
      return json(400, { error: 'access_denied', error_description: text });
    }
    const token = randomUUID();
    this.tokens.add(token);
    return json(200, { access_token: token, token_type: 'bearer', scope: 'ovirt-app-api', exp: '9223372036854775807' });
  }

  private async route(call: ProviderCall): Promise<ProviderReply> {
    const [kind = '', id, sub] = call.path.replace(/^\/ovirt-engine\/api\/?/, '').split('/');
    const body = call.body.length === 0 ? {} : (JSON.parse(call.body.toString()) as Fields);
    if (kind === '') return json(200, { product_info: { name: 'oVirt Engine', version: { full_version: '4.5.6' } } });
    if (kind === 'storagedomains') return this.listDomains();
    if (kind === 'clusters') {
      const cpu = { architecture: this.architecture, type: 'Intel Nehalem Family' };
      return renderList('cluster', [{ ...CLUSTER, cpu }]);
    }
    if (kind === 'disks') return await this.handleDisk(call, id, body);
    if (kind === 'imagetransfers') return await this.handleTransfer(call, id, sub, body);
    if (kind === 'vms' && id !== undefined && sub === 'diskattachments') return this.handleAttachment(call, id, body);
    if (kind === 'vms' || kind === 'templates') return await this.handleMachine(kind, call, id, body);
    return noSuch();
  }

  private listDomains(): ProviderReply {
    const available = String(this.available);
    return renderList('storage_domain', [
      { ...DOMAIN, type: 'data', available, storage: { type: 'nfs' } },
      { ...BLOCK_DOMAIN, type: 'data', available, storage: { type: 'iscsi' } },
      { id: randomUUID(), name: 'isos', type: 'iso', storage: { type: 'nfs' } },
    ]);
  }

  private async handleDisk(call: ProviderCall, id: string | undefined, body: Fields): Promise<ProviderReply> {
    const { disks, vms } = this.state;
    if (id === undefined && call.method === 'GET') {
      const found = [...disks.values()].filter((disk) => matchesSearch(call.query.get('search'), disk.alias, disk));
      return renderList(
        'disk',
        found.map((disk) => renderDisk(disk)),
      );
    }
    if (id === undefined) return this.createDisk(body);
    const disk = disks.get(id);
    if (disk === undefined) return noSuch();
    if (call.method === 'GET') {
      const answer = json(200, renderDisk(disk, call.query.get('all_content') === 'true' ? vms : undefined));
      await this.state.advance('disks', id);
      return answer;
    }
    if (disk.status === 'locked')
      return fault(409, '[Cannot edit Virtual Disk: Disk is locked. Please try again later.]');
    if (call.method === 'DELETE') return this.leave(id);
    if (Object.keys(body).join() !== 'description') return fault(400, 'only the description of a floating disk');
    const refusal = checkDescription(body['description'], 500);
    if (refusal !== undefined) return fault(400, refusal);
    if (!this.state.takeMishap('losesUpdates')) disk.nextDescription = body['description'] as string;
    return json(200, renderDisk(disk));
  }

  private createDisk(body: Fields): ProviderReply {
    if (this.denied.has('create_disk')) return notAuthorized();
    const domain = [DOMAIN, BLOCK_DOMAIN].find(({ id }) => JSON.stringify(body['storage_domains']).includes(id));
    if (domain === undefined) return fault(404, 'Entity not found: storage domain');
    const checked = checkDisk(body, domain === BLOCK_DOMAIN, this.available);
    if (typeof checked === 'string') return fault(checked.startsWith('[') ? 409 : 400, checked);
    if (this.state.disks.has(checked.id)) {
      return fault(409, '[Cannot add Virtual Disk. A disk with the same ID already exists.]');
    }
    const disk = { ...checked, status: 'locked' as const, storage_domain: domain.id };
    this.state.disks.set(disk.id, disk);
    return json(202, renderDisk(disk));
  }

  private async handleTransfer(
    call: ProviderCall,
    id: string | undefined,
    action: string | undefined,
    body: Fields,
  ): Promise<ProviderReply> {
    const { transfers } = this.state;
    if (id === undefined) {
      if (call.method === 'POST') return await this.createTransfer(body);
      const shown = [...transfers.values()].filter(
        ({ phase }) => !this.forgetsTransfers || !phase.startsWith('finished'),
      );
      return renderList(
        'image_transfer',
        shown.map((one) => renderTransfer(one, this.hostUrl, this.proxyUrl)),
      );
    }
    const transfer = transfers.get(id);
    if (transfer === undefined || (this.forgetsTransfers && transfer.phase.startsWith('finished'))) return noSuch();
    if (call.method === 'GET') {
      const answer = json(200, renderTransfer(transfer, this.hostUrl, this.proxyUrl));
      await this.state.advance('imagetransfers', id);
      return answer;
    }
    // What TransferImageStatusCommand allows.
    const allowed: Record<string, { from: RegExp; to: string }> = {
      finalize: { from: /^(transferring|paused_\w+)$/, to: 'finalizing_success' },
      cancel: { from: /^(initializing|resuming|transferring|paused_\w+)$/, to: 'cancelled_user' },
      resume: { from: /^paused_\w+$/, to: 'resuming' },
    };
    const step = allowed[action ?? ''];
    if (call.method !== 'POST' || step === undefined) return { status: 405 };
    if (!step.from.test(transfer.phase)) {
      return fault(409, `[Cannot ${action} image transfer. The transfer is in phase ${transfer.phase}.]`);
    }
    transfer.phase = step.to;
    return json(200, { status: 'complete' });
  }

  private async createTransfer(body: Fields): Promise<ProviderReply> {
    const { disk: wanted, direction, format, timeout_policy: policy, inactivity_timeout: timeout, ...rest } = body;
    if (Object.keys(rest).length > 0) return fault(400, `unknown fields: ${Object.keys(rest).join(', ')}`);
    const disk = this.state.disks.get(String((wanted as Fields | undefined)?.['id']));
    if (disk === undefined) return fault(404, 'Entity not found: disk');
    if (disk.status === 'locked')
      return fault(409, '[Cannot transfer Virtual Disk: Disk is locked. Please try again later.]');
    if (disk.status === 'illegal') return fault(409, '[Cannot transfer Virtual Disk. The disk is illegal.]');
    if (direction !== 'upload' || format !== 'raw') return fault(400, 'the fake takes uploads of the format raw');
    if (!['legacy', 'pause', 'cancel'].includes(String(policy))) return fault(400, 'Invalid value: timeout_policy');
    const id = randomUUID();
    const ticket = randomUUID();
    const url = await this.host.openDisk({
      id: ticket,
      diskId: disk.id,
      size: disk.provisioned_size,
      format: disk.format,
      sparse: disk.sparse,
    });
    disk.status = 'locked';
    const transfer = {
      ...{ id, disk: disk.id, direction: 'upload' as const, phase: 'initializing', ticket, url },
      ...{ timeout_policy: String(policy), inactivity_timeout: Number(timeout) },
    };
    this.state.transfers.set(id, transfer);
    return json(201, renderTransfer(transfer, this.hostUrl, this.proxyUrl));
  }

  private async handleMachine(
    kind: 'vms' | 'templates',
    call: ProviderCall,
    id: string | undefined,
    body: Fields,
  ): Promise<ProviderReply> {
    const machines = this.state[kind];
    if (id === undefined && call.method === 'GET') {
      const found = [...machines.values()].filter((one) => matchesSearch(call.query.get('search'), one.name, one));
      return renderList(kind.slice(0, -1), found.map(renderMachine));
    }
    if (id === undefined) return kind === 'vms' ? this.createVm(body) : await this.createTemplate(body);
    const machine = machines.get(id);
    if (machine === undefined) return noSuch();
    if (call.method === 'GET') {
      const answer = json(200, renderMachine(machine));
      await this.state.advance(kind, id);
      return answer;
    }
    if (call.method === 'PUT' && kind === 'templates') {
      const refusal = Object.keys(body).join() === 'description' ? checkDescription(body['description'], 255) : 'field';
      if (refusal !== undefined) return fault(400, refusal);
      if (!this.state.takeMishap('losesUpdates')) machine.description = body['description'] as string;
      return json(200, renderMachine(machine));
    }
    if (call.method !== 'DELETE') return { status: 405 };
    if (/locked$/.test(machine.status))
      return fault(409, '[Cannot remove. Related operation is currently in progress. Please try again later.]');
    if (kind === 'templates' && [...this.state.vms.values()].some((vm) => vm.template === id)) {
      return fault(409, '[Cannot delete Template. Template is being used by the following VMs: web.]');
    }
    return this.leave(id);
  }

  /** A deletion is done after its answer, or fails then. */
  private leave(id: string): ProviderReply {
    if (!this.state.takeMishap('losesDeletions')) this.state.leaving.add(id);
    return json(200, { status: 'complete' });
  }

  private createVm(body: Fields): ProviderReply {
    if (this.denied.has('create_vm')) return notAuthorized();
    const checked = checkMachine(body, ['cluster', 'template', 'type', 'os', 'bios'], this.state.vms, 'VM');
    if (typeof checked === 'string') return fault(checked.startsWith('[') ? 409 : 400, checked);
    if ((body['cluster'] as Fields | undefined)?.['id'] !== CLUSTER.id) return fault(404, 'Entity not found: cluster');
    const bios = String((body['bios'] as Fields | undefined)?.['type']);
    if (!['cluster_default', 'i440fx_sea_bios', 'q35_ovmf', 'q35_sea_bios', 'q35_secure_boot'].includes(bios)) {
      return fault(400, `Invalid value: ${bios}`);
    }
    const vm: MachineState = { ...checked, status: 'image_locked', cluster: CLUSTER.id, bios, disks: [] };
    this.state.vms.set(vm.id, vm);
    return json(201, renderMachine(vm));
  }

  private handleAttachment(call: ProviderCall, vmId: string, body: Fields): ProviderReply {
    const vm = this.state.vms.get(vmId);
    if (vm === undefined) return noSuch();
    if (call.method === 'GET')
      return renderList(
        'disk_attachment',
        vm.disks.map((id) => ({ id, disk: { id } })),
      );
    const { disk: wanted, bootable, active, interface: bus, ...rest } = body;
    const id = String((wanted as Fields | undefined)?.['id']);
    const disk = this.state.disks.get(id);
    if (Object.keys(rest).length > 0 || typeof bootable !== 'boolean' || typeof active !== 'boolean') {
      return fault(400, 'wrong attachment');
    }
    if (!['virtio', 'virtio_scsi', 'sata', 'ide'].includes(String(bus))) return fault(400, 'Invalid value: interface');
    if (disk === undefined) return fault(404, 'Entity not found: disk');
    if (vm.disks.includes(id)) return fault(409, '[Cannot attach Virtual Disk. The disk is already attached to VM.]');
    if (disk.status !== 'ok' || vm.status !== 'down') {
      return fault(409, '[Cannot attach Virtual Disk: Disk is locked. Please try again later.]');
    }
    vm.disks.push(id);
    return json(201, { id, disk: { id } });
  }

  private async createTemplate(body: Fields): Promise<ProviderReply> {
    if (this.denied.has('create_template')) return notAuthorized();
    const vm = this.state.vms.get(String((body['vm'] as Fields | undefined)?.['id']));
    if (vm === undefined) return fault(404, 'Entity not found: vm');
    const checked = checkMachine(body, ['vm'], this.state.templates, 'Template');
    if (typeof checked === 'string') return fault(checked.startsWith('[') ? 409 : 400, checked);
    if (vm.status !== 'down') return fault(409, '[Cannot add Template. VM is locked. Please try again later.]');
    const disks: string[] = [];
    for (const id of vm.disks) {
      const disk = this.state.disks.get(id);
      if (disk === undefined) continue;
      const copy = { ...disk, id: randomUUID(), status: 'ok' as const };
      disk.status = 'locked';
      this.state.disks.set(copy.id, copy);
      await this.host.copyDisk(id, copy.id);
      disks.push(copy.id);
    }
    vm.status = 'image_locked';
    const template = { ...checked, status: 'locked', cluster: vm.cluster, disks, template: vm.id };
    if (vm.bios !== undefined) Object.assign(template, { bios: vm.bios });
    this.state.templates.set(template.id, template);
    return json(201, renderMachine(template));
  }
}

function notAuthorized(): ProviderReply {
  return fault(409, '[User is not authorized to perform this action.]');
}
