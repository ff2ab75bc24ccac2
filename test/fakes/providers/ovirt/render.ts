import type { ProviderReply } from '../provider-server.js';
import type { DiskState, MachineState, TransferState } from './state.js';

export function json(status: number, document: unknown): ProviderReply {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(document) };
}

export function fault(status: number, detail: string): ProviderReply {
  return json(status, { detail, reason: 'Operation Failed' });
}

/** The engine answers 404 without a body. */
export function noSuch(): ProviderReply {
  return { status: 404 };
}

/** A list without items is an empty object. */
export function renderList(key: string, items: readonly unknown[]): ProviderReply {
  return json(200, items.length === 0 ? {} : { [key]: items });
}

/**
 * Numbers and truth values are text.
 *
 * @param vms all virtual machines, when the caller asks for all content: else those of the disk are left out
 */
export function renderDisk(disk: DiskState, vms?: ReadonlyMap<string, MachineState>): Record<string, unknown> {
  const users = [...(vms?.values() ?? [])].filter((vm) => vm.disks.includes(disk.id));
  return {
    id: disk.id,
    name: disk.alias,
    alias: disk.alias,
    description: disk.description,
    status: disk.status,
    format: disk.format,
    sparse: String(disk.sparse),
    provisioned_size: String(disk.provisioned_size),
    actual_size: String(disk.initial_size ?? 0),
    storage_domains: { storage_domain: [{ id: disk.storage_domain }] },
    ...(users.length === 0 ? {} : { vms: { vm: users.map(({ id, name }) => ({ id, name })) } }),
  };
}

/** The addresses are told while bytes can be sent. */
export function renderTransfer(transfer: TransferState, hostUrl?: string, proxyUrl?: string): Record<string, unknown> {
  const { id, disk, direction, phase, timeout_policy, inactivity_timeout, url } = transfer;
  const isOpen = phase === 'transferring';
  return {
    ...{ id, direction, phase, timeout_policy, inactivity_timeout: String(inactivity_timeout) },
    ...{ disk: { id: disk }, image: { id: disk }, format: 'raw', shallow: 'false', transferred: '0' },
    ...(isOpen ? { transfer_url: hostUrl ?? url, proxy_url: proxyUrl ?? url } : {}),
  };
}

export function renderMachine({ id, name, description, comment, status, cluster }: MachineState): unknown {
  return { id, name, description, comment, status, cluster: { id: cluster }, creation_time: '1790000000000' };
}
