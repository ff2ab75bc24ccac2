import { randomUUID } from 'node:crypto';
import type { DiskState, MachineState } from './state.js';

export type Fields = Record<string, unknown>;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** ValidI18NName of ovirt-engine, for ASCII. */
const NAME = /^[A-Za-z0-9_.-]+$/;
const DISK_FIELDS = [
  ...['id', 'alias', 'name', 'description', 'format', 'sparse', 'provisioned_size', 'initial_size', 'storage_domains'],
];

/** ValidDescription and the sizes of BusinessEntitiesDefinitions.java. */
export function checkDescription(description: unknown, longest: number): string | undefined {
  if (typeof description !== 'string') return 'Invalid value: description';
  if (description.length > longest) return `size must be between 0 and ${longest}`;
  return /^[\x00-\x7f]*$/.test(description) ? undefined : 'Description must be formed only from ASCII charset';
}

/** @returns the disk, or the reason to refuse it, in brackets when it is a rule of the action */
export function checkDisk(
  body: Fields,
  isBlockStorage: boolean,
  available: number,
): Omit<DiskState, 'status' | 'storage_domain'> | string {
  const unknown = Object.keys(body).filter((key) => !DISK_FIELDS.includes(key));
  if (unknown.length > 0) return `unknown fields: ${unknown.join(', ')}`;
  const { id, alias, description, format, sparse, provisioned_size: size, initial_size: initial } = body;
  if (typeof id !== 'string' || !UUID.test(id)) return `Invalid ID: ${String(id)}`;
  if (typeof size !== 'number' || format === undefined) {
    return 'Disk [provisionedSize|size, format] required for add';
  }
  if (format !== 'cow' && format !== 'raw') return 'Invalid value: format';
  if (typeof alias !== 'string' || !NAME.test(alias) || alias.length > 255) return 'Invalid value: alias';
  const refusal = checkDescription(description, 500);
  if (refusal !== undefined) return refusal;
  if (typeof sparse !== 'boolean') return 'Invalid value: sparse';
  // vdsm keeps volumes in blocks of 4096 bytes.
  if (size <= 0 || size % 4096 !== 0) return '[Cannot add Virtual Disk. The size is not a multiple of 4096.]';
  if (format === 'raw' && sparse && isBlockStorage) {
    return '[Cannot add Virtual Disk. Disk configuration (RAW Sparse) is incompatible with the storage domain type.]';
  }
  if (format === 'cow' && !sparse)
    return '[Cannot add Virtual Disk. A preallocated disk of the format COW is not allowed.]';
  if (initial !== undefined && (format !== 'cow' || typeof initial !== 'number')) return 'Invalid value: initial_size';
  if ((format === 'raw' ? size : Number(initial ?? 0)) > available) {
    return '[Cannot add Virtual Disk. Low disk space on Storage Domain data.]';
  }
  const checked = { id, alias, description: description as string, format, sparse, provisioned_size: size } as const;
  return typeof initial === 'number' ? { ...checked, initial_size: initial } : checked;
}

/** @returns the fields of every machine, or the reason to refuse it, in brackets when it is a rule of the action */
export function checkMachine(
  body: Fields,
  more: readonly string[],
  others: ReadonlyMap<string, MachineState>,
  what: string,
): Pick<MachineState, 'id' | 'name' | 'description' | 'comment'> | string {
  const unknown = Object.keys(body).filter((key) => !['name', 'description', 'comment', ...more].includes(key));
  if (unknown.length > 0) return `unknown fields: ${unknown.join(', ')}`;
  const { name, description, comment } = body;
  if (typeof name !== 'string' || !NAME.test(name) || name.length > 255) return 'Invalid value: name';
  const refusal = checkDescription(description, 255);
  if (refusal !== undefined) return refusal;
  if ([...others.values()].some((other) => other.name === name)) {
    return `[Cannot add ${what}. ${what} name is already in use. Please choose a different name.]`;
  }
  return { id: randomUUID(), name, description: description as string, comment: String(comment ?? '') };
}

/** The engine's search, for one condition. It is not case-sensitive; `*` is any text. */
export function matchesSearch(search: string | null, name: string, { description }: { description: string }): boolean {
  if (search === null) return true;
  const match = /^(name|alias|description)=(\S+)$/.exec(search);
  if (match === null) throw new Error(`the fake does not know the search ${search}`);
  const words = (match[2] ?? '').split('*').map((word) => word.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${words.join('.*')}$`, 'is').test(match[1] === 'description' ? description : name);
}
