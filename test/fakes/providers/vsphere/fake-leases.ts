import { randomUUID } from 'node:crypto';
import type { ProviderCall } from '../provider-server.js';
import { escapeXml, Fault } from './soap-reply.js';

/** Seconds until a lease ends when nobody reports progress (HttpNfcLeaseInfo.leaseTimeout). */
const TIMEOUT = 300;

export interface LeasedDisk {
  deviceId: string;
  /** Bytes that the descriptor announces. */
  size: number;
  content: Buffer | undefined;
}

export interface Lease {
  id: string;
  /** The session that has made it: no other one sees it. */
  session: string;
  machine: string;
  state: 'initializing' | 'ready' | 'done' | 'error';
  error?: { fault: string; message: string };
  expires: number;
  disks: LeasedDisk[];
}

/** The leases of imports: vim.HttpNfcLease. One that is aborted, or times out, removes its machine. */
export class FakeLeases {
  readonly leases = new Map<string, Lease>();
  /** The fault in which the next lease ends while it is made ready. */
  nextError: { fault: string; message: string } | undefined;
  /** An ESXi host writes an asterisk for its own name into addresses. */
  writesAsterisk = false;

  /** What stands in addresses in the place of the server: `http://esx.example.org`. */
  host: string | undefined;

  constructor(
    private readonly now: () => number,
    private readonly removeMachine: (id: string) => void,
  ) {}

  start(session: string, machine: string, disks: LeasedDisk[]): Lease {
    const id = `session[${randomUUID()}]${randomUUID()}`;
    const expires = this.now() + TIMEOUT * 1000;
    const lease: Lease = { id, session, machine, state: 'initializing', expires, disks };
    this.leases.set(id, lease);
    return lease;
  }

  /** Whether operations on the machine are blocked: it is being imported. */
  holds(machine: string): boolean {
    this.expire();
    return [...this.leases.values()].some((lease) => lease.machine === machine && isOpen(lease));
  }

  find(id: string, session: string): Lease {
    this.expire();
    const lease = this.leases.get(id);
    if (lease === undefined || lease.session !== session) throw new Fault('ManagedObjectNotFound', `no lease ${id}`);
    return lease;
  }

  /** Returns the properties as XML, and makes a new lease ready. */
  describe(lease: Lease, origin: string): Record<string, string> {
    const read = lease.state;
    if (lease.state === 'initializing') {
      if (this.nextError === undefined) lease.state = 'ready';
      else this.fail(lease, this.nextError);
      this.nextError = undefined;
    }
    const error = lease.state === 'error' && read === 'error' ? lease.error : undefined;
    return {
      state: `<val xsi:type="HttpNfcLeaseState">${read}</val>`,
      ...(read === 'ready'
        ? { info: `<val xsi:type="HttpNfcLeaseInfo">${this.describeInfo(lease, origin)}</val>` }
        : {}),
      ...(error === undefined
        ? {}
        : {
            error: `<val xsi:type="LocalizedMethodFault"><fault xsi:type="${error.fault}"></fault><localizedMessage>${escapeXml(error.message)}</localizedMessage></val>`,
          }),
    };
  }

  progress(lease: Lease, percent: string): void {
    if (!/^(\d|\d\d|100)$/.test(percent)) throw new Fault('InvalidArgument', `percent ${percent}`);
    if (!isOpen(lease)) throw new Fault('Timedout', 'the lease has ended');
    lease.expires = this.now() + TIMEOUT * 1000;
  }

  complete(lease: Lease): void {
    if (lease.state !== 'ready') throw new Fault('InvalidState', 'the lease is not ready');
    if (lease.disks.some(({ content }) => content === undefined)) throw new Fault('InvalidState', 'a disk is missing');
    lease.state = 'done';
  }

  abort(lease: Lease): void {
    if (!isOpen(lease)) throw new Fault('InvalidState', 'the lease has ended');
    this.fail(lease, { fault: 'RequestCanceled', message: 'the client has aborted the import' });
  }

  /** Takes a disk at its address. */
  post({ path, body, headers }: ProviderCall): number {
    this.expire();
    const [, , id = '', number = ''] = path.split('/').map(decodeURIComponent);
    const lease = this.leases.get(id);
    const disk = lease?.disks[Number(number)];
    if (lease?.state !== 'ready' || disk === undefined) return 404;
    if (headers['content-type'] !== 'application/x-vnd.vmware-streamVmdk') return 415;
    if (body.length !== disk.size) {
      this.fail(lease, { fault: 'SystemError', message: `the disk has ${body.length} bytes, not ${disk.size}` });
      return 500;
    }
    disk.content = body;
    return 200;
  }

  private fail(lease: Lease, error: { fault: string; message: string }): void {
    Object.assign(lease, { state: 'error', error });
    this.removeMachine(lease.machine);
  }

  private expire(): void {
    for (const lease of this.leases.values()) {
      if (isOpen(lease) && lease.expires <= this.now()) {
        this.fail(lease, { fault: 'Timedout', message: 'no progress was reported' });
      }
    }
  }

  private describeInfo({ id, machine, disks }: Lease, origin: string): string {
    const server = this.host ?? (this.writesAsterisk ? origin.replace(/\/\/.*$/, '//*') : origin);
    const urls = disks.map(
      ({ deviceId }, number) =>
        `<deviceUrl><key>/${machine}/${number}</key><importKey>${deviceId}</importKey><url>${server}/nfc/${encodeURIComponent(id)}/${number}</url><sslThumbprint></sslThumbprint><disk>true</disk></deviceUrl>`,
    );
    return `<lease type="HttpNfcLease">${id}</lease><entity type="VirtualMachine">${machine}</entity>${urls.join('')}<totalDiskCapacityInKB>65536</totalDiskCapacityInKB><leaseTimeout>${TIMEOUT}</leaseTimeout>`;
  }
}

function isOpen({ state }: Lease): boolean {
  return state === 'initializing' || state === 'ready';
}
