import { z } from 'zod';

/*
 * The parts of the engine's answers that we read. Its JSON writes numbers and truth values as text, and leaves out what
 * is empty, also a whole list: https://ovirt.github.io/ovirt-engine-api-model/
 */

const NUMBER = z.coerce.number();

export const DISK = z.looseObject({
  id: z.string(),
  alias: z.string().optional(),
  description: z.string().optional(),
  status: z.string().optional(),
  provisioned_size: NUMBER.optional(),
  actual_size: NUMBER.optional(),
  /** The virtual machines that have the disk. */
  vms: z.looseObject({ vm: z.array(z.looseObject({ id: z.string(), name: z.string().optional() })) }).optional(),
});
export type OvirtDisk = z.infer<typeof DISK>;

export const TRANSFER = z.looseObject({
  id: z.string(),
  phase: z.string(),
  direction: z.string().optional(),
  disk: z.looseObject({ id: z.string() }).optional(),
  image: z.looseObject({ id: z.string() }).optional(),
  /** The host's own address, and the engine's proxy, where hosts cannot be reached from outside. */
  transfer_url: z.string().optional(),
  proxy_url: z.string().optional(),
});
export type OvirtTransfer = z.infer<typeof TRANSFER>;

export const STORAGE_DOMAIN = z.looseObject({
  id: z.string(),
  name: z.string(),
  type: z.string().optional(),
  /** bytes */
  available: NUMBER.optional(),
  storage: z.looseObject({ type: z.string().optional() }).optional(),
});
export type OvirtStorageDomain = z.infer<typeof STORAGE_DOMAIN>;

export const CLUSTER = z.looseObject({
  id: z.string(),
  name: z.string(),
  cpu: z.looseObject({ architecture: z.string().optional() }).optional(),
});
export type OvirtCluster = z.infer<typeof CLUSTER>;

/** A virtual machine or a template. */
export const MACHINE = z.looseObject({
  id: z.string(),
  name: z.string(),
  description: z.string().optional(),
  status: z.string().optional(),
  creation_time: NUMBER.optional(),
});
export type OvirtMachine = z.infer<typeof MACHINE>;

export const ATTACHMENT = z.looseObject({ id: z.string() });

export const API = z.looseObject({
  product_info: z
    .looseObject({ version: z.looseObject({ full_version: z.string().optional() }).optional() })
    .optional(),
});

/** The items of a list. The engine leaves the key out when there are none. */
export function listOf<T extends z.ZodType>(key: string, item: T): z.ZodType<z.output<T>[]> {
  return z
    .looseObject({ [key]: z.array(item).optional() })
    .transform((list) => ((list as Record<string, unknown>)[key] ?? []) as z.output<T>[]);
}
