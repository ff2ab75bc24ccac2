import type { ImageHost } from './image-host.js';

export interface DiskState {
  id: string;
  alias: string;
  description: string;
  /** An update is done after its answer. */
  nextDescription?: string;
  format: 'cow' | 'raw';
  sparse: boolean;
  provisioned_size: number;
  initial_size?: number;
  status: 'locked' | 'ok' | 'illegal';
  storage_domain: string;
}

export interface TransferState {
  id: string;
  disk: string;
  direction: 'upload' | 'download';
  phase: string;
  timeout_policy: string;
  inactivity_timeout: number;
  ticket: string;
  url: string;
}

export interface MachineState {
  id: string;
  name: string;
  description: string;
  comment: string;
  status: string;
  cluster: string;
  bios?: string;
  /** The ids of its disks. */
  disks: string[];
  /** Of a virtual machine: the template on which it depends. */
  template?: string;
}

/** What goes wrong in an engine that answers every call. Each is for once, or so many times. */
export interface Mishaps {
  /** What becomes of the next disk, instead of `ok`. */
  disk?: 'illegal' | 'gone';
  /** The phase that follows `initializing`, instead of `transferring`. */
  open?: string;
  /** The phase that follows `resuming`, instead of `transferring`. */
  resume?: string;
  /** The phase that follows `finalizing_success`, instead of `finished_success`. */
  finalize?: string;
  /** What becomes of the next template, instead of `ok`. */
  template?: 'illegal' | 'gone';
  /** What becomes of the next virtual machine, instead of `down`. */
  vm?: string;
  /** So many deletions are answered, and then fail. */
  losesDeletions?: number;
  /** So many changes of a description are answered, and then fail. */
  losesUpdates?: number;
}

/** The phase that follows a phase by itself: TransferDiskImageCommand.java of ovirt-engine. */
const NEXT_PHASE: Readonly<Record<string, string>> = {
  initializing: 'transferring',
  resuming: 'transferring',
  finalizing_success: 'finished_success',
  cancelled_user: 'finalizing_cleanup',
  cancelled_system: 'finalizing_failure',
  finalizing_cleanup: 'finished_cleanup',
  finalizing_failure: 'finished_failure',
};

/** The engine's objects. Each becomes what it becomes after it was read once: the engine works while nobody looks. */
export class EngineState {
  readonly disks = new Map<string, DiskState>();
  readonly transfers = new Map<string, TransferState>();
  readonly vms = new Map<string, MachineState>();
  readonly templates = new Map<string, MachineState>();
  readonly leaving = new Set<string>();
  mishaps: Mishaps = {};

  constructor(private readonly host: ImageHost) {}

  /** Whether one more of the calls fails after its answer. */
  takeMishap(name: 'losesDeletions' | 'losesUpdates'): boolean {
    const left = this.mishaps[name] ?? 0;
    this.mishaps[name] = Math.max(0, left - 1);
    return left > 0;
  }

  /** Lets the engine do its next step with something, after it was read. */
  async advance(kind: 'disks' | 'imagetransfers' | 'vms' | 'templates', id: string): Promise<void> {
    if (this.leaving.delete(id)) return await this.remove(kind, id);
    if (kind === 'disks') this.advanceDisk(id);
    if (kind === 'imagetransfers') await this.advanceTransfer(id);
    if (kind === 'vms') this.advanceMachine(id);
    if (kind === 'templates') this.advanceTemplate(id);
  }

  private advanceDisk(id: string): void {
    const disk = this.disks.get(id);
    if (disk?.nextDescription !== undefined) {
      disk.description = disk.nextDescription;
      delete disk.nextDescription;
    }
    const inTransfer = [...this.transfers.values()].some((one) => one.disk === id && !one.phase.startsWith('finished'));
    if (disk?.status !== 'locked' || inTransfer || this.isInTemplate(id)) return;
    const { disk: mishap } = this.mishaps;
    delete this.mishaps.disk;
    if (mishap === 'gone') this.disks.delete(id);
    else disk.status = mishap ?? 'ok';
  }

  /** The disk of a virtual machine is locked while a template is made of it. */
  private isInTemplate(id: string): boolean {
    return [...this.vms.values()].some((vm) => vm.disks.includes(id) && vm.status === 'image_locked');
  }

  private async advanceTransfer(id: string): Promise<void> {
    const transfer = this.transfers.get(id);
    if (transfer === undefined) return;
    const { phase } = transfer;
    const { mishaps } = this;
    if (phase === 'initializing') transfer.phase = mishaps.open ?? 'transferring';
    else if (phase === 'resuming') transfer.phase = mishaps.resume ?? 'transferring';
    else if (phase === 'finalizing_success') transfer.phase = mishaps.finalize ?? 'finished_success';
    else transfer.phase = NEXT_PHASE[phase] ?? phase;
    if (phase === 'initializing') delete mishaps.open;
    if (phase === 'resuming') delete mishaps.resume;
    if (phase === 'finalizing_success') delete mishaps.finalize;
    if (transfer.phase.startsWith('finished') && phase !== transfer.phase) await this.endTransfer(transfer);
  }

  private async endTransfer(transfer: TransferState): Promise<void> {
    await this.host.closeDisk(transfer.ticket);
    const disk = this.disks.get(transfer.disk);
    if (transfer.phase === 'finished_success') {
      if (disk !== undefined) disk.status = 'ok';
      return;
    }
    await this.remove('disks', transfer.disk);
  }

  private advanceMachine(id: string): void {
    const vm = this.vms.get(id);
    if (vm?.status !== 'image_locked') return;
    const inTemplate = [...this.templates.values()].some((one) => one.status === 'locked' && one.template === id);
    if (inTemplate) return;
    vm.status = this.mishaps.vm ?? 'down';
    delete this.mishaps.vm;
  }

  private advanceTemplate(id: string): void {
    const template = this.templates.get(id);
    if (template?.status !== 'locked') return;
    const { template: mishap } = this.mishaps;
    delete this.mishaps.template;
    const vm = this.vms.get(template.template ?? '');
    if (vm !== undefined) vm.status = 'down';
    for (const disk of vm?.disks ?? []) {
      const state = this.disks.get(disk);
      if (state !== undefined) state.status = 'ok';
    }
    if (mishap === 'gone') this.templates.delete(id);
    else template.status = mishap ?? 'ok';
  }

  private async remove(kind: 'disks' | 'imagetransfers' | 'vms' | 'templates', id: string): Promise<void> {
    if (kind === 'imagetransfers') return;
    if (kind === 'vms' || kind === 'templates') {
      for (const disk of this[kind].get(id)?.disks ?? []) await this.remove('disks', disk);
    }
    if (kind === 'disks') await this.host.removeDisk(id);
    this[kind].delete(id);
  }
}
