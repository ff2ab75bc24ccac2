import { z } from 'zod';

/** Schemas of the fields that we read from Nova's responses (https://docs.openstack.org/api-ref/compute/). */

const linksSchema = z.array(z.object({ rel: z.string(), href: z.string() })).optional();

/** Returns the URL of the next page of a list; undefined on the last page. */
export function findNextLink(links: z.infer<typeof linksSchema>): string | undefined {
  return links?.find((link) => link.rel === 'next')?.href;
}

/**
 * Schema of a server. Most fields are optional, because Nova returns only id, status UNKNOWN and created if the
 * server's cell is down (microversion 2.69).
 */
const server = z.object({
  id: z.string(),
  name: z.string().default(''),
  status: z.string(),
  metadata: z.record(z.string(), z.string()).default({}),
  tags: z.array(z.string()).optional(),
  addresses: z
    .record(
      z.string(),
      z.array(
        z.object({
          addr: z.string(),
          version: z.number(),
          'OS-EXT-IPS:type': z.enum(['fixed', 'floating']).optional(),
        }),
      ),
    )
    .default({}),
  'OS-EXT-STS:task_state': z.string().nullable().default(null),
  'OS-EXT-STS:vm_state': z.string().default(''),
  'OS-EXT-STS:power_state': z.number().optional(),
  fault: z
    .object({ code: z.number(), message: z.string(), details: z.string().optional(), created: z.string().optional() })
    .optional(),
  flavor: z.unknown().optional(),
  image: z.unknown().optional(),
  created: z.string(),
  updated: z.string().optional(),
  'OS-SRV-USG:launched_at': z.string().nullish(),
});

export const serverSchema = z.object({ server });
export const serverPage = z.object({ servers: z.array(server), servers_links: linksSchema });
export const createdServerSchema = z.object({ server: z.object({ id: z.string() }) });
export const snapshotSchema = z.object({ image_id: z.string() });
export const consoleSchema = z.object({ output: z.string().nullable() });

const counter = z.number().nullish();
export const diagnosticsSchema = z.object({
  disk_details: z.array(z.object({ read_bytes: counter, write_bytes: counter })).default([]),
  nic_details: z.array(z.object({ rx_octets: counter, tx_octets: counter })).default([]),
});

const flavor = z.object({ id: z.string(), name: z.string(), ram: z.number(), vcpus: z.number(), disk: z.number() });
export const flavorSchema = z.object({ flavor });
export const flavorPage = z.object({ flavors: z.array(flavor), flavors_links: linksSchema });

const keypair = z.object({
  name: z.string(),
  public_key: z.string(),
  fingerprint: z.string().optional(),
  created_at: z.string().optional(),
});
export const keyPairSchema = z.object({ keypair });
export const keyPairPage = z.object({ keypairs: z.array(keyPairSchema), keypairs_links: linksSchema });

export const limitsSchema = z.object({ limits: z.object({ absolute: z.record(z.string(), z.number()) }) });
